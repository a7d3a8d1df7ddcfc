"""Stands in for the executor in tests of the router: joins, registers, answers, ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.plain import INVOCATION, YIELD, Peer, RawSocket

from taskrealm.protocol import uris
from taskrealm.settings import NodeFolder

PROGRAM = "from tests.standin import main\n\nmain()\n"
"""What a node of tests has as its `components/executor.py`."""


async def run(folder: NodeFolder, end: signal.Signals) -> None:
    """
    Answer every procedure with who called and by which process, until signal or end of stdin.

    On the topic of the catalogue it tells when it has joined, and when it is told to stop.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(end, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    async with await RawSocket.connect(folder.socket) as peer:
        await peer.join_by_key(bytes.fromhex(folder.private_key("executor").read_text()))
        for procedure in uris.PROCEDURES:
            await peer.register(procedure)
        await peer.publish(uris.CATALOG, {"joined": os.getpid()})
        answering = asyncio.create_task(answer(peer))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([answering, stopping], return_when=asyncio.FIRST_COMPLETED)
        answering.cancel()
        await peer.publish(uris.CATALOG, {"stopping": os.getpid()})


async def answer(peer: Peer) -> None:
    """Answer every call with its details, but for those with the keyword argument `hold`."""
    while True:
        message = await peer.receive(limit=None)
        if message[0] == INVOCATION and "hold" not in dict(*message[5:]):
            seen = {**message[3], "pid": os.getpid(), "invocation": message[1]}
            await peer.send([YIELD, message[1], {}, [seen]])


def main(end: signal.Signals = signal.SIGTERM) -> None:
    """Run as a component of the node in the current folder, until the signal *end*."""
    asyncio.run(run(NodeFolder(Path.cwd()), end))
