"""Tokens that are limited, made on the node's own machine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from taskrealm.access.tokens import TokenStore
from taskrealm.protocol.scope import Scope

if TYPE_CHECKING:
    from tests.nodes import Node


def token_of(
    node: Node,
    authid: str,
    *,
    role: str = "user",
    lifetime: float = 300.0,
    code: bool = False,
    uses: int | None = None,
    teams: tuple[str, ...] = (),
    **scope: Any,
) -> str:
    """A token of *authid* that is limited to *scope*."""
    with closing(TokenStore.open(node.folder.tokens)) as store:
        return store.issue(
            authid,
            role,
            lifetime=lifetime,
            single_use=code,
            uses=uses,
            teams=teams,
            scope=Scope.of(scope),
        )
