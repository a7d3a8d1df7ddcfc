"""What the gateway answers: one declaration for each route, from which everything else follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .bodies import Query

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..wire import Session
    from .gateway import Gateway

JSON = "application/json"
PREFIX = "/api"
"""Where all routes are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that has been understood."""

    gateway: Gateway
    request: web.Request
    address: str
    """Where it comes from."""
    query: Any = None
    """The route's `query` model."""
    body: Any = None
    """The route's `body` model."""
    bearer: Session | None = None
    """The session of the bearer, if the route needs one."""

    @property
    def session(self) -> Session:
        """The session of the bearer, for a route that needs one."""
        assert self.bearer is not None
        return self.bearer

    def path(self, name: str) -> str:
        """The part of the address that stands for *name*."""
        return self.request.match_info[name]


@dataclass(frozen=True, slots=True)
class Reply:
    """A value that is answered as JSON."""

    value: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one status of a route means: its body is JSON as in `model`, or of a `media_type`."""

    description: str
    model: Any = None
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each header says, by name."""
    or_json: bool = False
    """Whether it is JSON for who does not ask for the `media_type`."""


Handler = Callable[[Asked], Awaitable[Reply | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """
    One method at one address below `/api`, with all that a client has to know.

    The handler of a route with a `bearer` is given a session of whoever has the token, from
    its first to its last byte. A `body` is JSON; a handler of one with a `media_type` reads
    it by itself.
    """

    method: str
    path: str
    handler: Handler
    group: str
    summary: str
    description: str = ""
    query: type[BaseModel] = Query
    body: type[BaseModel] | None = None
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each header of a request says, by name."""
    answers: Mapping[int, Answer] = field(default_factory=lambda: {200: Answer("Done")})
    problems: tuple[int, ...] = ()
    """The statuses of problems besides those that every route has."""
    bearer: bool = True
    """Whether it needs a token."""

    @property
    def pattern(self) -> str:
        """The path as aiohttp takes it: the name of a file may have slashes."""
        return self.path.replace("{name}", "{name:.+}")

    @property
    def name(self) -> str:
        """What tells it from all other routes, such as `post_jobs_job_id_cancel`."""
        words = self.path.replace("{", "").replace("}", "").replace(".", "/").split("/")
        return "_".join((self.method.lower(), *filter(None, words)))

    @property
    def has_head(self) -> bool:
        """Whether HEAD is answered like GET, without the body; a stream would never end."""
        return all(answer.media_type is None for answer in self.answers.values())
