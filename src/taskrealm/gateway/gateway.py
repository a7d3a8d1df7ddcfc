"""What all handlers of requests share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..protocol.errors import Unavailable
from ..wire import Disconnected
from .channels import Channels
from .links import Links
from .seats import Seats

if TYPE_CHECKING:
    from ..settings import NodeFolder, Settings
    from ..wire import Session
    from .bearers import Bearers
    from .metrics import Requests


@dataclass(slots=True)
class Gateway:
    """The gateway of a node: its settings, the sessions of bearers, and its own session."""

    folder: NodeFolder
    settings: Settings
    bearers: Bearers
    requests: Requests
    """What it has been asked."""
    own: Session | None = None
    """The session of the gateway itself, which can do next to nothing; None while it joins."""
    links: Links = field(default_factory=Links)
    seats: Seats = field(default_factory=Seats)
    channels: Channels = field(default_factory=Channels)

    async def ask(self, uri: str, /, *args: Any) -> Any:
        """
        What the procedure *uri* answers the gateway itself.

        Raises:
            Unavailable: It has no session just now.
            Error: What the procedure answers instead.
        """
        try:
            if self.own is not None:
                return await self.own.call(uri, *args)
        except Disconnected:
            pass
        raise Unavailable("The gateway has lost its connection to the router; try again")
