"""Runs a node of a test under its supervisor and prints each phase: `… -m tests.up FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.nodes import answering

from taskrealm.router.supervisor import NodeFailed, Phase, supervise
from taskrealm.settings import NodeFolder, SettingsError, load_settings


def report(phase: Phase) -> None:
    """Print the name of *phase*."""
    sys.stdout.write(f"{phase.name}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the node whose folder is the first argument."""
    folder = NodeFolder(Path(sys.argv[1]))
    try:
        settings = load_settings(folder.settings_file)
        asyncio.run(supervise(folder, settings, answers=lambda: answering(folder), progress=report))
    except (NodeFailed, SettingsError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
