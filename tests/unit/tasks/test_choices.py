"""Choices that a function or a command computes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from tests.nodes import comes_true

from taskrealm.protocol.errors import InvalidArguments, NotAuthorized
from taskrealm.tasks import (
    Caller,
    Choices,
    CommandTask,
    ProgramTask,
    Secret,
    TaskError,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ANA = Caller("ana", "user", "ana")
EVE = Caller("eve", "user", "eve")
TABLES = {"shop": ["orders", "items"], "blog": ["posts"]}


class Size(Enum):
    SMALL = 1
    LARGE = 2


def databases(given: Mapping[str, Any], caller: Caller) -> list[object]:
    if caller.authid == "eve":
        raise NotAuthorized("Eve has no databases")
    return [("shop", "The shop"), "blog"]


async def tables(given: Mapping[str, Any], caller: Caller) -> list[str]:
    await asyncio.sleep(0)
    return TABLES.get(given.get("database", ""), [])


def numbers(given: Mapping[str, Any], caller: Caller) -> list[object]:
    return [1, Size.LARGE]


class Dump(CommandTask):
    """Write tables into a file."""

    name = "dump"
    database: Annotated[str, Choices(databases)]
    tables: Annotated[list[str], Choices(tables, after=["database"])]
    number: Annotated[int, Choices(numbers, after=["depth"])] | None = None
    depth: int = 1
    password: Secret | None = None
    command = ("dump", Value("database"), Value("tables"), Value("number"), Value("depth"))

    def validate(self, caller: Caller) -> dict[str, Any] | None:
        return {"tables": ["other"]} if self.depth == 5 else None


dump = ProgramTask(Dump)


async def refusal(task: ProgramTask = dump, **kwargs: Any) -> dict[str, str]:
    with pytest.raises(InvalidArguments) as refused:
        await task.prepare(task.bind((), kwargs), ANA)
    return refused.value.fields


async def test_choices_have_titles() -> None:
    assert await dump.choices("database", {}, ANA) == [("shop", "The shop"), ("blog", "blog")]
    assert await dump.choices("number", {}, ANA) == [(1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        pytest.param({"database": "shop"}, ["orders", "items"], id="given"),
        pytest.param({}, [], id="not yet given"),
        pytest.param({"database": 5}, [], id="does not fit"),
        pytest.param({"database": "blog", "depth": "x", "no": 1}, ["posts"], id="others do not"),
        pytest.param({"database": "blog", "depth": b"x"}, ["posts"], id="others are no JSON"),
    ],
)
async def test_choices_depend_on_what_was_given_before(
    given: dict[str, Any], offered: list[str]
) -> None:
    assert [choice.value for choice in await dump.choices("tables", given, ANA)] == offered


async def test_what_is_offered_is_accepted() -> None:
    arguments = dump.bind(["shop", ["items", "orders"]], {"number": 2})

    assert await dump.prepare(arguments, ANA) == arguments


async def test_what_is_not_offered_is_refused() -> None:
    assert await refusal(database="mine", tables=[]) == {"database": "must be one of shop, blog"}
    assert await refusal(database="blog", tables=["posts", "orders"]) == {
        "tables": "must be one of posts"
    }
    assert await refusal(database="shop", tables=["items"], number=3) == {
        "number": "must be one of 1, 2"
    }


async def test_what_validate_makes_of_it_must_be_offered_too() -> None:
    assert await refusal(database="shop", tables=["items"], depth=5) == {
        "tables": "must be one of orders, items"
    }


async def test_a_function_may_refuse() -> None:
    with pytest.raises(NotAuthorized, match="Eve has no databases"):
        await dump.choices("database", {}, EVE)
    with pytest.raises(NotAuthorized):
        await dump.prepare(dump.bind(["shop", ["items"]], {}), EVE)


@pytest.mark.parametrize("parameter", ["depth", "nothing"])
async def test_only_computed_choices_can_be_asked_for(parameter: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await dump.choices(parameter, {}, ANA)

    assert "this task computes: database, tables, number" in refused.value.fields["parameter"]


def test_the_schema_says_what_to_ask_for_and_when() -> None:
    properties = dump.schema["properties"]

    hints = {name: each.get("x-taskrealm") for name, each in properties.items()}
    assert hints == {
        "database": {"computed_choices": {"after": []}},
        "tables": {"computed_choices": {"after": ["database"]}},
        "number": {"computed_choices": {"after": ["depth"]}},
        "depth": None,
        "password": None,
    }


def with_choices(choices: Choices) -> ProgramTask:
    body = {
        "__annotations__": {
            "word": Annotated[str, choices],
            "prefix": str,
            "secret": Secret | None,
        },
        "__module__": __name__,
        "name": "pick",
        "prefix": "a",
        "secret": None,
        "command": ("echo", Value("word"), Value("prefix")),
        "environment": {"SECRET": Value("secret")},
    }
    return ProgramTask(type("Pick", (CommandTask,), body))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "must be a list, not NoneType"),
        ("text", "must be a list, not str"),
        ([object()], "a value must be a value that JSON has, not object"),
        (["a"] * 10_001, "are more than 10000"),
    ],
)
async def test_what_is_no_list_of_choices_is_the_task_s_fault(answer: Any, sentence: str) -> None:
    task = with_choices(Choices(lambda given, caller: answer))

    with pytest.raises(TaskError, match=f"pick: the choices of word.*{sentence}"):
        await task.choices("word", {}, ANA)


async def test_a_function_has_its_time() -> None:
    forever = threading.Event()
    task = with_choices(Choices(lambda given, caller: [forever.wait()], limit=0.05))

    with pytest.raises(TaskError, match=r"the choices of word took more than 0\.05 s"):
        await task.choices("word", {}, ANA)
    forever.set()


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        (Choices(), "Choices need a function, or else a command"),
        (Choices(databases, command=["x"]), "Choices need a function, or else a command"),
        (Choices(5), "Choices need a function that can be called"),  # type: ignore[arg-type]
        (Choices(databases, after=["no"]), "Choices depend on 'no', which is no parameter"),
        (Choices(command=[Value("prefix")]), "must begin with the name of a program"),
        (Choices(command=["x", Value("secret")]), "everybody on the machine could read it"),
    ],
)
def test_wrong_choices_are_told_at_once(choices: Choices, problem: str) -> None:
    with pytest.raises(TaskError, match=f"Pick.word: .*{problem}"):
        with_choices(choices)


def test_choices_in_a_group_are_refused() -> None:
    class Grouped(CommandTask):
        name = "grouped"
        pairs: dict[str, Annotated[str, Choices(databases)]]
        command = ("x", Value("pairs"))

    with pytest.raises(TaskError, match="Choices belong to a parameter"):
        ProgramTask(Grouped)


def running_in(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(process.name)
    return found


PRINT = "import sys; print('one\\tThe first\\n\\n' + sys.argv[1] + '2')"


async def test_a_command_is_given_what_was_chosen_before() -> None:
    task = with_choices(Choices(command=[sys.executable, "-c", PRINT, Value("prefix")]))

    assert await task.choices("word", {"prefix": "x"}, ANA) == [("one", "The first"), ("x2", "x2")]
    assert await task.choices("word", {"prefix": "-x"}, ANA) == []
    assert await refusal(task, word="x2") == {"word": "must be one of one, a2"}


@pytest.mark.parametrize(
    ("script", "limit", "sentence"),
    [
        ("echo oh no >&2; exit 3", 10.0, "sh ended with exit code 3: oh no"),
        ("yes", 10.0, "prints more than 1000000 bytes"),
        ("sleep 600 & sleep 600", 0.5, r"took more than 0\.5 s"),
    ],
)
async def test_a_command_that_fails_is_told_and_gone(
    script: str, limit: float, sentence: str, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    task = with_choices(Choices(command=["sh", "-c", f"echo $$ > {pid}; {script}"], limit=limit))

    with pytest.raises(TaskError, match=sentence):
        await task.choices("word", {}, ANA)

    await comes_true(lambda: not running_in(int(pid.read_text())))


async def test_a_command_that_is_not_there_is_told() -> None:
    task = with_choices(Choices(command=["/no/such/program"]))

    with pytest.raises(TaskError, match="/no/such/program could not be started"):
        await task.choices("word", {}, ANA)
