"""`scripts/fuzz [--minutes N] [--seed N]`: throw garbage at a node and see whether it minds."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.nodes import Node

from .patient import Patient, make_patient
from .requests import fuzz_requests
from .wamp import fuzz


def main() -> int:
    """Fuzz as the command line asks for; gives 1 if something was found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, of each part")
    parser.add_argument("--seed", type=int, help="repeats a run; each round has the next number")
    parser.add_argument("--only", choices=("wamp", "http"), help="one part alone")
    options = parser.parse_args()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    root = Path(tempfile.mkdtemp(prefix="tr-fuzz-"))
    _say(f"Fuzzing for {options.minutes:g} minutes with --seed {first}")
    findings: list[str] = []
    with Node(make_patient(root)) as node:
        node.until("READY", 120)
        patient = Patient(node)
        if options.only != "http":
            fuzzer, findings = fuzz(
                node, seconds=options.minutes * 60, first=first, mind=patient.minds
            )
            _say(f"WAMP: {fuzzer.conversations} conversations, {fuzzer.messages} messages")
        if options.only != "wamp" and not findings:
            summary, findings = fuzz_requests(node, minutes=options.minutes, seed=first)
            _say(f"HTTP: {summary}")
            findings += patient.minds()
        for name, size in patient.latest.items():
            _say(f"{name}: {patient.memory[name]} MiB after the first round, {size} MiB at the end")
    if not findings:
        shutil.rmtree(root)
        _say("Nothing was found.")
        return 0
    _say(f"\n{len(findings)} findings:")
    for finding in findings:
        _say(f"  {finding}")
    _say(f"The node and its logs are in {root}; repeat with --seed {first}")
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
