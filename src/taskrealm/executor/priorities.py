"""How urgent the jobs of a caller are before it asks for a priority."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import structlog

from ..access.hooks import load_hook
from ..protocol.errors import Error
from ..tasks import TaskError
from ..tasks.hooks import call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..settings import ExecutorSettings
    from ..tasks import Caller

log = structlog.get_logger()

LIMIT = 5.0  # seconds that the site's own function may take; the caller waits for it
POINTS_MOST = 1_000_000


class Priorities:
    """
    The points that a node grants to callers: by their role and teams, or by a function of the site.

    To those of the role the most of any team is added. The function gives any whole number, 0
    and negative ones included, or None for what role and teams have. If it fails, takes too
    long or gives anything else, the log says so and they decide: a mistake there stops
    nobody's work.
    """

    def __init__(
        self,
        by_role: Mapping[str, int],
        function: Callable[[Caller], Any] | None = None,
        *,
        by_team: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._by_role = dict(by_role)
        self._by_team = dict(by_team)
        self._function = function

    async def of(self, caller: Caller) -> int:
        """The points that a job of *caller* gets now."""
        of_teams = [self._by_team[team] for team in caller.teams if team in self._by_team]
        usual = self._by_role.get(caller.role, 0) + max(of_teams, default=0)
        if self._function is None:
            return usual
        try:
            points = await call(self._function, caller, what="The priority function", limit=LIMIT)
        except (Error, TaskError):
            log.exception("The priority function failed; the role decides", role=caller.role)
            return usual
        if points is None:
            return usual
        if type(points) is not int or abs(points) > POINTS_MOST:
            log.error(
                "The priority function gave no whole number; the role decides",
                given=repr(points),
                role=caller.role,
            )
            return usual
        return points


def load_priorities(settings: ExecutorSettings, root: Path) -> Priorities:
    """
    The points that the *settings* of the node in the folder *root* grant.

    Raises:
        SettingsError: The function that they name is not there.
    """
    name = settings.priority
    return Priorities(
        {str(role): points for role, points in settings.priorities.items()},
        None if name is None else load_hook(name, root, setting="executor.priority"),
        by_team=settings.team_priorities,
    )
