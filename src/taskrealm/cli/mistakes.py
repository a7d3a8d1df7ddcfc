"""Finds everything that is wrong with a node's folder, each with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..executor.plans import plans_of
from ..router.configuration import render
from ..router.policy import load_policy
from ..settings import SettingsError, load_settings
from ..tasks import TaskError, load_tasks

if TYPE_CHECKING:
    from ..settings import NodeFolder

_OF_SETTING = re.compile(r"(?P<file>.+?\.toml): (?P<setting>\w+(\.\w+)*): ")
_OF_SYNTAX = re.compile(r"(?P<file>.+?\.toml) cannot be read: .*\(at line (?P<line>\d+),")


def find_mistakes(folder: NodeFolder) -> list[str]:
    """One sentence for each mistake in settings, policy and tasks; none if the node can start."""
    mistakes: list[str] = []
    settings = None
    tasks = folder.root / "tasks"
    try:
        settings = load_settings(folder.settings_file)
        tasks = folder.root / settings.executor.tasks
    except SettingsError as error:
        mistakes += located(error)
    try:
        load_policy(folder.policy)
    except SettingsError as error:
        mistakes += located(error)
    try:
        registry = load_tasks(tasks)
        if settings is not None:
            plans_of(registry, settings.schedules, folder.settings_file)
    except TaskError as error:
        mistakes += error.problems
    except SettingsError as error:
        mistakes += located(error)
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


def located(error: SettingsError) -> list[str]:
    """The sentences of *error*, each with the line in front that it is about."""
    return [_with_line(sentence) for sentence in str(error).splitlines()]


def _with_line(sentence: str) -> str:
    if about := _OF_SYNTAX.match(sentence):
        line: int | None = int(about["line"])
    elif about := _OF_SETTING.match(sentence):
        line = _line_of(Path(about["file"]), about["setting"].split("."))
    else:
        return sentence
    file = about["file"]
    return sentence if line is None else f"{file}:{line}{sentence.removeprefix(file)}"


def _line_of(file: Path, setting: list[str]) -> int | None:
    """Where in the TOML *file* a setting is, or else its table; None if neither is there."""
    table: str | None = None
    line_of_table = None
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = header[1]
            if table == setting[0]:
                line_of_table = number
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            if (table, key[1]) == tuple(setting[:2]) or (table is None and key[1] == setting[0]):
                return number
    return line_of_table
