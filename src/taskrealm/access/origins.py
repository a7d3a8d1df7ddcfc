"""The pages that may talk to the node: those of its own, and those that the settings name."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings import RouterSettings

PORTS = {"http": 80, "https": 443}


class Origins:
    """The origins (RFC 6454) that the settings of a router allow."""

    def __init__(self, settings: RouterSettings) -> None:
        allowed = (*settings.origins, *settings.allowed_origins)
        self._patterns = [_with_port(each) for each in allowed]

    def allow(self, origin: str) -> bool:
        """Whether pages of *origin*, as browsers name it, may talk to the node."""
        named = _with_port(origin)
        return "*" not in origin and any(fnmatchcase(named, each) for each in self._patterns)


def _with_port(origin: str) -> str:
    """*origin* with the port that browsers leave out, where it is the usual one."""
    scheme, _, host = origin.partition("://")
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return origin if has_port or scheme not in PORTS else f"{origin}:{PORTS[scheme]}"
