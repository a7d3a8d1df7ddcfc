"""
Runs one program for a test process, and ends with it: `python -m taskrealm.testing.keeper`.

Whoever runs jobs adopts orphans and kills what it did not start; a process that runs tests, with
servers and browsers of its own, should do neither. So each program of a trial has a keeper.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..engine import Process, Program, SpawnFailed, adopt_orphans, sweep_blocking
from ..tasks import Limits
from ..tasks.terminal import Terminal


def main() -> None:
    """Run the program that the first line of standard input describes, and report in lines."""
    order = json.loads(sys.stdin.buffer.readline())
    program = Program(
        argv=tuple(order["argv"]),
        environment=order["environment"],
        directory=Path(order["directory"]),
        cookie=order["cookie"],
        limits=Limits(**order["limits"]),
        stdin=base64.b64decode(order["stdin"]),
        terminal=None if order["terminal"] is None else Terminal(**order["terminal"]),
    )
    asyncio.run(_keep(program))


async def _keep(program: Program) -> None:
    adopt_orphans()
    try:
        process = Process.start(program, _print_output)
    except SpawnFailed as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        _print({"failed": str(error), "errno": number})
        return
    _Orders(process, program.cookie)
    _print({"exit": (await process.wait())._asdict()})


class _Orders:
    """What the test process tells us, in lines of standard input; at its end all is killed."""

    def __init__(self, process: Process, cookie: str) -> None:
        self._process = process
        self._cookie = cookie
        self._pending = b""
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read)

    def _read(self) -> None:
        data = os.read(sys.stdin.fileno(), 65_536)
        if not data:
            sweep_blocking(self._cookie)
            os._exit(1)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            grace = json.loads(line)["stop"]
            if grace is None:
                self._process.kill()
            else:
                self._process.stop(grace=grace)


def _print_output(stream: str, data: bytes) -> None:
    _print({"stream": stream, "data": base64.b64encode(data).decode()})


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
