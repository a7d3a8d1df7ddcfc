"""Whether a node of tests is there for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.plain import Closed, RawSocket, Refused

from taskrealm.cli.readiness import RETRY, ask_gateway
from taskrealm.protocol import uris

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder

IDLE = "import sys\n\nsys.stdin.read()\n"
"""What a node has as its `components/gateway.py` whose gateway nobody asks."""


async def answering(folder: NodeFolder) -> None:
    """Return once the executor of the node in *folder* answers, and its gateway if it has one."""
    while True:
        try:
            async with await RawSocket.connect(folder.socket) as peer:
                await peer.join(folder.operator_token.read_text().strip())
                await peer.call(uris.TASKS)
            if (folder.root / "components" / "gateway.py").read_text() != IDLE:
                await ask_gateway(folder.gateway_socket)
            return
        except (Refused, Closed, OSError):
            await asyncio.sleep(RETRY)
