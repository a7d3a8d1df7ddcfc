"""Python functions and classes as tasks: their declaration, and what is said of a wrong one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import (
    Caller,
    Context,
    FunctionTask,
    PythonTask,
    Secret,
    TaskError,
    load_tasks,
    ready,
    task,
)
from taskrealm.tasks.python import declaration_of

CONTEXT = Context("id", "task", 1, Caller("ana", "user", "shop"), Path(), 0.0)

HEADER = """\
from __future__ import annotations

from typing import Annotated
from pydantic import Field
from taskrealm.tasks import *

"""


def made(function: object) -> FunctionTask:
    declaration = declaration_of(function)
    assert declaration is not None
    ready_task = ready(declaration)
    assert isinstance(ready_task, FunctionTask)
    return ready_task


def called(ready_task: FunctionTask, *args: object, **kwargs: object) -> Any:
    return ready_task.call(ready_task.bind(args, kwargs), lambda: CONTEXT)


@task
def digest(day: date, copies: int = 1, *, name: str = "all") -> str:
    """Send the digest of a day.

    To everybody who wants one.
    """
    return f"{day:%d.%m.} {copies} {name}"


@task(name="mail.count", timeout=5, roles={"operator"})
async def count(context: Context, timeout: float) -> str:
    return f"{context.owner} {timeout}"


class Greet(PythonTask):
    name = "greet"
    whom: str

    def run(self) -> str:
        return f"Hello {self.whom}"


class Sign(PythonTask):
    name = "sign"

    def run(self, context: Context) -> str:
        return context.caller.submitted_by


@pytest.mark.capability("A15")
def test_a_function_is_a_task_with_the_parameters_that_it_annotates() -> None:
    ready_task = made(digest)

    assert ready_task.name == "digest"
    assert ready_task.title == "Send the digest of a day"
    assert ready_task.help == "To everybody who wants one."
    assert list(ready_task.schema["properties"]) == ["day", "copies", "name"]
    assert ready_task.schema["required"] == ["day"]
    assert called(ready_task, "2026-02-28", name="ana") == "28.02. 1 ana"
    with pytest.raises(InvalidArguments, match="copies: must be a valid integer"):
        ready_task.bind(("2026-02-28", "2"), {})


@pytest.mark.capability("A15")
def test_a_declared_function_can_be_called_like_any_other() -> None:
    assert digest(date(2026, 2, 28), 2) == "28.02. 2 all"


@pytest.mark.capability("A16")
async def test_a_function_is_given_the_context_if_it_wants_it() -> None:
    ready_task = made(count)

    assert (ready_task.name, ready_task.timeout) == ("mail.count", 5)
    assert ready_task.roles == {"operator"}
    assert list(ready_task.schema["properties"]) == ["timeout"]
    assert await called(ready_task, 2.5) == "ana 2.5"


@pytest.mark.capability("A14")
def test_a_class_may_do_the_work_itself() -> None:
    greet, sign = FunctionTask(Greet), FunctionTask(Sign)

    assert called(greet, "Ana") == "Hello Ana"
    assert called(sign) == "shop"


@pytest.mark.capability("Q11")
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "@task\ndef add(a, b: int): ...",
            "8: add.a: has no type: annotate it, as in a: int",
            id="no annotation",
        ),
        pytest.param(
            "@task\ndef add(\n    a: int,\n    *more: int,\n): ...",
            "10: add.more: cannot be a parameter of a task: each has a name, and is declared",
            id="any number of arguments",
        ),
        pytest.param(
            "@task\ndef add(_a: int): ...",
            "8: add._a: cannot be the name of a parameter: rename it",
            id="private parameter",
        ),
        pytest.param(
            "@task\ndef add(a: Nothing): ...",
            "8: add.a: has an annotation that cannot be read: name 'Nothing' is not defined; "
            "what it names must be imported while the program runs",
            id="unknown type",
        ),
        pytest.param(
            "@task(\n    timout=3,\n)\ndef add(): ...",
            "8: add.timout: is no setting, and without annotation no parameter; "
            "did you mean 'timeout'?",
            id="unknown setting",
        ),
        pytest.param(
            "@task(timeout=-1)\ndef add(): ...",
            "7: add.timeout: is -1; it must be more than 0 seconds, or None",
            id="wrong setting",
        ),
        pytest.param(
            "@task\ndef Add(): ...",
            "7: Add.name: is 'Add'; it must be lower-case words of letters, digits and '_', "
            'separated by dots, such as "video.transcode"',
            id="name in capitals",
        ),
        pytest.param(
            '@task\ndef add(a: int = "x"): ...',
            "8: add.a: its default must be a valid integer",
            id="default of another type",
        ),
        pytest.param(
            "@task(run=len)\ndef add(): ...",
            "7: add.run: is no setting: what runs is the function itself",
            id="another run",
        ),
        pytest.param(
            'class Add(PythonTask):\n    name = "add"',
            "7: Add.run: is missing: add def run(self), which does the work",
            id="class without run",
        ),
        pytest.param(
            'class Add(PythonTask):\n    name = "add"\n    def run(self, a, b): ...',
            "9: Add.run: must be a method: def run(self) or def run(self, context)",
            id="run with more parameters",
        ),
    ],
)
def test_a_wrong_declaration_is_named_with_its_place(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "site.py").write_text(HEADER + dedent(text))

    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path)
    assert error.value.problems == (f"{tmp_path}/site.py:{sentence}",)


@pytest.mark.capability("A15", "A3")
def test_functions_are_loaded_once_and_only_where_they_are_declared(tmp_path: Path) -> None:
    (tmp_path / "_shared.py").write_text(HEADER + "@task\ndef shared(): ...")
    (tmp_path / "site.py").write_text(
        HEADER
        + "from ._shared import shared\n\n"
        + "@task\ndef own(): ...\nagain = own\n\n@task\ndef _private(): ...\n\ndef plain(): ...\n"
    )

    registry = load_tasks(tmp_path)

    assert list(registry) == ["own"]
    assert registry["own"].place == f"{tmp_path}/site.py:9"


def test_only_functions_can_be_declared_as_such() -> None:
    with pytest.raises(TypeError, match="a class derives from PythonTask"):
        task(Greet)


@task
def log_in(password: Secret) -> str:
    return password.get_secret_value()


def test_another_process_can_be_given_what_a_function_was_given() -> None:
    for function, arguments in ((digest, {"day": "2026-02-28"}), (log_in, {"password": "pw"})):
        ready_task = made(function)
        again = ready_task.restore(ready_task.given(ready_task.bind((), arguments)))
        assert ready_task.call(again, lambda: CONTEXT) in ("28.02. 1 all", "pw")
