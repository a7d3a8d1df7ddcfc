"""How procedures are offered: those whose callers are told what ails the journal."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..journal import JournalError, WriteRefused
from ..protocol.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wire import Session

Procedure = Callable[..., Awaitable[Any]]


async def offer(
    session: Session, procedures: Mapping[str, Procedure], *, match: str = "exact"
) -> None:
    """
    Offer *procedures*, by URI, in the realm that *session* has joined; *match* as in `register`.

    Their callers are told in their words when the journal is not to be had.
    """
    await asyncio.gather(
        *(session.register(uri, _explained(each), match=match) for uri, each in procedures.items())
    )


def _explained(procedure: Procedure) -> Procedure:
    @functools.wraps(procedure)
    async def explaining(*args: Any, **kwargs: Any) -> Any:
        try:
            return await procedure(*args, **kwargs)
        except WriteRefused:
            raise
        except JournalError as error:
            raise Unavailable(error.sentence) from error

    return explaining
