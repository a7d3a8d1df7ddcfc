"""What sessions from outside may do: the rules of `router/roles.toml`, and what they decide."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..documents import Unreadable, load, suggestion_for
from ..protocol.uris import SYSTEM_PREFIX, uid_of
from ..settings import SettingsError
from ..tokens import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SHARED = "every_role"
"""The table of rules that hold for every role."""

RULE = (
    f"must be a URI below `taskrealm.`, not below `{SYSTEM_PREFIX}`;"
    " `{uid}` may stand for a whole part"
)
"""What a rule must be."""

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
        document = load(path)
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist; a node that `taskrealm init` writes has one to copy"
        ) from None
    except Unreadable as error:
        raise SettingsError(str(error)) from error
    mistakes = [
        f"{document.place(where)}: {'.'.join(str(step) for step in where)}: {text}"
        for where, text in _mistakes(document.values)
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    tables = {
        name: Role(frozenset(table.get("call", ())), frozenset(table.get("subscribe", ())))
        for name, table in document.values.items()
    }
    shared = tables.pop(SHARED, Role(frozenset(), frozenset()))
    return Policy(
        {
            name: Role(shared.call | role.call, shared.subscribe | role.subscribe)
            for name, role in tables.items()
        }
    )


def _mistakes(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where in a policy something is wrong, and what."""
    for name, table in tables.items():
        if name not in (SHARED, *ROLES) or not isinstance(table, dict):
            known = ", ".join((SHARED, *ROLES))
            hint = suggestion_for(name, (SHARED, *ROLES))
            yield (name,), f"only these tables are known: {known}{hint}"
            continue
        for key, rules in table.items():
            if key not in ("call", "subscribe"):
                yield (name, key), "a role has `call` and `subscribe` only"
            elif not isinstance(rules, list):
                yield (name, key), "must be a list of URIs"
            else:
                for number, rule in enumerate(rules):
                    if not _is_rule(rule):
                        yield (name, key, number), f"{rule!r} {RULE}"


def _is_rule(rule: Any) -> bool:
    return (
        isinstance(rule, str)
        and _RULE.fullmatch(rule) is not None
        and not f"{rule}.".startswith(SYSTEM_PREFIX)
    )
