"""What sessions from outside may do: what `router/roles.toml` says, and what that decides."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..documents import Unreadable, load, suggestion_for
from ..protocol.scope import WHOLE, Scope
from ..protocol.uris import SYSTEM_PREFIX, uid_of
from ..settings import SettingsError
from .identity import ROLES
from .limits import may_call, may_subscribe
from .rules import Rules
from .written import RULE_TABLES, RuleTables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..documents import Document

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
    """Which URIs each role may use, for the router."""
    rules: Rules
    """What people may do with tasks and jobs, for the executor."""

    def decide(
        self,
        session_authid: str,
        session_role: str,
        session_extra: object,
        uri: str,
        action: str,
        match: str,
        options: Mapping[str, Any],
    ) -> bool:
        """
        Whether the session may do *action* on *uri*.

        *session_extra* is what the authenticator has said of it, such as its `scope`, which
        only takes away. *match* is how a subscription matches topics: `exact` and `prefix` can
        be allowed, anything else cannot. A message whose *options* claim another sender
        (`forward_for`) is refused.
        """
        role, scope = self.roles.get(session_role), _scope(session_extra)
        if role is None or scope is None or options.get("forward_for"):
            return False
        if action == "call":
            return may_call(scope, uri) and _allows(role.call, session_authid, uri, by_prefix=False)
        if action == "subscribe" and match in ("exact", "prefix"):
            return may_subscribe(scope, session_authid, uri, match) and _allows(
                role.subscribe, session_authid, uri, by_prefix=match == "prefix"
            )
        return False


def _scope(extra: object) -> Scope | None:
    """The scope in what the authenticator has said of a session; None if it is not understood."""
    if not isinstance(extra, dict):
        return None
    if "scope" not in extra:
        return WHOLE
    try:
        return Scope.of(extra["scope"])
    except ValueError:
        return None


def _allows(rules: frozenset[str], authid: str, uri: str, *, by_prefix: bool) -> bool:
    exact, prefixes = _rules_for(authid, rules)
    return uri.startswith(prefixes) or (uri in exact and not by_prefix)


@functools.lru_cache(maxsize=256)
def _rules_for(authid: str, rules: frozenset[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The URIs that *rules* allow to *authid*, and what others may begin with."""
    allowed = {rule.replace("{uid}", uid_of(authid)) for rule in rules}
    prefixes = {uri for uri in allowed if uri.endswith(".")}
    return frozenset(allowed - prefixes), tuple(prefixes)


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
    rules, more = _rules(document)
    mistakes += more
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    tables = {
        name: Role(frozenset(table.get("call", ())), frozenset(table.get("subscribe", ())))
        for name, table in document.values.items()
        if name not in RULE_TABLES
    }
    shared = tables.pop(SHARED, Role(frozenset(), frozenset()))
    return Policy(
        {
            name: Role(shared.call | role.call, shared.subscribe | role.subscribe)
            for name, role in tables.items()
        },
        rules,
    )


def _rules(document: Document) -> tuple[Rules, list[str]]:
    """The rules over tasks and jobs in a policy, and what is wrong with them."""
    written = {name: document.values[name] for name in RULE_TABLES if name in document.values}
    try:
        return RuleTables.model_validate(written).made(), []
    except ValidationError as error:
        return Rules(), document.mistakes(error, RuleTables)


def _mistakes(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where in a policy something is wrong with what roles may call and subscribe to, and what."""
    for name, table in tables.items():
        if name in RULE_TABLES:
            continue
        if name not in (SHARED, *ROLES) or not isinstance(table, dict):
            known = ", ".join((SHARED, *ROLES, *RULE_TABLES))
            hint = suggestion_for(name, (SHARED, *ROLES, *RULE_TABLES))
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
