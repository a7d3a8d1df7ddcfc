"""Rules as a site writes them: `[[rules]]` and `[[delegation]]` in `router/roles.toml`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .rules import Delegation, Patterns, Right, Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE_TABLES = ("rules", "delegation")
"""The names of these tables."""

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Names = Annotated[list[_Name], Field(min_length=1)]
_Rights = Annotated[list[Literal["see", "run", "output", "cancel"]], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RuleTable(_Table):
    """What some callers may do with some tasks; what is left out fits all."""

    allow: _Rights
    tasks: _Names | None = None
    roles: Annotated[list[Literal["user", "backend", "operator"]], Field(min_length=1)] | None = (
        None
    )
    teams: _Names | None = None
    users: _Names | None = None
    arguments: dict[_Name, Annotated[list[Any], Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _limits_what_is_run(self) -> Self:
        if self.arguments and "run" not in self.allow:
            raise ValueError('arguments say what may be run: add "run" to allow, or leave them out')
        return self

    def made(self) -> Rule:
        """The rule that is written here."""
        return Rule(
            _rights(self.allow),
            tasks=_patterns(self.tasks),
            roles=None if self.roles is None else frozenset(self.roles),
            teams=_patterns(self.teams),
            users=_patterns(self.users),
            arguments=MappingProxyType(
                {name: tuple(values) for name, values in self.arguments.items()}
            ),
        )


class DelegationTable(_Table):
    """What some backends may do for some users; but for teams, what is left out fits all."""

    allow: _Rights = ["see", "run", "output", "cancel"]
    backends: _Names | None = None
    users: _Names | None = None
    teams: list[_Name] = []
    tasks: _Names | None = None

    def made(self) -> Delegation:
        """The delegation that is written here."""
        return Delegation(
            _rights(self.allow),
            backends=_patterns(self.backends),
            users=_patterns(self.users),
            teams=tuple(self.teams),
            tasks=_patterns(self.tasks),
        )


class RuleTables(_Table):
    """All of them."""

    rules: list[RuleTable] = []
    delegation: list[DelegationTable] = []

    def made(self) -> Rules:
        """The rules that are written here."""
        return Rules(
            tuple(each.made() for each in self.rules),
            tuple(each.made() for each in self.delegation),
        )


def _rights(names: Sequence[str]) -> frozenset[Right]:
    return frozenset(map(Right, names))


def _patterns(names: list[str] | None) -> Patterns | None:
    return None if names is None else tuple(names)
