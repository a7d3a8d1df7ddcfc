"""Whether the node is well, for whatever watches over it."""

from __future__ import annotations

from ..protocol import uris
from . import answers
from .routes import Answer, Asked, Reply, Route

GROUP = "Health"


async def live(_: Asked) -> Reply:
    """Whether the gateway runs."""
    return Reply({"status": "live"})


async def ready(asked: Asked) -> Reply:
    """
    Whether jobs can be taken.

    Raises:
        Unavailable: The executor does not answer, or its journal cannot be written.
    """
    health = await asked.gateway.ask(uris.HEALTH)
    return Reply({"status": "ready", "intake": health["intake"]})


ROUTES = (
    Route(
        *("GET", "/health/live", live),
        group=GROUP,
        summary="Whether the node answers requests",
        answers={200: Answer("It does", answers.Live)},
        bearer=False,
    ),
    Route(
        *("GET", "/health/ready", ready),
        group=GROUP,
        summary="Whether the executor answers and its journal can be written",
        answers={200: Answer("So it is", answers.Ready)},
        bearer=False,
    ),
)
