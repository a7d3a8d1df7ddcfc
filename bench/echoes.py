"""
What answers at once: an echo, in a process of its own, as whoever answers an `exec` is.

Beside it stands a *durable echo*, which has its call on the disk before it answers with an id, and
does nothing else: the least that the answer of an `exec` can take.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from taskrealm.settings import NodeFolder

from .beside import beside
from .floor import Steps, open_book
from .node import DURABLE_ECHO, ECHO, inner_session

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from taskrealm.wire import Call


def echoing(folder: NodeFolder) -> AbstractAsyncContextManager[object]:
    """While within, another process answers `ECHO` and `DURABLE_ECHO` in the node in *folder*."""
    return beside("echoes", folder.root)


async def _echo(folder: NodeFolder) -> None:
    """Say when it answers, and go on until it is ended."""
    numbers, steps = itertools.count(), Steps()
    async with inner_session(folder) as session:
        with open_book() as book:

            def echo(_call: Call, *args: object) -> object:
                return args[0]

            async def durable_echo(_call: Call, *_args: object) -> str:
                number = next(numbers)
                await book.write([steps.make(number, 1, "queued")])
                return f"{number:032x}"

            await session.register(ECHO, echo)
            await session.register(DURABLE_ECHO, durable_echo)
            print("echoing", flush=True)
            await session.lost


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    asyncio.run(_echo(NodeFolder(parser.parse_args().root)))
