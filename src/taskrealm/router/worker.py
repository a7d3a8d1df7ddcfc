"""Runs Crossbar's router in a process that its controller has started: `… -m … OPTIONS`."""

from __future__ import annotations

import runpy

from .. import memory
from ..ending import spare_last_collection
from . import standins

if __name__ == "__main__":
    memory.keep()
    spare_last_collection()
    standins.install()
    runpy.run_module("crossbar.worker.main", run_name="__main__", alter_sys=True)
