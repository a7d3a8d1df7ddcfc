"""Finds everything that is wrong with a node's folder, each with file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..access.authorize import load_authorize
from ..access.hooks import load_hook
from ..access.policy import load_policy
from ..access.signed import open_keys
from ..executor.claims import require_slots
from ..executor.plans import plans_of
from ..executor.priorities import load_priorities
from ..router.certificates import require_certificates
from ..router.configuration import render
from ..settings import SettingsError, load_settings
from ..tasks import TaskError, load_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..settings import NodeFolder, Settings

NO_RULES = (
    "there are no [[rules]], so nobody may see or run any task: add those that a node has which"
    " `taskrealm init` writes, or your own"
)
"""What is wrong with a policy that says nothing about tasks."""


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
        if not load_policy(folder.policy).rules.rules:
            mistakes.append(f"{folder.policy}: {NO_RULES}")
    except SettingsError as error:
        mistakes += str(error).splitlines()
    if settings is not None:
        mistakes += _access_mistakes(folder, settings)
        try:
            require_certificates(folder, settings.router)
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


def _access_mistakes(folder: NodeFolder, settings: Settings) -> Iterator[str]:
    """What is wrong with ways to join, and with the site's functions that decide."""
    access = settings.access

    def check(what: Callable[[], object]) -> Iterator[str]:
        try:
            what()
        except SettingsError as error:
            yield f"{folder.settings_file}: {error}"

    if (jwt := access.jwt) is not None:
        yield from check(lambda: open_keys(jwt, folder.root))
    if (hook := access.authenticate) is not None:
        yield from check(lambda: load_hook(hook, folder.root, setting="access.authenticate"))
    yield from check(lambda: load_authorize(access, folder.root))


def is_rendered(folder: NodeFolder) -> bool:
    """
    Whether Crossbar's configuration follows from settings and policy as they are.

    Raises:
        SettingsError: They cannot be used.
    """
    file = folder.crossbar / "config.json"
    wanted = render(load_settings(folder.settings_file), load_policy(folder.policy))
    return file.is_file() and file.read_text(encoding="utf-8") == wanted
