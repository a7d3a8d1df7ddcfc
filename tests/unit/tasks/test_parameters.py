"""Which arguments a task accepts, and what it says about the others."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import CommandTask, Flag, Glued, Option, ProgramTask, Value


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def even(number: int) -> int:
    if number % 2:
        raise ValueError("must be even")
    return number


class Everything(CommandTask):
    """Take arguments of every kind."""

    name = "everything"
    count: int
    label: str | None = None
    size: Annotated[int, Field(ge=0, le=51, description="How large")] = 23
    share: float = 0.5
    utc: bool = False
    day: date | None = None
    preset: Literal["480p", "720p"] = "720p"
    colour: Colour = Colour.RED
    tags: list[str] = []  # noqa: RUF012
    pair: Annotated[int, AfterValidator(even)] = 2
    command = (
        "program",
        Value("count"),
        Value("label"),
        Glued("--size=", "size"),
        Option("--share", "share"),
        Flag("--utc", "utc"),
        Option("--day", "day"),
        Option("--preset", "preset"),
        Option("--colour", "colour"),
        Option("--tag", "tags"),
        Option("--pair", "pair"),
    )


task = ProgramTask(Everything)


def refusal(*args: Any, **kwargs: Any) -> dict[str, str]:
    with pytest.raises(InvalidArguments) as refused:
        task.bind(args, kwargs)
    str(refused.value).encode()
    return refused.value.fields


def test_positional_arguments_fill_parameters_in_declared_order() -> None:
    arguments = task.bind([3, "three"], {"utc": True})

    assert arguments.values["count"] == 3
    assert arguments.values["label"] == "three"
    assert arguments.values["utc"] is True


def test_defaults_are_filled_in() -> None:
    assert task.bind([3], {}).values == {
        "count": 3,
        "label": None,
        "size": 23,
        "share": 0.5,
        "utc": False,
        "day": None,
        "preset": "720p",
        "colour": "red",
        "tags": [],
        "pair": 2,
    }


def test_arguments_have_their_types() -> None:
    model = task.bind([3], {"day": "2026-02-28", "colour": "blue", "share": 1}).model

    assert isinstance(model, Everything)
    assert model.day == date(2026, 2, 28)
    assert model.colour is Colour.BLUE
    assert model.share == 1.0


def test_arguments_come_back_from_the_journal() -> None:
    arguments = task.bind([3], {"day": "2026-02-28", "tags": ["a", "b"]})

    restored = task.restore(json.loads(json.dumps(arguments.values)))

    assert restored.values == arguments.values
    assert vars(restored.model) == vars(arguments.model)


def test_a_default_is_not_shared_between_jobs() -> None:
    task.bind([3], {}).values["tags"].append("mine")

    assert task.bind([3], {}).values["tags"] == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        pytest.param("count", "5", "must be a valid integer", id="text is no integer"),
        pytest.param("count", True, "must be a valid integer", id="true is no integer"),
        pytest.param("count", 1.5, "must be a valid integer", id="a fraction is no integer"),
        pytest.param("count", None, "must be a valid integer", id="nothing is no integer"),
        pytest.param("count", 2**63, "must be a whole number of at most 64 bits", id="too long"),
        pytest.param("size", 52, "must be less than or equal to 51", id="above its range"),
        pytest.param("share", "0.5", "must be a valid number", id="text is no number"),
        pytest.param("share", float("nan"), "must be a finite number", id="not a number"),
        pytest.param("utc", 1, "must be a valid boolean", id="one is not true"),
        pytest.param("day", 20_000, "must be a valid date", id="a number is no date"),
        pytest.param("preset", "1p", "must be '480p' or '720p'", id="not one of the choices"),
        pytest.param("tags", ["a", 2], "item 2 must be a valid string", id="an item is wrong"),
        pytest.param("tags", "a", "must be a valid array", id="text is no list"),
        pytest.param("pair", 3, "must be even", id="the site's own rule"),
        pytest.param("label", b"x", "must be a value that JSON has, not bytes", id="bytes"),
        pytest.param("label", "a\0b", "must not contain the NUL character", id="NUL"),
        pytest.param("tags", ["\ud800"], "item 1 must be valid Unicode text", id="surrogate"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: object, sentence: str) -> None:
    fields = refusal(**{"count": 1, name: value})

    assert list(fields) == [name]
    assert sentence in fields[name]


def test_a_missing_argument_is_refused() -> None:
    assert refusal() == {"count": "is required"}


@pytest.mark.parametrize(
    ("args", "kwargs", "fields"),
    [
        pytest.param(
            (),
            {"size": 3},
            {"size": "is not a parameter of this task; its parameters: none"},
            id="by name",
        ),
        pytest.param((3,), {}, {"args": "at most 0 positional arguments, not 1"}, id="by position"),
    ],
)
def test_a_task_without_parameters_takes_no_arguments(
    args: tuple[int, ...], kwargs: dict[str, int], fields: dict[str, str]
) -> None:
    class Nothing(CommandTask):
        """Do nothing."""

        name = "nothing"
        command = ("true",)

    with pytest.raises(InvalidArguments) as refused:
        ProgramTask(Nothing).bind(args, kwargs)

    assert refused.value.fields == fields
    assert ProgramTask(Nothing).bind((), {}).values == {}


def test_an_unknown_argument_is_refused_with_the_known_ones() -> None:
    fields = refusal(1, siez=3)

    assert fields["siez"].startswith("is not a parameter of this task; its parameters: count, ")


def test_the_name_of_an_unknown_argument_does_no_harm() -> None:
    fields = refusal(1, **{"\x1b[2J\ud800": 1, "x" * 1_000_000: 1})

    assert [len(name) < 100 and name.isprintable() for name in fields] == [True, True]


def test_many_unknown_arguments_make_no_endless_error() -> None:
    fields = refusal(1, **{f"unknown{number}": float("nan") for number in range(100_000)})

    assert len(fields) == 10


def test_an_argument_given_twice_is_refused() -> None:
    assert refusal(1, count=2) == {"count": "is given twice, by position and by name"}


def test_too_many_positional_arguments_are_refused() -> None:
    assert refusal(*range(1, 12))["args"] == "at most 10 positional arguments, not 11"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert set(refusal("x", size=-1, utc="yes", nope=1)) == {"count", "size", "utc", "nope"}


def test_endless_nesting_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]

    assert "must not be nested more than 32 deep" in refusal(1, tags=nested)["tags"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(args=st.lists(JSON, max_size=12), kwargs=st.dictionaries(st.text(), JSON, max_size=3))
def test_whatever_is_given_is_accepted_or_refused_readably(
    args: list[Any], kwargs: dict[str, Any]
) -> None:
    try:
        arguments = task.bind(args, kwargs)
    except InvalidArguments as refused:
        json.dumps(refused.fields).encode()
        str(refused).encode()
    else:
        assert task.restore(arguments.values).values == arguments.values


def test_the_schema_describes_the_parameters_in_declared_order() -> None:
    schema = task.schema

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == list(task.bind([1], {}).values)
    assert schema["required"] == ["count"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["size"] == {
        "title": "Size",
        "description": "How large",
        "type": "integer",
        "minimum": 0,
        "maximum": 51,
        "default": 23,
    }


class OddNames(CommandTask):
    """Have parameters with names that mean something elsewhere."""

    name = "odd_names"
    json: int = 1
    model_config: int = 2
    parameter_self: int = 3
    copy: int = 4
    command = (
        "program",
        *(Value(name) for name in ("json", "model_config", "parameter_self", "copy")),
    )


def test_a_parameter_may_have_any_name() -> None:
    odd = ProgramTask(OddNames)

    assert odd.argv(odd.bind([5], {"copy": 6})) == ("program", "5", "2", "3", "6")
    assert list(odd.schema["properties"]) == ["json", "model_config", "parameter_self", "copy"]
