"""The schedules of a node: those that its tasks declare, and those of its settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..settings import SettingsError
from ..tasks import Schedule, TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ..settings import ScheduleSettings
    from ..tasks import Task


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule, what it is called, and of which task it makes jobs."""

    name: str
    task: str
    schedule: Schedule


def plans_of(
    tasks: Mapping[str, Task], settings: Sequence[ScheduleSettings], file: Path
) -> list[Plan]:
    """
    The schedules of all *tasks*, and those of the *settings* in *file*.

    Raises:
        TaskError: One that a task declares cannot be used.
        SettingsError: One of the settings cannot be used.
    """
    taken: dict[str, str] = {}
    plans, problems = [], []
    for task in tasks.values():
        for schedule in task.schedules:
            plan = Plan(schedule.name or task.name, task.name, schedule)
            problems += [f"{task.place}: {each}" for each in _problems(plan, task, taken)]
            taken[plan.name] = task.place
            plans.append(plan)
    if problems:
        raise TaskError(*problems)
    for number, each in enumerate(settings):
        place = _place(file, number)
        plan = _plan(each)
        if each.task not in tasks:
            problems.append(f"{place}: there is no task {each.task!r}")
            continue
        found = [*plan.schedule.problems(), *_problems(plan, tasks[each.task], taken)]
        problems += [f"{place}: {problem}" for problem in found]
        taken[plan.name] = place
        plans.append(plan)
    if problems:
        raise SettingsError("\n".join(problems))
    return plans


def _plan(settings: ScheduleSettings) -> Plan:
    chosen = settings.model_dump(exclude_none=True)
    task = chosen.pop("task")
    return Plan(settings.name or task, task, Schedule(chosen.pop("cron"), **chosen))


def _problems(plan: Plan, task: Task, taken: Mapping[str, str]) -> Iterator[str]:
    if plan.name in taken:
        yield (
            f"there is a schedule {plan.name!r} already, in {taken[plan.name]}:"
            " give one of them another name"
        )
    given, known = plan.schedule.arguments, task.schema["properties"]
    for name in given:
        if name not in known:
            yield f"schedule {plan.name!r}: {task.name} has no parameter {name!r}"
    for name in task.schema.get("required", ()):
        if name not in given:
            yield f"schedule {plan.name!r}: {task.name} needs the argument {name!r}"


def _place(file: Path, number: int) -> str:
    """File and line of a table `[[schedules]]`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    headers = [line for line, text in enumerate(lines, 1) if text.strip() == "[[schedules]]"]
    return f"{file}:{headers[number]}" if number < len(headers) else f"{file}: schedules"


def rule_of(schedule: Schedule) -> str:
    """By what one recognises that a schedule goes by another rule than before."""
    return f"{schedule.cron} {schedule.zone}"


FIELDS = tuple(
    each.name for each in dataclasses.fields(Schedule) if each.name not in ("name", "arguments")
)
"""What is told about a schedule; its arguments may be nobody's business."""
