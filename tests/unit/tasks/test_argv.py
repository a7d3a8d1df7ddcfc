"""What a program receives for the arguments of a job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.protocol.errors import InvalidArguments, TooLarge
from taskrealm.tasks import CommandTask, Flag, Glued, Option, ProgramTask, TaskError, Value

PRINT_ARGUMENTS = (
    "import json, os, sys; print(json.dumps([os.fsencode(a).hex() for a in sys.argv[1:]]))"
)


class Level(IntEnum):
    HIGH = 9


class Parts(CommandTask):
    name = "parts"
    value: str | None = None
    option: str | None = None
    glued: str | None = None
    flag: bool | None = None
    command = (
        "program",
        "constant",
        Value("value"),
        Option("--option", "option"),
        Glued("--glued=", "glued"),
        Flag("--flag", "flag"),
        "",
    )


class Types(CommandTask):
    name = "types"
    number: int | None = None
    share: float | None = None
    truth: bool | None = None
    level: Level | None = None
    moment: datetime | None = None
    ident: UUID | None = None
    amount: Decimal | None = None
    command = (
        "program",
        *(
            Value(name, dash=True)
            for name in ("number", "share", "truth", "level", "moment", "ident", "amount")
        ),
    )


class Lists(CommandTask):
    name = "lists"
    values: list[str] = []  # noqa: RUF012
    numbers: tuple[int, ...] = ()
    command = ("program", Value("values"), Option("-n", "numbers"), Glued("--n=", "numbers"))


class Anything(CommandTask):
    name = "anything"
    values: list[str]
    command = (sys.executable, "-SEc", PRINT_ARGUMENTS, Value("values", dash=True))


def argv(declaration: type[CommandTask], **kwargs: Any) -> tuple[str, ...]:
    task = ProgramTask(declaration)
    return task.argv(task.bind((), kwargs))


def test_constants_are_always_there() -> None:
    assert argv(Parts) == ("program", "constant", "")


def test_each_part_puts_its_value_in_its_place() -> None:
    assert argv(Parts, value="v", option="o", glued="g", flag=True) == (
        "program",
        "constant",
        "v",
        "--option",
        "o",
        "--glued=g",
        "--flag",
        "",
    )


def test_a_flag_that_is_false_is_left_out() -> None:
    assert argv(Parts, flag=False) == ("program", "constant", "")


def test_empty_text_reaches_the_program() -> None:
    assert argv(Parts, value="", option="", glued="")[2:-1] == ("", "--option", "", "--glued=")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        pytest.param("number", 0, "0", id="zero"),
        pytest.param("number", -5, "-5", id="negative number"),
        pytest.param("share", 0.1, "0.1", id="fraction"),
        pytest.param("truth", False, "false", id="false"),
        pytest.param("truth", True, "true", id="true"),
        pytest.param("level", 9, "9", id="enumeration"),
        pytest.param("moment", "2026-02-28T12:00:00Z", "2026-02-28T12:00:00+00:00", id="time"),
        pytest.param("ident", str(UUID(int=5)), str(UUID(int=5)), id="UUID"),
        pytest.param("amount", "1.50", str(Decimal("1.50")), id="decimal number"),
    ],
)
def test_every_type_has_its_text(name: str, value: object, text: str) -> None:
    assert argv(Types, **{name: value}) == ("program", text)


def test_a_list_makes_an_argument_of_each_item() -> None:
    assert argv(Lists, values=["a", ""], numbers=[1, 2]) == (
        *("program", "a", ""),
        *("-n", "1", "-n", "2"),
        *("--n=1", "--n=2"),
    )


def test_an_empty_list_is_left_out() -> None:
    assert argv(Lists) == ("program",)


@pytest.mark.parametrize("value", ["-", "-rf", "--help"])
def test_a_value_in_the_place_of_an_option_is_refused(value: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        argv(Parts, value=value)

    assert "must not begin with '-'" in refused.value.fields["value"]


def test_an_item_of_a_list_is_no_option_either() -> None:
    with pytest.raises(InvalidArguments) as refused:
        argv(Lists, values=["a", "-rf"])

    assert list(refused.value.fields) == ["values"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_program_receives_every_text_unchanged(texts: list[str]) -> None:
    printed = subprocess.run(argv(Anything, values=texts), capture_output=True, check=True).stdout

    assert [bytes.fromhex(each).decode() for each in json.loads(printed)] == texts


@pytest.mark.parametrize("text", ["$(id) `id` ; | > & * ? ~ ' \" \\ %s {x}", "\n", "\x7f\x1b[0m"])
def test_no_shell_interprets_a_value(text: str) -> None:
    printed = subprocess.run(argv(Anything, values=[text]), capture_output=True, check=True).stdout

    assert json.loads(printed) == [os.fsencode(text).hex()]


def test_the_longest_argument_is_accepted_and_can_be_run() -> None:
    text = "ü" * 65_535 + "x"

    printed = subprocess.run(argv(Anything, values=[text]), capture_output=True, check=True).stdout

    assert json.loads(printed) == [text.encode().hex()]


def test_a_longer_argument_is_refused() -> None:
    with pytest.raises(TooLarge, match="values: an argument of a program has at most") as refused:
        argv(Anything, values=["ü" * 65_536])

    assert refused.value.limit == 131_071


def test_the_prefix_counts_too() -> None:
    with pytest.raises(TooLarge, match="glued: "):
        argv(Parts, glued="x" * 131_070)


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(TooLarge, match="together") as refused:
        argv(Anything, values=["x" * 100_000] * 11)

    assert refused.value.limit == 1_048_576


def test_the_most_arguments_that_are_accepted_can_be_run() -> None:
    values = ["x"] * 95_000

    completed = subprocess.run(argv(Anything, values=values), capture_output=True, check=True)

    assert len(json.loads(completed.stdout)) == 95_000


class Computed(CommandTask):
    name = "computed"
    height: int
    command = ("program", Option("-vf", "scale"), Value("target"), Flag("--hd", "is_hd"))

    @property
    def scale(self) -> str:
        return f"scale=-2:{self.height}"

    @cached_property
    def target(self) -> Path:
        return Path(f"{self.height}.mp4")

    @property
    def is_hd(self) -> bool:
        return self.height >= 720


def test_a_property_is_an_argument_that_the_task_computes() -> None:
    assert argv(Computed, height=720) == ("program", "-vf", "scale=-2:720", "720.mp4", "--hd")


class Broken(CommandTask):
    name = "broken"
    text: str
    command = ("program", Value("half"), Value("odd"))

    @property
    def half(self) -> str:
        return str(len(self.text) / (len(self.text) - 1))

    @property
    def odd(self) -> object:
        return object() if self.text == "odd" else f"{self.text}\0"


def test_a_property_that_fails_is_an_error_of_the_task() -> None:
    with pytest.raises(TaskError, match=r"^broken: the property half failed$"):
        argv(Broken, text="x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("odd", "must be text or a number, not object"),
        ("two", "must not contain the NUL character"),
    ],
)
def test_a_property_that_no_program_can_take_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        argv(Broken, text=text)

    assert refused.value.fields == {"odd": sentence}


def test_arguments_cannot_be_assigned() -> None:
    model = ProgramTask(Computed).bind([720], {}).model

    with pytest.raises(AttributeError, match=r"return {'height': \.\.\.} from validate"):
        model.height = 480


def test_times_are_written_in_iso_8601() -> None:
    task = ProgramTask(Types)
    arguments = task.bind((), {"moment": "2026-02-28T12:00:00Z"})

    assert vars(arguments.model)["moment"] == datetime(2026, 2, 28, 12, tzinfo=UTC)
