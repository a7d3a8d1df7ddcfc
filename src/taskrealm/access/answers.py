"""What a site's own `authenticate` may answer, and who joins then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .identity import Identity

_FIELDS = {"authid", "role", "teams", "expires_in"}


def identity_of(answer: object, *, longest: float) -> Identity | None:
    """
    Who joins, by what the site's function has answered; None if it refused.

    It answers None, an authid, `(authid, role)`, or a mapping `{authid, role?, teams?,
    expires_in?}` with seconds until the session ends, which are *longest* at most.

    Raises:
        ValueError: It answered anything else.
    """
    if answer is None:
        return None
    if isinstance(answer, str):
        found: Mapping[str, Any] = {"authid": answer}
    elif isinstance(answer, tuple | list) and len(answer) == 2:
        found = {"authid": answer[0], "role": answer[1]}
    elif isinstance(answer, Mapping) and "authid" in answer and set(answer) <= _FIELDS:
        found = answer
    else:
        raise ValueError(
            "It must give None, an authid, (authid, role), or a mapping with authid, and perhaps"
            f" role, teams and expires_in, not {type(answer).__name__}"
        )
    lifetime = found.get("expires_in", longest)
    if type(lifetime) not in (int, float) or not math.isfinite(lifetime) or lifetime <= 0:
        raise ValueError("expires_in must be a number of seconds, more than 0")
    teams = found.get("teams", ())
    if not isinstance(teams, list | tuple | set | frozenset):
        raise ValueError("teams must be a list of names")
    return Identity(
        found["authid"],
        found.get("role", "user"),
        tuple(teams),
        expires_at=datetime.now(UTC) + timedelta(seconds=min(lifetime, longest)),
        method="hook",
    )
