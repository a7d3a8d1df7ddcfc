"""What people may do with tasks and their jobs: rules as data, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..tasks import Caller

Patterns = tuple[str, ...]
"""Names, of which `*`, `?` and `[…]` stand for others as in a shell."""


class Right(StrEnum):
    """What one may do with a task and with its jobs."""

    SEE = "see"  # the task and its form; for backends, the jobs of others
    RUN = "run"
    OUTPUT = "output"  # what jobs print, the files that they leave, results that are apart
    CANCEL = "cancel"  # jobs, and answer what they ask


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What some callers may do with some tasks.

    It speaks of a caller and a task if everything fits that it names; what is None fits all.
    """

    allow: frozenset[Right]
    tasks: Patterns | None = None
    roles: frozenset[str] | None = None
    teams: Patterns | None = None
    """Of which the caller must be in one."""
    users: Patterns | None = None
    """Of which the caller's authid must be one."""
    arguments: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The values that an argument must have one of for a job to be run; of a list, each item."""

    def speaks_of(self, right: Right, caller: Caller, task: str | None) -> bool:
        """Whether *caller* has the *right* to *task* by this rule; without a task, to every task."""
        return (
            right in self.allow
            and _fits(task, self.tasks)
            and (self.roles is None or caller.role in self.roles)
            and (self.teams is None or any(_fits(team, self.teams) for team in caller.teams))
            and _fits(caller.authid, self.users)
        )

    def forbidden(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of those *arguments* that have none of the values that they must have."""
        return tuple(
            name
            for name, values in self.arguments.items()
            if name not in arguments or not _is_among(arguments[name], values)
        )


@dataclass(frozen=True, slots=True)
class Delegation:
    """What some backends may do for some users, besides with what they have submitted themselves."""

    allow: frozenset[Right] = frozenset(Right)
    backends: Patterns | None = None
    users: Patterns | None = None
    teams: Patterns = ()
    """The teams that they may say a user is in."""
    tasks: Patterns | None = None

    def covers(self, right: Right, backend: str, user: str) -> bool:
        """Whether *backend* has the *right* for *user*, to some task at least."""
        return right in self.allow and _fits(backend, self.backends) and _fits(user, self.users)


@dataclass(frozen=True, slots=True)
class Rules:
    """
    The rules of a site: whatever none of them allows is refused.

    A caller has a right to a task if one rule speaks of just that; rules only give, none takes
    away, and their order does not matter. To run the task with certain arguments, these must
    please one such rule alone: what two rules say is not put together. Likewise one delegation
    alone must cover backend, user, task and all teams.

    The rules do not know whose a job is. Who may have to do with it at all is decided before:
    its owner, the backend that has submitted it, one to which its owner is delegated.
    """

    rules: tuple[Rule, ...] = ()
    delegations: tuple[Delegation, ...] = ()

    def allows(
        self,
        right: Right,
        caller: Caller,
        task: str | None,
        arguments: Mapping[str, Any] | None = None,
    ) -> bool:
        """
        Whether *caller* has the *right* to *task*, with these *arguments* if any are given.

        Without arguments it is enough that there may be some; without a task it has to be
        every task.
        """
        for rule in self.rules:
            if rule.speaks_of(right, caller, task) and (
                arguments is None or not rule.arguments or not rule.forbidden(arguments)
            ):
                return True
        return False

    def reasons(self, right: Right, caller: Caller, task: str) -> list[int]:
        """The numbers, from 1, of the rules by which *caller* has the *right* to *task*."""
        return [
            number
            for number, rule in enumerate(self.rules, start=1)
            if rule.speaks_of(right, caller, task)
        ]

    def forbidden(self, caller: Caller, task: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Which of *arguments* keep *caller* from running *task*, by the rule that lacks least."""
        lacking = (
            rule.forbidden(arguments)
            for rule in self.rules
            if rule.speaks_of(Right.RUN, caller, task)
        )
        return min(lacking, key=len, default=())

    def delegates(
        self, right: Right, backend: str, user: str, task: str | None, teams: Iterable[str] = ()
    ) -> bool:
        """
        Whether *backend* has the *right* for *user*, who is said to be in *teams*, to *task*.

        Without a task it has to be every task.
        """
        teams = tuple(teams)
        return any(
            each.covers(right, backend, user)
            and _fits(task, each.tasks)
            and all(_fits(team, each.teams) for team in teams)
            for each in self.delegations
        )

    def delegates_some(self, right: Right, backend: str, user: str) -> bool:
        """Whether *backend* has the *right* for *user* to some task at least."""
        return any(each.covers(right, backend, user) for each in self.delegations)


def _fits(name: str | None, patterns: Patterns | None) -> bool:
    if patterns is None:
        return True
    if name is None:
        return "*" in patterns
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_among(value: object, values: tuple[Any, ...]) -> bool:
    if any(_is_same(value, each) for each in values):
        return True
    # An empty list names nothing, which a task may take for everything.
    if not isinstance(value, list) or not value:
        return False
    return all(any(_is_same(item, each) for each in values) for item in value)


def _is_same(value: Any, other: Any) -> bool:
    """Whether they are equal as JSON: `1` is `1.0`, but not `true`."""
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_is_same, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(_is_same(value[k], other[k]) for k in value)
    return bool(value == other) and isinstance(value, bool) is isinstance(other, bool)
