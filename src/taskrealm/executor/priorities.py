"""How urgent the jobs of a caller are before it asks for a priority."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

import structlog

from ..protocol.errors import Error
from ..settings import SettingsError
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
    The points that a node grants to callers, by their role or by a function of the site.

    The function gives any whole number, 0 and negative ones included, or None for what the
    role has. If it fails, takes too long or gives anything else, the log says so and the role
    decides: a mistake there stops nobody's work.
    """

    def __init__(
        self, by_role: Mapping[str, int], function: Callable[[Caller], Any] | None = None
    ) -> None:
        self._by_role = dict(by_role)
        self._function = function

    async def of(self, caller: Caller) -> int:
        """The points that a job of *caller* gets now."""
        usual = self._by_role.get(caller.role, 0)
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
    by_role = {str(role): points for role, points in settings.priorities.items()}
    name = settings.priority
    return Priorities(by_role, None if name is None else load_function(name, root))


def load_function(name: str, root: Path) -> Callable[[Caller], Any]:
    """
    The function that the setting `priority` names, in a module or in a file of the node.

    Raises:
        SettingsError: There is no such function.
    """
    home, _, attribute = name.rpartition(":")
    try:
        if home.endswith(".py"):
            spec = importlib.util.spec_from_file_location("_taskrealm_priority", root / home)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(home)
        function: Callable[[Caller], Any] = getattr(module, attribute)
    except Exception as error:
        raise SettingsError(
            f"executor.priority: {name!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(function):
        raise SettingsError(f"executor.priority: {name!r} is no function")
    return function
