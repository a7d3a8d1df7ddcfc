"""Every kind of parameter: what it accepts, what its schema says, what a program receives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import (
    CommandTask,
    Duration,
    Glued,
    Hint,
    Line,
    Option,
    ProgramTask,
    Secret,
    Text,
    Value,
    ready,
)


class Shape(Enum):
    ROUND = "round"
    SQUARE = "square"


@dataclass
class Size:
    width: Annotated[int, Field(ge=1)]
    height: int = 100


class Margins(BaseModel):
    left: int = 0
    inner: Size | None = None


class Author(TypedDict, total=False):
    name: str
    age: int


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: Annotated[float, Field(gt=0)]


class Box(BaseModel):
    kind: Literal["box"]
    size: Size


class Everything(CommandTask):
    """Take arguments of every kind."""

    name = "everything"
    line: Line = "one"
    text: Text = "one\ntwo"
    hinted: Annotated[
        int | None, Field(ge=0), Hint(unit="px", group="Picture", placeholder="480")
    ] = None
    choice: Annotated[Literal["a", "b"], Hint(titles={"a": "First"})] = "a"
    maybe: Annotated[Literal["a", "b"], Hint(titles={"b": "Second"})] | None = None
    shape: Shape = Shape.ROUND
    flag: bool = False
    day: date | None = None
    clock: time | None = None
    moment: datetime | None = None
    pause: Duration = timedelta(seconds=90)
    names: list[str] = []  # noqa: RUF012
    define: dict[str, int] = {}  # noqa: RUF012
    size: Size = Size(640)
    margins: Margins = Margins()
    author: Author | None = None
    sizes: list[Size] = []  # noqa: RUF012
    area: Annotated[Circle | Box, Field(discriminator="kind")] | None = None
    either: int | list[int] = 1
    password: Annotated[Secret, Field(min_length=8)] | None = None
    command = ("program", Value("all"))

    @property
    def all(self) -> str:
        return repr(self)


task = ProgramTask(Everything)
validator = Draft202012Validator(task.schema)

FITTING: dict[str, list[Any]] = {
    "line": ["", "one line"],
    "text": ["a\nb\n"],
    "hinted": [0, None],
    "choice": ["b"],
    "maybe": ["b", None],
    "shape": ["square"],
    "flag": [True],
    "day": ["2026-02-28"],
    "clock": ["08:30:00"],
    "moment": ["2026-02-28T12:00:00Z"],
    "pause": [90, 0.5, "PT1H30M"],
    "names": [["a", "b"]],
    "define": [{"a": 1}, {}],
    "size": [{"width": 1}, {"width": 1, "height": 2}],
    "margins": [{}, {"inner": {"width": 5}}, {"inner": None}],
    "author": [{"name": "Ana"}, {}, None],
    "sizes": [[{"width": 1}]],
    "area": [{"kind": "circle", "radius": 1}, {"kind": "box", "size": {"width": 3}}],
    "either": [5, [5]],
    "password": ["correct horse", None],
}
UNFIT: list[tuple[str, Any, str, str]] = [
    ("line", "a\nb", "line", "must be a single line"),
    ("line", "a\n", "line", "must be a single line"),
    ("hinted", -1, "hinted", "must be greater than or equal to 0"),
    ("choice", "c", "choice", "must be 'a' or 'b'"),
    ("shape", "oval", "shape", "must be 'round' or 'square'"),
    ("flag", "yes", "flag", "must be a valid boolean"),
    ("pause", True, "pause", "must be a valid duration"),
    ("define", {"a": "1"}, "define.a", "must be a valid integer"),
    ("size", {"width": 0}, "size.width", "must be greater than or equal to 1"),
    ("size", {}, "size.width", "is required"),
    ("size", {"width": 1, "depth": 2}, "size.depth", "is not known here"),
    ("size", 5, "size", "must be a"),
    ("margins", {"left": "1"}, "margins.left", "must be a valid integer"),
    ("margins", {"inner": {"width": 0}}, "margins.inner.width", "must be greater than or equal"),
    ("margins", {"lfet": 1}, "margins.lfet", "is not known here"),
    ("author", {"name": 5}, "author.name", "must be a valid string"),
    ("author", {"nmae": "x"}, "author.nmae", "is not known here"),
    ("sizes", [{"width": 1}, {"width": 0}], "sizes", "width of item 2 must be greater than"),
    ("sizes", [{}], "sizes", "width of item 1 is required"),
    ("area", {"kind": "circle", "radius": 0}, "area.radius", "must be greater than 0"),
    ("area", {"kind": "box", "size": {"width": 0}}, "area.size.width", "must be greater than or"),
    ("area", {"kind": "line"}, "area", "must say in 'kind' which it is: one of 'circle', 'box'"),
    ("area", {}, "area", "must say in 'kind' which it is"),
    ("either", "x", "either", "must be a valid integer; or must be a valid array"),
    ("password", "short", "password", "must have at least 8 characters"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}: {value!r}")
        for name, values in FITTING.items()
        for value in values
    ],
)
def test_what_is_accepted_fits_the_schema_too(name: str, value: object) -> None:
    arguments = task.bind((), {name: value})

    restored = task.restore(arguments.values, arguments.secrets)
    assert vars(restored.model) == vars(arguments.model)
    assert list(validator.iter_errors({name: value})) == []


@pytest.mark.parametrize(("name", "value", "place", "sentence"), UNFIT)
def test_a_refusal_names_the_place_in_the_value(
    name: str, value: object, place: str, sentence: str
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        task.bind((), {name: value})

    assert list(refused.value.fields) == [place]
    assert refused.value.fields[place].startswith(sentence)
    # JSON Schema knows no line that ends the text, and formats are only notes in it.
    assert value == "a\n" or not validator.is_valid({name: value})


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(task.schema)


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("text", {"multiline": True}),
        ("hinted", {"unit": "px", "group": "Picture", "placeholder": "480"}),
        ("choice", {"choices": [{"value": "a", "title": "First"}]}),
        ("maybe", {"choices": [{"value": "b", "title": "Second"}]}),
    ],
)
def test_hints_stand_beside_what_is_accepted(name: str, hints: dict[str, Any]) -> None:
    assert task.schema["properties"][name]["x-taskrealm"] == hints


def test_nested_arguments_have_their_types() -> None:
    model = task.bind(
        (),
        {
            "margins": {"inner": {"width": 5}},
            "area": {"kind": "circle", "radius": 1},
            "pause": "PT1M",
        },
    ).model

    assert model.margins.inner == Size(5)
    assert model.area == Circle(kind="circle", radius=1)
    assert model.pause == timedelta(minutes=1)
    assert model.size == Size(640)


class Handed(CommandTask):
    """Hand over a length of time and a mapping."""

    name = "handed"
    pause: Duration = timedelta(0)
    define: dict[str, int | str | None] = {}  # noqa: RUF012
    command = (
        "program",
        Option("-t", "pause"),
        Glued("--define=", "define"),
        Glued("scale=", "pause", suffix=":-2"),
        Value("pause", suffix=".txt"),
    )


def handed(**kwargs: Any) -> tuple[str, ...]:
    task = ready(Handed)
    assert isinstance(task, ProgramTask)
    return task.argv(task.bind((), kwargs))


@pytest.mark.parametrize(
    ("pause", "text"), [(90, "90"), (0.5, "0.5"), ("PT1H", "3600"), ("P1DT0.25S", "86400.25")]
)
def test_a_program_receives_a_length_of_time_in_seconds(pause: object, text: str) -> None:
    assert handed(pause=pause) == ("program", "-t", text, f"scale={text}:-2", f"{text}.txt")


def test_a_mapping_makes_an_argument_of_each_pair() -> None:
    argv = handed(define={"a": 1, "b": "x=y", "none": None, "": ""})

    assert argv[3:6] == ("--define=a=1", "--define=b=x=y", "--define==")


def test_no_name_in_a_mapping_can_hold_another_value() -> None:
    with pytest.raises(InvalidArguments) as refused:
        handed(define={"a=b": 1})

    assert refused.value.fields == {"define": "must have no '=' in its names"}
