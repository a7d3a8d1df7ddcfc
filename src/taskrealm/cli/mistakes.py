"""Finds everything that is wrong with a node's folder, each with file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..executor.claims import require_slots
from ..executor.plans import plans_of
from ..executor.priorities import load_priorities
from ..router.configuration import render
from ..router.policy import load_policy
from ..settings import SettingsError, load_settings
from ..tasks import TaskError, load_tasks

if TYPE_CHECKING:
    from ..settings import NodeFolder


def find_mistakes(folder: NodeFolder) -> list[str]:
    """One sentence for each mistake in settings, policy and tasks; none if the node can start."""
    mistakes: list[str] = []
    tasks = folder.root / "tasks"
    settings = None
    try:
        settings = load_settings(folder.settings_file)
        tasks = folder.root / settings.executor.tasks
    except SettingsError as error:
        mistakes += str(error).splitlines()
    try:
        load_policy(folder.policy)
    except SettingsError as error:
        mistakes += str(error).splitlines()
    try:
        registry = load_tasks(tasks)
        if settings is not None:
            load_priorities(settings.executor, folder.root)
            require_slots(registry, settings.executor)
            plans_of(registry, settings.schedules, folder.settings_file)
    except SettingsError as error:
        mistakes += str(error).splitlines()
    except TaskError as error:
        mistakes += error.problems
    return mistakes


def is_rendered(folder: NodeFolder) -> bool:
    """
    Whether Crossbar's configuration follows from settings and policy as they are.

    Raises:
        SettingsError: They cannot be used.
    """
    file = folder.crossbar / "config.json"
    wanted = render(load_settings(folder.settings_file), load_policy(folder.policy))
    return file.is_file() and file.read_text(encoding="utf-8") == wanted
