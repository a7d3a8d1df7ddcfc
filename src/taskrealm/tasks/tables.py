"""The tables in which tasks are declared by people who write no Python."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from .durations import seconds_of


def _seconds(value: object) -> object:
    return seconds_of(value) if isinstance(value, str) else value


Seconds = Annotated[
    float, BeforeValidator(_seconds), WithJsonSchema({"type": ["number", "string"]})
]
"""A length of time: a number of seconds, or text such as `"2h"`."""

Scalar = str | int | float | bool
Size = Annotated[int, Field(ge=0)]


class Table(BaseModel):
    """A table that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OptionItem(Table):
    """An option and the value of a parameter, as two arguments."""

    option: Annotated[str, Field(min_length=1)]
    value: str
    """The name of the parameter."""


class FlagItem(Table):
    """A flag, there if the value of a parameter is true."""

    flag: Annotated[str, Field(min_length=1)]
    value: str
    """The name of the parameter."""


class ValueItem(Table):
    """The value of a parameter, which may begin with `-` if `dash` says so."""

    value: str
    """The name of the parameter."""
    dash: bool = False


def _kind_of_item(item: object) -> str:
    if isinstance(item, str):
        return "(text)"
    keys: Mapping[object, object] = item if isinstance(item, Mapping) else {}
    # In brackets, so that no key is mistaken for it.
    return next((f"({kind})" for kind in ("option", "flag") if kind in keys), "(value)")


Item = Annotated[
    Annotated[str, Tag("(text)")]
    | Annotated[OptionItem, Tag("(option)")]
    | Annotated[FlagItem, Tag("(flag)")]
    | Annotated[ValueItem, Tag("(value)")],
    Discriminator(_kind_of_item),
]
"""Text, in which `{name}` stands for the value of a parameter, or a table."""


class OfferedChoice(Table):
    """A choice, and what to call it."""

    value: str | int
    title: str


class ComputedChoices(Table):
    """Choices that a program prints, one in each line."""

    command: Annotated[list[str], Field(min_length=1)]
    after: list[str] = []
    limit: Seconds = 10.0


def _kind_of_choices(choices: object) -> str:
    return "(computed)" if isinstance(choices, Mapping) else "(listed)"


def _kind_of_choice(choice: object) -> str:
    return "(titled)" if isinstance(choice, Mapping) else "(plain)"


ListedChoice = Annotated[
    Annotated[str | int, Tag("(plain)")] | Annotated[OfferedChoice, Tag("(titled)")],
    Discriminator(_kind_of_choice),
]
AnyChoices = Annotated[
    Annotated[list[ListedChoice], Field(min_length=1), Tag("(listed)")]
    | Annotated[ComputedChoices, Tag("(computed)")],
    Discriminator(_kind_of_choices),
]


class _Parameter(Table):
    title: str | None = None
    help: str | None = None
    optional: bool = False
    """Whether it may be left out without a default."""
    placeholder: str | None = None
    unit: str | None = None
    group: str | None = None


class LineParameter(_Parameter):
    """Text without a line break."""

    type: Literal["line"]
    default: str | None = None
    min_length: Size | None = None
    max_length: Size | None = None
    pattern: str | None = None


class TextParameter(_Parameter):
    """Text of any number of lines."""

    type: Literal["text"]
    default: str | None = None
    min_length: Size | None = None
    max_length: Size | None = None


class IntegerParameter(_Parameter):
    """A whole number."""

    type: Literal["integer"]
    default: int | None = None
    min: int | None = None
    max: int | None = None


class NumberParameter(_Parameter):
    """A number."""

    type: Literal["number"]
    default: float | None = None
    min: float | None = None
    max: float | None = None


class FlagParameter(_Parameter):
    """Yes or no."""

    type: Literal["flag"]
    default: bool | None = None


class ChoiceParameter(_Parameter):
    """One of several values."""

    type: Literal["choice"]
    default: str | int | None = None
    choices: AnyChoices


class DateParameter(_Parameter):
    """A day."""

    type: Literal["date"]
    default: Annotated[date | str, WithJsonSchema({"type": "string"})] | None = None


class TimeParameter(_Parameter):
    """A time of day."""

    type: Literal["time"]
    default: Annotated[time | str, WithJsonSchema({"type": "string"})] | None = None


class DateTimeParameter(_Parameter):
    """A day and a time."""

    type: Literal["datetime"]
    default: Annotated[datetime | str, WithJsonSchema({"type": "string"})] | None = None


class DurationParameter(_Parameter):
    """A length of time, which the program receives as seconds."""

    type: Literal["duration"]
    default: Seconds | None = None


class SecretParameter(_Parameter):
    """Text that is shown to nobody; only `environment` and `stdin` may use it."""

    type: Literal["secret"]
    min_length: Size | None = None


class FileParameter(_Parameter):
    """A file below the folder `root`, which is relative to the folder of this declaration."""

    type: Literal["file"]
    default: str | None = None
    root: Annotated[str, Field(min_length=1)]
    new: bool = False


class UploadParameter(_Parameter):
    """A file that the caller sends, of at most `max` bytes."""

    type: Literal["upload"]
    max: Size | None = None
    accept: list[str] = []


class ListParameter(_Parameter):
    """Any number of values."""

    type: Literal["list"]
    default: list[Scalar] | None = None
    items: ItemsOf
    min_items: Size | None = None
    max_items: Size | None = None


class MappingParameter(_Parameter):
    """Names with a text each; the program receives `name=text` for each."""

    type: Literal["mapping"]
    default: dict[str, str] | None = None


ItemsOf = Annotated[
    LineParameter
    | IntegerParameter
    | NumberParameter
    | ChoiceParameter
    | DateParameter
    | DurationParameter
    | FileParameter,
    Field(discriminator="type"),
]
Parameter = Annotated[
    LineParameter
    | TextParameter
    | IntegerParameter
    | NumberParameter
    | FlagParameter
    | ChoiceParameter
    | DateParameter
    | TimeParameter
    | DateTimeParameter
    | DurationParameter
    | SecretParameter
    | FileParameter
    | UploadParameter
    | ListParameter
    | MappingParameter,
    Field(discriminator="type"),
]


class LimitsTable(Table):
    """What a job may use up."""

    memory: int | None = None
    """Bytes."""
    cpu: Seconds | None = None
    """Seconds of processor time."""
    processes: int | None = None
    open_files: int | None = None
    output: int | None = None
    """Bytes of each output stream."""
    overflow: Literal["truncate", "fail"] = "truncate"


class ArtifactTable(Table):
    """Files that a job leaves for its owner."""

    pattern: str
    title: str | None = None
    keep: float | None = None
    """Days."""
    always: bool = False
    required: bool = False


class RetryTable(Table):
    """After which failures a job runs again."""

    times: int
    on: list[str | int] = ["lost", "shortage"]
    pause: Seconds = 1.0
    longest: Seconds = 300.0


class ScheduleTable(Table):
    """When jobs are made without anybody asking."""

    cron: str
    zone: str = "UTC"
    arguments: dict[str, Any] = {}
    owner: str | None = None
    teams: list[str] | None = None
    missed: Literal["skip", "once", "all"] = "skip"
    overlap: Literal["allow", "skip"] = "allow"
    jitter: Seconds = 0.0
    name: str | None = None


ParserName = Literal["bar", "curl", "ffmpeg", "percent", "rsync", "rsync_files", "tqdm"]
"""The names in `PARSERS`."""


class PatternTable(Table):
    """Finds the progress in what the program prints."""

    pattern: str
    """A regular expression with a group `percent`, or `fraction`, or `done` and `total`."""


class RateTable(Table):
    """How often a user may ask for the task: so many times within so many seconds."""

    count: int
    seconds: Seconds


class TerminalTable(Table):
    """A terminal of another size than 80 columns and 24 lines."""

    columns: int = 80
    lines: int = 24


class TaskTable(Table):
    """A program and its parameters."""

    title: Annotated[str, Field(min_length=1)]
    """One line that says what the task does."""
    help: str = ""
    command: Annotated[list[Item], Field(min_length=1)]
    parameters: dict[str, Parameter] = {}
    timeout: Seconds | None = None
    grace: Seconds | None = None
    limits: LimitsTable | None = None
    retries: int | RetryTable | None = None
    expires: Seconds | None = None
    duplicates: Literal["same", "refuse"] | None = None
    schedules: list[ScheduleTable] | None = None
    roles: list[str] | None = None
    slots: int | None = None
    group: str | None = None
    most_running: int | None = None
    most_running_per_user: int | None = None
    artifacts: list[str | ArtifactTable] | None = None
    rate: RateTable | None = None
    environment: dict[str, str] | None = None
    """Variables; `"{name}"` stands for the value of a parameter."""
    stdin: str | None = None
    """What the program reads; `"{name}"` stands for the value of a parameter."""
    progress: ParserName | PatternTable | None = None
    """Finds the progress in what the program prints: by the name of a parser, or a pattern."""
    reports_on_stdout: bool | None = None
    """Whether lines of standard output that are reports count as such."""
    terminal: bool | TerminalTable | None = None
    """Whether the program's output is a terminal."""


class TasksFile(Table):
    """A file of tasks."""

    tasks: dict[str, TaskTable] = {}


PYTHON_ONLY: Mapping[str, str] = {}
"""Settings of a `CommandTask` that only Python can express, with the reason."""


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a file of tasks, by which editors complete and check it."""
    made = TasksFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
