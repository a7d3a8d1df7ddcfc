"""Upgrades the database named on its command line and stops for ever before the last commit."""

from __future__ import annotations

import signal
import sqlite3
import sys

from taskrealm.journal.migrations import MIGRATIONS, migrate


def stop() -> None:
    sys.stdout.write("half-way\n")
    sys.stdout.flush()
    signal.pause()


database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.create_function("stop", 0, stop)
migrate(database, [*MIGRATIONS[:-1], f"{MIGRATIONS[-1]}; select stop()"])
