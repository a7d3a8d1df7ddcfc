"""What sessions from outside may do: the rules of `router/roles.toml`, and what they decide."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol.uris import SYSTEM_PREFIX, uid_of
from ..settings import SettingsError
from ..tokens import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHARED = "every_role"
"""The table of rules that hold for every role."""

# `{uid}` is a whole part: as a piece of one it would let one user match another.
_RULE = re.compile(r"taskrealm\.(?:(?:\{uid\}|[a-z0-9_]+)\.)*(?:\{uid\}|[a-z0-9_]+)\.?")


@dataclass(frozen=True, slots=True)
class Role:
    """What the sessions of one role may call and subscribe to."""

    call: frozenset[str]
    subscribe: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of every role from outside; whatever no rule allows is refused."""

    roles: Mapping[str, Role]

    def decide(
        self,
        session_authid: str,
        session_role: str,
        uri: str,
        action: str,
        match: str,
        options: Mapping[str, Any],
    ) -> bool:
        """
        Whether the session may do *action* on *uri*.

        *match* is how a subscription matches topics: `exact` and `prefix` can be allowed,
        anything else cannot. A message whose *options* claim another sender
        (`forward_for`) is refused.
        """
        role = self.roles.get(session_role)
        if role is None or options.get("forward_for"):
            return False
        if action == "call":
            return _allows(role.call, session_authid, uri, by_prefix=False)
        if action == "subscribe" and match in ("exact", "prefix"):
            return _allows(role.subscribe, session_authid, uri, by_prefix=match == "prefix")
        return False


def _allows(rules: frozenset[str], authid: str, uri: str, *, by_prefix: bool) -> bool:
    for rule in rules:
        allowed = rule.replace("{uid}", uid_of(authid))
        if allowed.endswith("."):
            if uri.startswith(allowed):
                return True
        elif uri == allowed and not by_prefix:
            return True
    return False


def load_policy(path: Path) -> Policy:
    """
    Read the policy in *path*.

    Raises:
        SettingsError: The file is missing, not TOML, or a role or rule in it is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist; a node that `taskrealm init` writes has one to copy"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    try:
        tables = {name: _role(name, table) for name, table in document.items()}
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from None
    shared = tables.pop(SHARED, Role(frozenset(), frozenset()))
    return Policy(
        {
            name: Role(shared.call | role.call, shared.subscribe | role.subscribe)
            for name, role in tables.items()
        }
    )


def _role(name: str, table: Any) -> Role:
    if name not in (SHARED, *ROLES) or not isinstance(table, dict):
        raise SettingsError(f"{name}: only these tables are known: {', '.join((SHARED, *ROLES))}")
    if unknown := table.keys() - {"call", "subscribe"}:
        raise SettingsError(f"{name}.{min(unknown)}: a role has `call` and `subscribe` only")
    return Role(
        _rules(f"{name}.call", table.get("call", [])),
        _rules(f"{name}.subscribe", table.get("subscribe", [])),
    )


def _rules(where: str, rules: Any) -> frozenset[str]:
    if not isinstance(rules, list):
        raise SettingsError(f"{where}: must be a list of URIs")
    for rule in rules:
        if (
            not isinstance(rule, str)
            or not _RULE.fullmatch(rule)
            or f"{rule}.".startswith(SYSTEM_PREFIX)
        ):
            raise SettingsError(
                f"{where}: {rule!r} must be a URI below `taskrealm.`, not below `{SYSTEM_PREFIX}`;"
                " `{uid}` may stand for a whole part"
            )
    return frozenset(rules)
