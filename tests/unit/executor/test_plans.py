"""Which schedules a node has, and what is wrong with those that it cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.executor.plans import Plan, plans_of
from taskrealm.settings import SettingsError, load_settings
from taskrealm.tasks import Schedule, TaskError, load_tasks

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
from __future__ import annotations

from taskrealm.tasks import CommandTask, Schedule, Value


class Greet(CommandTask):
    name = "greet"
    whom: str
    command = ("echo", Value("whom"))


class Clean(CommandTask):
    name = "clean"
    command = ("true",)
    schedules = {schedules}
"""


def plans(
    folder: Path, *, schedules: str = '[Schedule("0 3 * * *")]', toml: str = ""
) -> list[Plan]:
    (folder / "tasks").mkdir()
    (folder / "tasks" / "a.py").write_text(TASKS.format(schedules=schedules))
    file = folder / "taskrealm.toml"
    file.write_text(toml)
    return plans_of(load_tasks(folder / "tasks"), load_settings(file).schedules, file)


def test_tasks_and_settings_have_schedules(tmp_path: Path) -> None:
    toml = """
        [[schedules]]
        task = "greet"
        cron = "*/5 * * * *"
        zone = "Europe/Berlin"
        arguments = {whom = "world"}
        owner = "ann"
        missed = "once"
        name = "morning"
    """

    assert plans(tmp_path, toml=toml) == [
        Plan("clean", "clean", Schedule("0 3 * * *")),
        Plan(
            "morning",
            "greet",
            Schedule(
                "*/5 * * * *",
                zone="Europe/Berlin",
                arguments={"whom": "world"},
                owner="ann",
                missed="once",
                name="morning",
            ),
        ),
    ]


@pytest.mark.capability("N16")
@pytest.mark.parametrize(
    ("schedules", "problem"),
    [
        ("Schedule('0 3 * * *')", "a.py:16: Clean.schedules: must be a list, such as [Sched"),
        ("['0 3 * * *']", "a.py:16: Clean.schedules: must be a list, such as"),
        ("[Schedule('0 99 * * *')]", "a.py:16: Clean.schedules: number 1: cron is '0 99 * * *'"),
        ("[Schedule('0 3 * * *', zone='X')]", "a.py:16: Clean.schedules: number 1: zone is 'X'"),
        ("[Schedule('0 3 * * *')] * 2", "a.py:13: there is a schedule 'clean' already, in"),
        ("[Schedule('0 3 * * *', arguments={'x': 1})]", "clean has no parameter 'x'"),
    ],
)
def test_a_task_whose_schedule_makes_no_sense_is_not_loaded(
    tmp_path: Path, schedules: str, problem: str
) -> None:
    with pytest.raises(TaskError) as error:
        plans(tmp_path, schedules=schedules)

    assert problem in str(error.value)


@pytest.mark.capability("N16")
@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('task = "grete"\ncron = "0 3 * * *"', "toml:2: there is no task 'grete'"),
        ('task = "clean"\nname = "c"\ncron = "0 3 * *"', "toml:2: cron is '0 3 * *'"),
        ('task = "clean"\nname = "c"\ncron = "0 3 * * *"\nzone = "X"', "toml:2: zone is 'X'"),
        ('task = "clean"\ncron = "0 3 * * *"', "toml:2: there is a schedule 'clean' already"),
        ('task = "greet"\ncron = "0 3 * * *"', "greet needs the argument 'whom'"),
        ('task = "greet"', "schedules.0.cron: is required"),
        ('task = "greet"\ncron = "0 3 * * *"\nzoen = "X"', "schedules.0.zoen: is not known here"),
    ],
)
def test_settings_whose_schedule_makes_no_sense_are_refused(
    tmp_path: Path, table: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as error:
        plans(tmp_path, toml=f"\n[[schedules]]\n{table}\n")

    assert problem in str(error.value)
