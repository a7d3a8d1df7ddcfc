"""Links by which one file can be fetched once, without a token, for some minutes."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from ..protocol.errors import InvalidToken, RateLimited, UnknownArtifact
from ..protocol.jobs import now, timestamp
from ..wire import Refused
from .bodies import Body
from .downloads import CONDITIONS, FILE, find, give
from .ranges import Covered
from .requests import bearer_of
from .routes import PREFIX, Answer, Asked, Reply, Route

if TYPE_CHECKING:
    from aiohttp import web

    from .downloads import Artifact

MINUTES = 10.0  # that a link lives unless told otherwise
LONGEST = 60.0  # minutes that it may live
PER_BEARER = 100  # links that one bearer may have at once
PIECES = 64  # parts apart from each other in which a file may be fetched
TICKET = 32  # bytes of chance in a ticket

GONE = "This link is wrong, expired or used up; ask for a new one"


@dataclass(slots=True)
class Link:
    """What a ticket stands for: contents that the *bearer*, a token, may read."""

    bearer: str
    job_id: str
    name: str
    sha256: str
    is_inline: bool
    ends_at: float  # by the clock of the event loop
    delivered: Covered
    address: str | None = None
    """Where it is used from; None before its first use."""

    @property
    def is_used_up(self) -> bool:
        """Whether every byte has been delivered, or too many parts apart from each other."""
        return self.delivered.is_whole or self.delivered.pieces > PIECES


class Links:
    """
    The links that are good just now. They are gone when the gateway ends.

    Tickets are not kept, but their hashes: to look one up tells nothing about others.
    """

    def __init__(self) -> None:
        self._links: dict[bytes, Link] = {}
        self._counts: Counter[str] = Counter()

    def issue(self, bearer: str, artifact: Artifact, *, lifetime: float, is_inline: bool) -> str:
        """
        A new ticket for *artifact*, good for *lifetime* seconds.

        Raises:
            RateLimited: The bearer has as many as it may have.
        """
        self._sweep()
        if self._counts[bearer] >= PER_BEARER:
            first = min(each.ends_at for each in self._links.values() if each.bearer == bearer)
            raise RateLimited(
                f"There may be {PER_BEARER} links at once", retry_after=first - _clock()
            )
        ticket = secrets.token_urlsafe(TICKET)
        self._links[_hashed(ticket)] = Link(
            *(bearer, artifact.job_id, artifact.name, artifact.sha256, is_inline),
            ends_at=_clock() + lifetime,
            delivered=Covered(artifact.size),
        )
        self._counts[bearer] += 1
        return ticket

    def use(self, ticket: str, address: str) -> Link:
        """
        What *ticket* stands for. The first *address* to use it is the only one that may.

        Raises:
            UnknownArtifact: It is not good, or not any more, or not there.
        """
        self._sweep()
        link = self._links.get(_hashed(ticket))
        if link is None or link.address not in (None, address):
            raise UnknownArtifact(GONE)
        link.address = address
        return link

    def settle(self, ticket: str) -> None:
        """Forget *ticket* if it is used up now."""
        link = self._links.get(_hashed(ticket))
        if link is not None and link.is_used_up:
            self._forget(_hashed(ticket))

    def end(self, bearer: str) -> None:
        """Forget the tickets of *bearer*, which is good no more."""
        for hashed in [each for each, link in self._links.items() if link.bearer == bearer]:
            self._forget(hashed)

    def _sweep(self) -> None:
        clock = _clock()
        for hashed in [each for each, link in self._links.items() if link.ends_at <= clock]:
            self._forget(hashed)

    def _forget(self, hashed: bytes) -> None:
        bearer = self._links.pop(hashed).bearer
        self._counts[bearer] -= 1
        if not self._counts[bearer]:
            del self._counts[bearer]


class Wish(Body):
    """What a link should be like."""

    minutes: float = Field(MINUTES, gt=0, le=LONGEST, description="How long it is good")
    inline: bool = Field(False, description="Whether a browser may show it, if it can do no harm")


class Issued(BaseModel):
    """A link."""

    url: str = Field(description="Its address, relative to this node")
    expires_at: str = Field(description="When it is good no more")


async def issue(asked: Asked) -> Reply:
    """A link to a file that a job has left."""
    artifact = await find(asked.session, asked.path("job_id"), asked.path("name"))
    lifetime = 60.0 * asked.body.minutes
    ends_at = now() + timedelta(seconds=lifetime)
    if (token_ends := asked.session.extra.get("expires_at")) is not None:
        ends_at = min(ends_at, datetime.fromisoformat(token_ends))
    ticket = asked.gateway.links.issue(
        bearer_of(asked.request), artifact, lifetime=lifetime, is_inline=asked.body.inline
    )
    url = f"{PREFIX}/files/{ticket}"
    return Reply({"url": url, "expires_at": timestamp(ends_at)}, 201, {"Location": url})


async def follow(asked: Asked) -> web.StreamResponse:
    """The file that a link leads to, or parts of it."""
    links, ticket = asked.gateway.links, asked.path("ticket")
    link = links.use(ticket, asked.address)
    try:
        async with asked.gateway.bearers.session(link.bearer, asked.address) as session:
            artifact = await find(session, link.job_id, link.name)
            if artifact.sha256 != link.sha256:
                raise UnknownArtifact(GONE)
            response = await give(
                asked.request,
                artifact,
                inline=link.is_inline,
                cache="no-store",
                delivered=link.delivered.add,
            )
    except (Refused, InvalidToken):
        links.end(link.bearer)
        raise UnknownArtifact(GONE) from None
    if asked.request.method == "GET":
        links.settle(ticket)
    return response


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _hashed(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()


ROUTES = (
    Route(
        *("POST", "/jobs/{job_id}/artifacts/{name}/link", issue),
        group="Files",
        summary="A link by which a file can be fetched once",
        description=(
            "Whoever has the link needs no token. It works from one place only, the first that"
            " uses it, in parts if need be, until the last byte was delivered, its minutes are"
            " over, or your token is good no more."
        ),
        body=Wish,
        answers={201: Answer("The link", Issued, headers={"Location": "The same link"})},
        problems=(404, 422, 429),
    ),
    *(
        Route(
            *(method, "/files/{ticket}", follow),
            group="Files",
            summary=summary,
            headers=CONDITIONS,
            answers=FILE,
            problems=(404, 412, 416),
            bearer=False,
        )
        for method, summary in (
            ("GET", "The file that a link leads to"),
            ("HEAD", "About the file that a link leads to"),
        )
    ),
)
