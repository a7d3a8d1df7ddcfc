"""The subjects that `scripts/bench` measures, by the names it takes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subject:
    """A module that measures, what it is about, and with what besides the rounds it is called."""

    module: str
    what: str
    options: dict[str, int] = field(default_factory=dict)


SUBJECTS = {
    "bursts": Subject("bench.bursts", "bars 1 and 2: programs in bursts, beside bare spawning"),
    "functions": Subject("bench.functions", "bar 3: Python functions, beside a bare pool"),
    "calls": Subject("bench.calls", "bars 4 and 5: `exec`, beside an echo, idle and under load"),
    "delays": Subject("bench.delays", "bar 6 without a browser: from exit to event"),
    "browser": Subject("bench.browser", "bar 6: the end of a program, in a real browser"),
    "output": Subject("bench.output", "bar 7: output to a browser and to a watcher"),
    "queue": Subject("bench.queue", "bar 8: 100,000 jobs in the queue"),
    "history": Subject("bench.history", "bar 9: 1,000,000 jobs in the history"),
    "fanout": Subject("bench.fanout", "bar 10: 1,000 subscribers"),
    "start": Subject("bench.start", "bar 11: the start of a node, beside bare Crossbar"),
    "idle": Subject("bench.idle", "bar 12: a node that has nothing to do"),
    "costs": Subject("bench.costs", "what a job costs, and which process"),
    "growth": Subject("bench.growth", "what grows with jobs, users, watchers and output"),
    "peers": Subject("bench.peers.race", "other task queues, beside ours and the bare parts"),
    "peers-8": Subject("bench.peers.race", "the same with 8 slots", {"slots": 8}),
}

BESIDES = ("delays", "costs", "growth", "peers", "peers-8")
"""What is measured only when it is asked for."""
