"""Measures a node beside the bare parts it stands on; prints ratios, never fails for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import report
from .page import PAGE, VALUES, fill
from .profile import WAYS, print_profile
from .runs import Run
from .subjects import BESIDES, SUBJECTS


def main() -> None:
    """Measure the subjects that were named, or those of all bars."""
    chosen = _chosen()
    if chosen.profile:
        print_profile(chosen.profile)
        return
    file = VALUES if chosen.page and not chosen.json else chosen.json
    run = Run.read(file) if file and file.exists() else Run()
    for name in run.measure(_subjects(chosen), chosen.rounds):
        print(report.others(run, name), end="\n\n", flush=True)
        if file:
            run.write(file)
    print(report.bars(run))
    if chosen.page:
        fill(run)


def _subjects(chosen: argparse.Namespace) -> list[str]:
    if chosen.subjects or chosen.nothing:
        names = list(chosen.subjects)
    else:
        names = [name for name in SUBJECTS if chosen.all or name not in BESIDES]
    return [*names, *(["peers"] if chosen.peers and "peers" not in names else [])]


def _chosen() -> argparse.Namespace:
    told = "\n".join(f"  {name:12} {subject.what}" for name, subject in SUBJECTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=f"{__doc__}\n\nsubjects:\n{told}",
        epilog=f"Without a name, all but {', '.join(BESIDES)}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT")
    parser.add_argument("--rounds", type=int, default=5, help="of each subject; 5")
    parser.add_argument("--peers", action="store_true", help="measure other task queues as well")
    parser.add_argument("--all", action="store_true", help="measure everything there is")
    parser.add_argument(
        "--nothing", action="store_true", help="measure nothing: print what --json has kept"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="keep each value in FILE, beside those of subjects that are not measured now",
    )
    parser.add_argument(
        "--page", action="store_true", help=f"put the figures into docs/{PAGE.name}, and draw them"
    )
    parser.add_argument(
        "--profile", choices=WAYS, help="show where the executor spends its time in such bursts"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.subjects) - SUBJECTS.keys():
        parser.error(f"There is no subject {', '.join(unknown)}")
    return chosen


if __name__ == "__main__":
    main()
