"""A program of a trial, as the test process sees it."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..engine import Exit, Program, SpawnFailed

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1_048_576  # bytes read at once
KEEPER = (sys.executable, "-m", "taskrealm.testing.keeper")


class KeptProcess:
    """A running program and all that it starts, like `engine.Process`, but below a keeper."""

    def __init__(self, program: Program, on_output: Callable[[str, bytes], None]) -> None:
        """
        Raises:
            SpawnFailed: There can be no keeper. That the program cannot be started, `wait` tells.
        """
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Exit] = self._loop.create_future()
        self._pending = b""
        try:
            self._keeper = subprocess.Popen(
                KEEPER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C is for the tests; the end of its standard input tells the keeper.
                start_new_session=True,
            )
        except OSError as error:
            raise SpawnFailed(f"{sys.executable} cannot be started: {error.strerror}") from error
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._orders = self._keeper.stdin
        self._reports = self._keeper.stdout
        self._loop.add_reader(self._reports.fileno(), self._read)
        terminal = program.terminal
        self._tell(
            {
                "argv": program.argv,
                "environment": dict(program.environment),
                "directory": os.fspath(program.directory),
                "cookie": program.cookie,
                "limits": dataclasses.asdict(program.limits),
                "stdin": base64.b64encode(program.stdin).decode(),
                "terminal": None if terminal is None else dataclasses.asdict(terminal),
            }
        )

    async def wait(self) -> Exit:
        """
        Wait until the program and all that it started have ended.

        Raises:
            SpawnFailed: It could not be started.
        """
        try:
            return await asyncio.shield(self._ended)
        finally:
            self._loop.remove_reader(self._reports.fileno())
            self._orders.close()
            self._reports.close()
            self._keeper.wait()

    def stop(self, *, grace: float) -> None:
        """Ask the program to end, and kill it and all that it started after *grace* seconds."""
        self._tell({"stop": grace})

    def kill(self) -> None:
        """Kill it now."""
        self._tell({"stop": None})

    def _tell(self, order: dict[str, Any]) -> None:
        if self._ended.done():
            return
        try:
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()
        except BrokenPipeError:
            return  # it has ended, and we are about to read how

    def _read(self) -> None:
        data = os.read(self._reports.fileno(), CHUNK)
        if not data:
            self._settle(Exit(None, None, 0))
            self._loop.remove_reader(self._reports.fileno())
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, report: dict[str, Any]) -> None:
        if "stream" in report:
            self._on_output(report["stream"], base64.b64decode(report["data"]))
        elif "exit" in report:
            self._settle(Exit(**report["exit"]))
        elif not self._ended.done():
            error = SpawnFailed(report["failed"])
            if report["errno"] is not None:
                error.__cause__ = OSError(report["errno"], os.strerror(report["errno"]))
            self._ended.set_exception(error)

    def _settle(self, exit: Exit) -> None:
        if not self._ended.done():
            self._ended.set_result(exit)
