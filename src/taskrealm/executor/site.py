"""What a node has been given that it can take anew while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..access.authorize import load_authorize
from ..access.policy import load_policy
from ..tasks import load_tasks
from .claims import require_slots
from .plans import plans_of

if TYPE_CHECKING:
    from ..access.authorize import Authorize
    from ..access.rules import Rules
    from ..settings import NodeFolder, Settings
    from ..tasks import Registry
    from .plans import Plan


@dataclass(frozen=True, slots=True)
class Site:
    """The tasks of a node, its schedules, and who may do what with them."""

    registry: Registry
    plans: list[Plan]
    rules: Rules
    authorize: Authorize | None


def load_site(folder: NodeFolder, settings: Settings) -> Site:
    """
    What the node has as it is written now, once it is clear that it can be used here.

    Raises:
        SettingsError: The policy or a function that the *settings* name cannot be used.
        TaskError: The task definitions cannot be used.
    """
    registry = load_tasks(folder.root / settings.executor.tasks)
    require_slots(registry, settings.executor)
    return Site(
        registry,
        plans_of(registry, settings.schedules, folder.settings_file),
        load_policy(folder.policy).rules,
        load_authorize(settings.access, folder.root),
    )
