"""Runs the node of a test under its supervisor and prints each phase: `… -m taskrealm.testing.up FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cli.readiness import answers
from ..ending import spare_last_collection
from ..router.supervisor import NodeFailed, Phase, supervise
from ..settings import NodeFolder, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def main(answers: Callable[[NodeFolder], Coroutine[Any, Any, object]] = answers) -> None:
    """Run the node whose folder is the first argument; it is there when it *answers*."""
    spare_last_collection()
    folder = NodeFolder(Path(sys.argv[1]))
    try:
        settings = load_settings(folder.settings_file)
        asyncio.run(supervise(folder, settings, answers=lambda: answers(folder), progress=_print))
    except (NodeFailed, SettingsError) as error:
        sys.exit(str(error))


def _print(phase: Phase) -> None:
    sys.stdout.write(f"{phase.name}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
