"""Tasks that are declared in TOML and YAML, and what is said about those that are wrong."""

from __future__ import annotations

import asyncio
import json
import tomllib
from textwrap import dedent
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import Field

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import (
    PARSERS,
    Artifact,
    Caller,
    CommandTask,
    Duration,
    Flag,
    Glued,
    Hint,
    Limits,
    Line,
    Option,
    ProgramTask,
    Rate,
    Retry,
    Schedule,
    Secret,
    TaskError,
    Terminal,
    Value,
    load_tasks,
    ready,
    tables,
)
from taskrealm.tasks.command_rules import RULES
from taskrealm.tasks.declaration import settings_of

if TYPE_CHECKING:
    from pathlib import Path

TOML = """\
[tasks."media.scale"]
title = "Scale a picture"
help = "It becomes smaller."
command = [
  "convert",
  { option = "-quality", value = "quality" },
  "-resize={width}:-2",
  { flag = "--strip", value = "strip" },
  "--tag={tags}",
  "{{literal}}",
  "--",
  { value = "note", dash = true },
  "{preset}.png",
  { option = "--pause", value = "pause" },
]
timeout = "1h30m"
grace = 2
retries = { times = 1, on = [75, "lost"], pause = "2m" }
expires = "1h"
duplicates = "refuse"
schedules = [{ cron = "0 3 * * *", zone = "Europe/Berlin", arguments = { width = 5 }, jitter = "1m" }]
roles = ["operator"]
slots = 2
group = "media"
most_running = 3
rate = { count = 5, seconds = "1h" }
artifacts = ["*.png", { pattern = "log.txt", always = true }]
terminal = { columns = 132 }
environment = { TOKEN = "{token}", LANG = "C" }
stdin = "{token}"
progress = { pattern = '(?P<percent>\\d+)%' }
limits = { memory = 1_000_000, cpu = "2m", overflow = "fail" }

[tasks."media.scale".parameters]
quality = { type = "integer", min = 1, max = 100, default = 80, title = "How good", unit = "%" }
width = { type = "integer", min = 1, help = "In pixels", placeholder = "640" }
strip = { type = "flag", default = false }
tags = { type = "list", items = { type = "line", max_length = 9 }, default = [], max_items = 3 }
note = { type = "line", optional = true }
preset = { type = "choice", choices = ["a", { value = "b", title = "Best" }], default = "a" }
pause = { type = "duration", default = "90s" }
token = { type = "secret", min_length = 3, optional = true }
"""


class Scale(CommandTask):
    """
    Scale a picture

    It becomes smaller.
    """

    name = "media.scale"
    quality: Annotated[int, Field(ge=1, le=100, title="How good"), Hint(unit="%")] = 80
    width: Annotated[int, Field(ge=1, description="In pixels"), Hint(placeholder="640")]
    strip: bool = False
    tags: Annotated[list[Annotated[Line, Field(max_length=9)]], Field(max_length=3)] = []  # noqa: RUF012
    note: Line | None = None
    preset: Annotated[Literal["a", "b"], Hint(titles={"b": "Best"})] = "a"
    pause: Duration = 90.0  # type: ignore[assignment]
    token: Annotated[Secret, Field(min_length=3)] | None = None
    command = (
        "convert",
        Option("-quality", "quality"),
        Glued("-resize=", "width", suffix=":-2"),
        Flag("--strip", "strip"),
        Glued("--tag=", "tags"),
        "{literal}",
        "--",
        Value("note", dash=True),
        Value("preset", suffix=".png"),
        Option("--pause", "pause"),
    )
    environment = {"TOKEN": Value("token"), "LANG": "C"}  # noqa: RUF012


def loaded(folder: Path, text: str = TOML, name: str = "a.toml") -> ProgramTask:
    (folder / name).write_text(text)
    (task,) = load_tasks(folder).values()
    assert isinstance(task, ProgramTask)
    return task


@pytest.fixture(params=["a.toml", "a.yaml"])
def scale(request: pytest.FixtureRequest, tmp_path: Path) -> ProgramTask:
    """The same task from either kind of file."""
    if request.param == "a.toml":
        return loaded(tmp_path)
    return loaded(tmp_path, yaml.safe_dump(tomllib.loads(TOML), sort_keys=False), "a.yaml")


def test_a_task_in_a_file_is_the_same_as_one_in_python(scale: ProgramTask) -> None:
    python = ready(Scale)
    assert isinstance(python, ProgramTask)
    arguments: dict[str, Any] = {"width": 5, "tags": ["x", "y"], "note": "-n", "strip": True}

    assert scale.schema == python.schema
    assert (scale.title, scale.help) == (python.title, python.help)
    assert scale.argv(scale.bind((), arguments)) == python.argv(python.bind((), arguments))


def test_every_setting_is_taken_over(scale: ProgramTask) -> None:
    arguments = scale.bind([], {"width": 5, "token": "hush"})

    assert (scale.timeout, scale.grace, scale.retries) == (5_400.0, 2.0, 1)
    assert scale.retry == Retry(1, on=[75, "lost"], pause=120.0)
    assert (scale.expires, scale.duplicates) == (3_600.0, "refuse")
    assert scale.schedules == (
        Schedule("0 3 * * *", zone="Europe/Berlin", arguments={"width": 5}, jitter=60.0),
    )
    assert scale.roles == {"operator"}
    assert (scale.slots, scale.group, scale.most_running) == (2, "media", 3)
    assert scale.rate == Rate(5, 3_600.0)
    assert scale.artifacts == (Artifact("*.png"), Artifact("log.txt", always=True))
    assert scale.terminal == Terminal(columns=132)
    assert scale.limits == Limits(memory=1_000_000, cpu=120.0, overflow="fail")
    assert scale.variables(arguments) == {"TOKEN": "hush", "LANG": "C"}
    assert scale.stdin(arguments) == b"hush"
    parser = scale.progress_parser()
    assert parser is not None
    assert parser.feed("stdout", b"40%\n") is not None


def test_every_parser_has_a_name(tmp_path: Path) -> None:
    assert set(get_args(tables.ParserName)) == set(PARSERS)
    for name, make in PARSERS.items():
        text = f'[tasks.all]\ntitle = "Copy"\ncommand = ["rsync"]\nprogress = "{name}"'
        parser = loaded(tmp_path, text).progress_parser()
        assert parser is not None
        assert type(parser._parser) is type(make())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("", None, id="none"),
        pytest.param("terminal = false", None, id="no terminal"),
        pytest.param("terminal = true", Terminal(), id="a terminal"),
        pytest.param("terminal = { columns = 120 }", Terminal(columns=120), id="a wide one"),
    ],
)
def test_a_program_may_be_given_a_terminal(
    tmp_path: Path, line: str, expected: Terminal | None
) -> None:
    text = f'[tasks.all]\ntitle = "Top"\ncommand = ["top"]\nreports_on_stdout = true\n{line}'
    task = loaded(tmp_path, text)

    assert (task.terminal, task.reports_on_stdout) == (expected, True)


def test_each_setting_of_a_program_can_be_written() -> None:
    written = {*tables.TaskTable.model_fields, *tables.PYTHON_ONLY, "name"}

    assert set(settings_of(RULES)) <= written


def test_a_file_of_every_kind_of_parameter_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("one\n")
    task = loaded(
        tmp_path,
        """\
        [tasks.all]
        title = "Take everything"
        command = ["x", "{line}", "{text}", "{number}", "{day}", "{clock}", "{moment}", "{file}",
                   "-D{define}", "{words}", "{sent}"]
        [tasks.all.parameters]
        line = { type = "line", pattern = "^[a-z]*$", default = "abc" }
        text = { type = "text", default = "a\\nb" }
        number = { type = "number", min = 0.5, default = 1 }
        day = { type = "date", default = 2026-01-31 }
        clock = { type = "time", default = "08:30:00" }
        moment = { type = "datetime", default = 2026-01-31T08:30:00Z }
        file = { type = "file", root = ".", default = "words.txt" }
        define = { type = "mapping", default = { a = "1" } }
        sent = { type = "upload", max = 1000, accept = [".png"], optional = true }
        words = { type = "list", items = { type = "file", root = "." }, default = ["words.txt"] }
        """,
    )

    file = str(tmp_path / "words.txt")
    assert task.argv(task.bind((), {})) == (
        *("x", "abc", "a\nb", "1.0", "2026-01-31", "08:30:00", "2026-01-31T08:30:00+00:00", file),
        *("-Da=1", file),
    )
    assert task.schema["properties"]["text"]["x-taskrealm"] == {"multiline": True}


def test_every_mistake_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        dedent("""\
            [tasks.one]
            titel = "One"
            command = ["x", { flga = "-v", value = "v" }]
            timeout = "soon"
            [tasks.one.parameters.v]
            type = "flag"
            min = 1
            [tasks.one.parameters.w]
            type = "integr"
            """)
    )
    (tmp_path / "b.toml").write_text(
        dedent("""\
            [tasks.two]
            title = "Two"
            command = ["x", "{siez}", "{a}{b}", "{"]
            environment = { X = "a{size}" }
            progress = { pattern = "(" }
            [tasks.two.parameters]
            size = { type = "integer" }
            timeout = { type = "integer" }
            """)
    )
    (tmp_path / "c.toml").write_text(
        dedent("""\
            [tasks."Three"]
            title = "Three"
            command = [
              "x",
              "--size{size}",
              "{password}",
            ]
            grace = -1
            roles = ["root"]
            parameters = { size = { type = "integer", default = "5" }, password = { type = "secret" } }
            [tasks.four]
            title = "Four"
            command = ["x", "{password}", "{many}"]
            [tasks.four.parameters]
            password = { type = "secret" }
            many = { type = "integer", default = 5, max = 3 }
            [tasks.five]
            title = "Five"
            command = ["x"]
            parameters = { unused = { type = "line" } }
            """)
    )
    (tmp_path / "d.yaml").write_text("tasks:\n  six: {title: Six, command: [x}\n")

    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path)

    problems = [each.replace(f"{tmp_path}/", "") for each in error.value.problems]
    wanted = [
        "a.toml:1:1: tasks.one.title: is required",
        "a.toml:2:1: tasks.one.titel: is not known here; did you mean 'title'?",
        "a.toml:3:19: tasks.one.command.1.flga: is not known here; did you mean 'flag'?",
        "a.toml:4:1: tasks.one.timeout: must be a length of time, such as 90s, 15m, 1h30m or 2d",
        "a.toml:7:1: tasks.one.parameters.v.min: is not known here; there may be: default, group,",
        "a.toml:8:1: tasks.one.parameters.w: must say in 'type' which it is: one of 'line', 'text'",
        "b.toml:8:1: tasks.two.parameters.timeout: is the name of a setting: rename the parameter",
        "b.toml:3:17: tasks.two.command.1: there is no parameter 'siez'; did you mean 'size'?",
        "b.toml:4:17: tasks.two.environment.X: must be constant, or '{size}' alone",
        "b.toml:5:14: tasks.two.progress.pattern: missing ), unterminated subpattern",
        "c.toml:10:43: tasks.Three.parameters.size.default: must be a valid integer",
        "d.yaml:2:32: is no YAML: expected ',' or ']', but got '}'",
    ]
    assert len(problems) == len(wanted)
    for problem, start in zip(problems, wanted, strict=True):
        assert problem.startswith(start)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        (
            """\
            [tasks."Three"]
            title = "Three"
            command = ["x", "--size{size}"]
            grace = -1
            roles = ["root"]
            parameters = { size = { type = "integer", default = 5, max = 3 } }
            """,
            [
                "a.toml:1:1: Three.name: is 'Three'; it must be lower-case words of letters",
                "a.toml:3:1: Three.command: Glued(prefix='--size', name='size'): the value could",
                "a.toml:4:1: Three.grace: is -1.0; it must be a number of seconds, at least 0",
                "a.toml:5:1: Three.roles: there is no role 'root'; the roles are: backend,",
                "a.toml:6:16: Three.size: its default must be less than or equal to 3",
            ],
        ),
        (
            """\
            [tasks.four]
            title = "Four"
            command = ["x", "{password}"]
            [tasks.four.parameters]
            password = { type = "secret" }
            other = { type = "line" }
            """,
            [
                "a.toml:6:1: four.other: is used nowhere",
                "a.toml:5:1: four.password: is a secret, and everybody on the machine can read the",
            ],
        ),
        (
            """\
            [tasks.five]
            title = "Five"
            command = ["x", "{db}"]
            [tasks.five.parameters]
            db = { type = "choice", choices = { command = ["x"], after = ["host"] } }
            """,
            ["a.toml:5:1: five.db: Choices depend on 'host', which is no parameter"],
        ),
    ],
)
def test_the_rules_of_tasks_hold_in_files_too(tmp_path: Path, text: str, starts: list[str]) -> None:
    with pytest.raises(TaskError) as error:
        loaded(tmp_path, dedent(text))

    problems = [each.replace(f"{tmp_path}/", "") for each in error.value.problems]
    assert len(problems) == len(starts)
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)


def test_a_name_is_taken_across_files(tmp_path: Path) -> None:
    text = '[tasks.date]\ntitle = "Tell the date"\ncommand = ["date"]\n'
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "b.yml").write_text("tasks: {date: {title: Tell the date, command: [date]}}\n")

    with pytest.raises(TaskError) as error:
        load_tasks(tmp_path)

    assert error.value.problems == (
        f"{tmp_path}/b.yml:1:9: the name 'date' is taken by {tmp_path}/a.toml:1:1; rename one",
    )


def test_the_schema_of_the_files_accepts_what_is_accepted() -> None:
    schema = tables.schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    assert list(validator.iter_errors(tomllib.loads(TOML))) == []
    assert not validator.is_valid({"tasks": {"x": {"title": "X", "comand": ["x"]}}})


def test_a_command_prints_the_choices(tmp_path: Path) -> None:
    task = loaded(
        tmp_path,
        """\
        [tasks.pick]
        title = "Pick a word"
        command = ["echo", "{word}"]
        [tasks.pick.parameters]
        prefix = { type = "line", default = "a" }
        word.type = "choice"
        word.choices.command = ["printf", '%s\\t%s\\n%s\\n', "{prefix}1", "The first", "other"]
        """,
    )
    caller = Caller("ana", "user", "ana")

    async def scenario() -> tuple[Any, Any, dict[str, str]]:
        offered = await task.choices("word", {"prefix": "b"}, caller)
        accepted = await task.prepare(task.bind(["b", "b1"], {}), caller)
        with pytest.raises(InvalidArguments) as refused:
            await task.prepare(task.bind(["b", "a1"], {}), caller)
        return offered, accepted.values, refused.value.fields

    offered, accepted, refused = asyncio.run(scenario())
    assert offered == [("b1", "The first"), ("other", "other")]
    assert accepted == {"prefix": "b", "word": "b1"}
    assert refused == {"word": "must be one of b1, other"}
    hints = task.schema["properties"]["word"]["x-taskrealm"]
    assert hints == {"computed_choices": {"after": ["prefix"]}}
    json.dumps(task.description())


@pytest.mark.capability("N10", "N11")
def test_files_in_and_out_can_be_written(tmp_path: Path) -> None:
    task = loaded(
        tmp_path,
        """\
[tasks."pages"]
title = "Make pages"
command = ["cat", "{source}"]
artifacts = ["out.txt", {pattern = "*.png", title = "Pages", keep = 3}]
[tasks."pages".parameters.source]
type = "upload"
max = 10
accept = [".pdf"]
""",
    )

    assert task.artifacts == (Artifact("out.txt"), Artifact("*.png", title="Pages", keep=3))
    assert task.schema["properties"]["source"]["x-taskrealm"] == {
        "max_size": 10,
        "accept": [".pdf"],
    }
