"""Migrates the database named on its command line and stops for ever half-way."""

from __future__ import annotations

import signal
import sqlite3
import sys

from taskrealm.journal.migrations import migrate


def stop() -> None:
    sys.stdout.write("half-way\n")
    sys.stdout.flush()
    signal.pause()


database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("pragma journal_mode = wal")
database.create_function("stop", 0, stop)
migrate(database, ["create table a (x)", "create table b (x); select stop()"])
