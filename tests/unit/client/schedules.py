"""
Random schedules of all that can happen between a journal and a stream that follows it.

`python -m tests.unit.client.schedules 10000` runs as many and prints what came of them.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from taskrealm.client.stream import Position, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 60  # in one schedule, at most
AHEAD_LIMIT = 4  # so that schedules reach it
QUESTIONS = 10  # that may be asked at the end besides one for each event

few = st.integers(1, 4)
anywhere = st.integers(0, 20)


@dataclass(frozen=True)
class Kept:
    """What the journal holds at a moment: the events from `first` to `newest` of `epoch`."""

    epoch: str
    first: int
    newest: int

    def follows(self, position: Position) -> bool:
        """Whether the event right after *position*, or the wait for it, is to be had."""
        return self.epoch == position.epoch and self.first - 1 <= position.seq <= self.newest


class World(RuleBasedStateMachine):
    """
    A journal, a network without mercy, and a stream at its other end.

    The network may lose, repeat, reorder and delay publications, also beyond the session
    that they were sent in, and cut the connection with questions and answers on it. Answers
    may be old when they arrive. The journal forgets its oldest events, and starts anew. Only
    what the design promises is taken for granted: a new connection or executor raises a
    doubt, and a publication that is lost on a living connection is followed by another.
    """

    make_stream: ClassVar[Callable[[], Stream]] = lambda: Stream(ahead_limit=AHEAD_LIMIT)
    schedules: ClassVar[int] = 0
    steps: ClassVar[int] = 0
    resets: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        World.schedules += 1
        self.stream = type(self).make_stream()
        self.kept = Kept("epoch 0", 1, 3)
        self.is_connected = True
        self.line: deque[list[dict[str, Any]] | None] = deque()  # None announces an executor
        self.late: list[list[dict[str, Any]]] = []
        self.asked: Position | None = None
        self.answer: tuple[dict[str, Any], Kept] | None = None
        self.reached: Position | None = None
        self.has_lost_the_last = False
        self.ask()

    # What happens at the node

    @rule(publications=few, events=few)
    def things_happen(self, publications: int, events: int) -> None:
        for _ in range(publications):
            self.publish(self.happen(events))

    @rule(keeps=st.sampled_from([0, 1, 2, 4, 8]))
    def journal_forgets(self, keeps: int) -> None:
        kept = self.kept
        self.kept = Kept(kept.epoch, max(kept.first, kept.newest + 1 - keeps), kept.newest)

    @rule(undone=anywhere, is_so=st.sampled_from([True, False, False]))
    def journal_is_restored(self, undone: int, is_so: bool) -> None:
        if is_so:
            self.connection_is_cut(are_late=True, is_asked_again=True)
            kept = self.kept
            number = int(kept.epoch.removeprefix("epoch ")) + 1
            newest = max(0, kept.newest - undone)
            self.kept = Kept(f"epoch {number}", min(kept.first, newest + 1), newest)

    @precondition(lambda self: self.is_connected)
    @rule(lost=few, unheard=few, is_question_lost=st.sampled_from([True, False, False, False]))
    def executor_restarts(self, lost: int, unheard: int, is_question_lost: bool) -> None:
        for _ in range(min(lost, len(self.line))):
            self.line.pop()
        if is_question_lost:
            self.question_is_lost(is_asked_again=True)
        self.happen(unheard)
        self.line.append(None)
        self.has_lost_the_last = False

    # What the network does

    @precondition(lambda self: self.line)
    @rule(index=st.sampled_from([0, 0, 0, 1, 2, 3]), times=st.sampled_from([1, 1, 1, 2]))
    def publication_arrives(self, index: int, times: int) -> None:
        index = min(index, len(self.line) - 1)
        publication = self.line[index]
        del self.line[index]
        for _ in range(times):
            self.arrive(publication)

    @precondition(lambda self: self.late)
    @rule(index=anywhere)
    def late_publication_arrives(self, index: int) -> None:
        self.arrive(self.late.pop(index % len(self.late)))

    @precondition(lambda self: self.line)
    @rule(index=anywhere)
    def publication_is_lost(self, index: int) -> None:
        index %= len(self.line)
        if self.line[index] is not None:
            del self.line[index]
            self.has_lost_the_last |= index == len(self.line)

    @rule(lost=few)
    def publications_are_lost_before_another(self, lost: int) -> None:
        self.happen(lost)
        self.publish(self.happen(1))

    @precondition(lambda self: self.is_connected)
    @rule(are_late=st.booleans(), is_asked_again=st.booleans())
    def connection_is_cut(self, are_late: bool, is_asked_again: bool) -> None:
        if are_late:
            self.late += [publication for publication in self.line if publication]
        self.line.clear()
        self.is_connected = False
        self.question_is_lost(is_asked_again)

    @precondition(lambda self: not self.is_connected)
    @rule()
    def client_joins_again(self) -> None:
        self.is_connected = True
        self.has_lost_the_last = False
        self.stream.doubt()
        self.ask()

    # Questions and answers

    @precondition(lambda self: self.is_connected and self.asked and self.answer is None)
    @rule(limit=few, keeps=st.sampled_from([99, 99, 99, 0, 2]), happens=st.sampled_from([0, 0, 2]))
    def executor_answers(self, limit: int, keeps: int, happens: int) -> None:
        """The executor looks twice: meanwhile the journal may forget, and more may happen."""
        assert self.asked is not None
        kept, asked = self.kept, self.asked
        if kept.follows(asked):
            if happens:
                self.publish(self.happen(happens))
            self.journal_forgets(keeps)
            since = max(asked.seq + 1, self.kept.first)
            missing = range(since, self.kept.newest + 1)
            events = [self.event(seq) for seq in missing[:limit]]
            answer = {"recovered": True, "epoch": kept.epoch, "seq": kept.newest, "events": events}
        else:
            answer = {"recovered": False, "epoch": kept.epoch, "seq": kept.newest, "jobs": []}
        self.answer = (answer, self.kept)

    @precondition(lambda self: self.is_connected and self.answer is not None)
    @rule()
    def answer_arrives(self) -> None:
        assert self.answer is not None
        (answer, kept), self.answer, self.asked = self.answer, None, None
        page = self.stream.answered(answer)
        if page.snapshot is not None:
            assert page.is_reset == (self.reached is not None)
            if self.reached is not None:
                assert not kept.follows(self.reached), "A reset, but nothing was lost"
                World.resets += 1
            self.reached = Position(answer["epoch"], answer["seq"])
        self.deliver(page.events)
        self.ask()

    @precondition(lambda self: self.asked is not None)
    @rule(is_asked_again=st.booleans())
    def question_is_lost(self, is_asked_again: bool) -> None:
        self.answer = None
        if self.asked is not None and not is_asked_again:
            self.asked = None
            self.stream.failed()
            self.ask()

    # What must hold

    @invariant()
    def what_waits_is_bounded(self) -> None:
        World.steps += 1
        assert len(self.stream._ahead) <= AHEAD_LIMIT

    @invariant()
    def one_question_is_open_at_a_time(self) -> None:
        assert self.asked is None or self.stream.question() is None

    @rule()
    def network_falls_quiet(self) -> None:
        """Then all is delivered, and nobody asks any more."""
        if not self.is_connected:
            self.client_joins_again()
        elif self.has_lost_the_last:
            self.publish(self.happen(1))
        while self.line:
            self.arrive(self.line.popleft())
        for _ in range(QUESTIONS + self.kept.newest):
            self.ask()
            if self.asked is None:
                break
            if self.answer is None:
                self.executor_answers(limit=2, keeps=99, happens=0)
            self.answer_arrives()

        assert self.stream.question() is None, "It goes on asking"
        assert self.reached == Position(self.kept.epoch, self.kept.newest)
        assert not self.stream._ahead

    def teardown(self) -> None:
        self.network_falls_quiet()

    def happen(self, count: int) -> list[dict[str, Any]]:
        """Record so many events."""
        kept = self.kept
        self.kept = Kept(kept.epoch, kept.first, kept.newest + count)
        return [self.event(kept.newest + 1 + number) for number in range(count)]

    def event(self, seq: int) -> dict[str, Any]:
        return {"epoch": self.kept.epoch, "seq": seq}

    def publish(self, events: list[dict[str, Any]]) -> None:
        if self.is_connected:
            self.line.append(events)
            self.has_lost_the_last = False

    def arrive(self, publication: list[dict[str, Any]] | None) -> None:
        if publication is None:
            self.stream.doubt()
        else:
            self.deliver(self.stream.take(publication))
        self.ask()

    def ask(self) -> None:
        if self.is_connected and self.asked is None:
            self.asked = self.stream.question()

    def deliver(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            place = Position(event["epoch"], event["seq"])
            assert self.reached is not None, "Delivered before the place was known"
            assert place == Position(self.reached.epoch, self.reached.seq + 1)
            self.reached = place


def run_schedules(
    count: int,
    make_stream: Callable[[], Stream] = World.make_stream,
    *,
    first: int | None = None,
    **options: Any,
) -> None:
    """
    Run *count* random schedules with streams that *make_stream* makes; always the same with *first*.

    Raises:
        AssertionError: A promise was broken.
    """
    world = type("World", (World,), {"make_stream": staticmethod(make_stream)})
    if first is not None:
        world = seed(first)(world)
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=count,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


def main() -> None:
    """Run the schedules that the first argument says."""
    begun = time.monotonic()
    run_schedules(
        int(sys.argv[1]), phases=[Phase.generate, Phase.shrink], verbosity=Verbosity.normal
    )
    seconds = time.monotonic() - begun
    sys.stdout.write(
        f"Python: {World.schedules} schedules, {World.steps} steps,"
        f" {World.resets} resets, no difference, {seconds:.0f} s\n"
    )


if __name__ == "__main__":
    main()
