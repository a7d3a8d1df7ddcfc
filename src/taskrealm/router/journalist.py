"""What the router has to say for the audit log, kept until the executor takes it."""

from __future__ import annotations

import functools
import re
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

from txaio import make_logger

from ..access.identity import ROLES
from ..access.tally import WINDOW, Tally
from ..protocol import uris
from ..protocol.jobs import timestamp
from ..protocol.uris import uid_of

if TYPE_CHECKING:
    from collections.abc import Callable

DELAY = 0.2  # seconds within which what happens is told together
RETRY = 1.0  # seconds after which it is told again what nobody has taken
AT_ONCE = 500  # records told at once
KEPT_MOST = 10_000  # records that are kept while nobody takes them
PROVEN_MOST = 10_000  # joins and ends told one by one within a window
TEXT_LIMIT = 500  # characters of a text

OK = "ok"
OVERSEEN = "subscribe"
"""The action of who listens to what belongs to others."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

P = ParamSpec("P")

log = make_logger()


class Kind(NamedTuple):
    """What records have in common that are counted together if there are too many."""

    actor: str
    """Who has proven to be that; empty if nobody has."""
    role: str | None
    action: str
    outcome: str
    address: str | None = None
    owner: str | None = None


def _never_failing(method: Callable[P, None]) -> Callable[P, None]:
    """*method*, whose mistakes are logged, and are no matter of the router."""

    @functools.wraps(method)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(*args, **kwargs)
        except Exception as error:
            log.error(
                "The router has something to say for the audit log, and fails: {error!r}",
                error=error,
            )

    return attempt


class Journalist:
    """
    Tells the executor who joined, who was not let in, whose session was ended, and who was refused.

    Nothing of it holds up the router, or fails in it. While the executor is away the records
    are kept, and if they are too many, it is told how many were lost.
    """

    def __init__(
        self,
        tell: Callable[[list[dict[str, Any]]], Any],
        later: Callable[[float, Callable[[], object]], object],
    ) -> None:
        """*tell* gives a Deferred for the records that it takes; *later* calls after seconds."""
        self._tell = tell
        self._later = later
        self._kept: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._is_telling = False
        self._proven: Tally[Kind] = Tally(burst=PROVEN_MOST, refill=PROVEN_MOST)
        self._refused: Tally[Kind] = Tally()
        self._is_counting = False

    @_never_failing
    def joined(self, session: Any) -> None:
        """*session* has become part of the realm."""
        if session._authrole in ROLES:
            kind = _kind(session, "join", OK)
            extra = session._authextra or {}
            told = {name: extra[name] for name in ("method", "token", "client") if name in extra}
            self._note(self._proven, kind, str(session._session_id), **told)

    @_never_failing
    def ended(self, session: Any, reason: str, message: str | None) -> None:
        """The router ends *session* for a *reason*, a URI."""
        if session._authrole in ROLES:
            kind = Kind("router", "system", "end", OK, _address(session), session._authid)
            told = {"reason": reason.rpartition(".")[2], "message": message}
            self._note(self._proven, kind, str(session._session_id), **told)

    @_never_failing
    def turned_away(
        self, claimed: str | None, address: str | None, method: object, outcome: str
    ) -> None:
        """A session was not let in that calls itself *claimed*, which proves nothing."""
        self._note(
            self._refused, Kind("", None, "join", outcome, address), claimed, method=str(method)
        )

    @_never_failing
    def decided(self, session: Any, uri: str, action: str, is_allowed: bool) -> None:
        """The authority has decided whether *session* may do that."""
        if not is_allowed:
            kind = _kind(session, action, "not_authorized")
            self._note(self._refused, kind, uri, session=session._session_id)
        elif action == "subscribe" and _is_foreign(uri, session._authid):
            kind = _kind(session, OVERSEEN, OK)
            self._note(self._proven, kind, uri, session=session._session_id)

    @_never_failing
    def broken(self, session: Any, message: Any, error: Exception) -> None:
        """*session* has sent a *message* that costs it its connection."""
        action = _CAMEL.sub("_", type(message).__name__).lower()
        self._note(
            self._refused,
            _kind(session, action, "protocol_error"),
            getattr(message, "procedure", None) or getattr(message, "topic", None),
            session=session._session_id,
            reason=str(error),
        )

    def _note(
        self, tally: Tally[Kind], kind: Kind, object: str | None = None, **detail: Any
    ) -> None:
        if tally.admits(kind):
            self._keep(kind, object, detail)
        elif not self._is_counting:
            self._is_counting = True
            self._later(WINDOW, self._count)

    def _count(self) -> None:
        self._is_counting = False
        for tally in (self._proven, self._refused):
            for kind, count in tally.take():
                various = Kind("", None, "refused", "various")
                self._keep(various if kind is None else kind, None, {"count": count})

    def _keep(self, kind: Kind, object: str | None, detail: dict[str, Any]) -> None:
        if len(self._kept) >= KEPT_MOST:
            self._lost += 1
            return
        self._kept.append(
            {
                "at": timestamp(datetime.now(UTC)),
                **{name: _plain(value) for name, value in kind._asdict().items()},
                "object": _plain(object),
                "detail": {name: _plain(value) for name, value in detail.items()},
            }
        )
        if not self._is_telling:
            self._is_telling = True
            self._later(DELAY, self._go_on)

    def _go_on(self) -> None:
        """Tell what is kept, and go on until there is no more."""
        if self._lost and len(self._kept) < KEPT_MOST:
            lost, self._lost = self._lost, 0
            self._keep(Kind("", "system", "audit", "incomplete"), None, {"lost": lost})
        batch = [self._kept[number] for number in range(min(AT_ONCE, len(self._kept)))]
        if not batch:
            self._is_telling = False
            return
        try:
            told = self._tell(batch)
        except Exception:
            self._later(RETRY, self._go_on)
        else:
            told.addCallbacks(
                functools.partial(self._taken, len(batch)),
                lambda _: self._later(RETRY, self._go_on) and None,
            )

    def _taken(self, count: int, _: object) -> None:
        for _number in range(count):
            self._kept.popleft()
        self._later(DELAY, self._go_on)


def _plain(value: Any) -> str | int | None:
    """*value* as every serializer takes it, and no longer than is kept."""
    if isinstance(value, str):
        return value[:TEXT_LIMIT].encode(errors="backslashreplace").decode()
    return value if isinstance(value, int) else None


def _kind(session: Any, action: str, outcome: str) -> Kind:
    return Kind(session._authid or "", session._authrole, action, outcome, _address(session))


def _address(session: Any) -> str | None:
    address: str | None = (session._authextra or {}).get("address")
    return address


def _is_foreign(topic: str, authid: str) -> bool:
    """Whether *topic* is one of users, but not one of *authid* alone."""
    for prefix in (uris.USER_PREFIX, uris.JOB_PREFIX):
        if topic.startswith(prefix):
            return not topic.startswith(f"{prefix}{uid_of(authid)}.")
    return False
