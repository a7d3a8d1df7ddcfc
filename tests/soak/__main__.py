"""`scripts/soak MINUTES [--seed N]`: load and harm a node, and see whether everything adds up."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from .soak import Soak


def main() -> int:
    """Run the soak that the command line asks for; gives the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("minutes", type=float, help="how long, without the accounts")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run")
    parser.add_argument(
        "--kills", type=int, help="only kill the executor, so many times, as fast as it comes back"
    )
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    root = Path(tempfile.mkdtemp(prefix="tr-soak-"))
    _say(f"Soaking for {options.minutes:g} minutes with --seed {seed}")
    soak = Soak(root, length=options.minutes * 60, seed=seed, say=_say, kills=options.kills)
    ledger = asyncio.run(soak.run())
    if not ledger.differences:
        shutil.rmtree(root)
        return 0
    _say(f"\n{len(ledger.differences)} differences:")
    for difference in ledger.differences[:50]:
        _say(f"  {difference}")
    _say(f"Repeat with --seed {seed}; node, logs and {ledger.timeline.name} are in {root}")
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
