"""Flags and words of the command line become the arguments of a task."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from taskrealm.cli.arguments import TaskCommand, type_name
from taskrealm.cli.run import job_options

if TYPE_CHECKING:
    from pathlib import Path

TRANSCODE = {
    "name": "video.transcode",
    "title": "Transcode a video",
    "help": "Makes a smaller copy.",
    "parameters": {
        "type": "object",
        "properties": {
            "source": {"type": "string", "description": "The video to read"},
            "preset": {"type": "string", "enum": ["720p", "1080p"], "default": "720p"},
            "quality": {"type": "integer", "minimum": 0, "maximum": 51, "default": 23},
            "speed": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
            "keep_audio": {"type": "boolean", "default": True},
            "filters": {"type": "array", "items": {"type": "string"}},
            "extra": {"type": "object"},
        },
        "required": ["source"],
    },
}


def parse(*words: str, task: dict[str, Any] = TRANSCODE) -> dict[str, Any]:
    arguments, _ = TaskCommand(task, []).parse("taskrealm run", words)
    return arguments


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        pytest.param([], {}, id="what is not given is left to the task"),
        pytest.param(["--source", "a.mov"], {"source": "a.mov"}, id="text"),
        pytest.param(["--source", ""], {"source": ""}, id="the empty text is a value"),
        pytest.param(["--source=-rf"], {"source": "-rf"}, id="a value may look like an option"),
        pytest.param(["--quality", "0"], {"quality": 0}, id="zero is a value"),
        pytest.param(["--speed", "0.5"], {"speed": 0.5}, id="a number that may be left out"),
        pytest.param(["--preset", "1080p"], {"preset": "1080p"}, id="a choice"),
        pytest.param(["--keep-audio"], {"keep_audio": True}, id="a flag that is on"),
        pytest.param(["--no-keep-audio"], {"keep_audio": False}, id="a flag that is off"),
        pytest.param(
            ["--filters", "a", "--filters", "b"], {"filters": ["a", "b"]}, id="a list by repeating"
        ),
        pytest.param(["--extra", '{"a": 1}'], {"extra": {"a": 1}}, id="anything else as JSON"),
        pytest.param(
            ["a.mov", "1080p", "18"],
            {"source": "a.mov", "preset": "1080p", "quality": 18},
            id="words in the order of the parameters",
        ),
        pytest.param(
            ["--quality", "7", "--", "-a.mov"],
            {"source": "-a.mov", "quality": 7},
            id="words that begin with a dash after two dashes",
        ),
        pytest.param(
            ["a", "720p", "1", "1", "no", "x", "y"],
            {
                "source": "a",
                "preset": "720p",
                "quality": 1,
                "speed": 1.0,
                "keep_audio": False,
                "filters": ["x", "y"],
            },
            id="a list takes the words that are left",
        ),
    ],
)
def test_words_become_arguments(words: list[str], arguments: dict[str, Any]) -> None:
    assert parse(*words) == arguments


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--quality", "high"], "--quality.*not a valid integer", id="a wrong type"),
        pytest.param(["--preset", "4k"], "--preset.*not one of", id="no such choice"),
        pytest.param(["--extra", "{"], "--extra.*is not JSON", id="broken JSON"),
        pytest.param(["a", "4k"], "--preset.*not one of", id="a wrong word"),
    ],
)
def test_a_wrong_value_names_its_parameter(words: list[str], sentence: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        parse(*words)

    assert re.search(sentence, refused.value.format_message())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--colour", "red"], "No such option '--colour'", id="an unknown flag"),
        pytest.param(["a", "--source", "b"], "given twice", id="a flag and a word"),
    ],
)
def test_a_wrong_line_is_an_error_of_usage(words: list[str], sentence: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        parse(*words)

    assert sentence in refused.value.format_message()
    assert not isinstance(refused.value, click.BadParameter)


def test_a_word_too_many_is_an_error_of_usage() -> None:
    date = {"name": "date", "parameters": {"properties": {"format": {"type": "string"}}}}

    with pytest.raises(click.UsageError, match="no parameter for 'x'"):
        parse("%Y", "x", task=date)


def test_a_parameter_may_be_called_like_an_option_of_the_job() -> None:
    task = {
        "name": "send",
        "parameters": {"properties": {"priority": {"type": "string"}, "words": {"type": "string"}}},
    }
    job_options = [
        click.Option(["--priority"], type=int),
        click.Option(["--detach"], is_flag=True),
    ]

    arguments, options = TaskCommand(task, job_options).parse(
        "taskrealm run", ["--priority", "high", "--words", "x", "--detach"]
    )

    assert arguments == {"priority": "high", "words": "x"}
    assert options == {"detach": True}


def test_the_help_tells_everything_about_the_parameters() -> None:
    command = TaskCommand(TRANSCODE, [])

    page = command.get_help(click.Context(command, info_name="taskrealm run video.transcode"))

    assert "Usage: taskrealm run video.transcode [OPTIONS] [SOURCE] [PRESET]" in page
    assert "Makes a smaller copy." in page
    assert "--source TEXT" in page
    assert "The video to read  [required]" in page
    assert "[720p|1080p]" in page
    assert "[≥ 0; ≤ 51; default: 23]" in page
    assert "--keep-audio / --no-keep-audio" in page


def test_what_a_task_says_of_itself_cannot_steer_the_terminal() -> None:
    task = {
        "name": "\x1b[2Jevil",
        "title": "\x07bell",
        "parameters": {"properties": {"a": {"type": "string", "description": "\x1b]0;title\x07"}}},
    }
    command = TaskCommand(task, [])

    page = command.get_help(click.Context(command, info_name="taskrealm run"))

    assert "\x1b" not in page
    assert "\x07" not in page


NESTED = {
    "name": "nested",
    "title": "Take nested arguments",
    "parameters": {
        "type": "object",
        "properties": {
            "size": {"$ref": "#/$defs/Size", "default": {"width": 1}},
            "area": {
                "anyOf": [
                    {
                        "oneOf": [{"$ref": "#/$defs/Circle"}, {"$ref": "#/$defs/Box"}],
                        "discriminator": {"propertyName": "kind"},
                    },
                    {"type": "null"},
                ]
            },
            "define": {"type": "object", "additionalProperties": {"type": "integer"}},
            "pause": {"type": ["string", "number"], "format": "duration"},
            "password": {"type": "string", "format": "password", "writeOnly": True},
            "sizes": {"type": "array", "items": {"$ref": "#/$defs/Size"}},
        },
        "required": ["password"],
        "$defs": {
            "Size": {
                "type": "object",
                "properties": {
                    "width": {"type": "integer"},
                    "is_exact": {"type": "boolean"},
                    "inner": {"$ref": "#/$defs/Size"},
                },
            },
            "Circle": {
                "type": "object",
                "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
            },
            "Box": {
                "type": "object",
                "properties": {"kind": {"const": "box"}, "size": {"$ref": "#/$defs/Size"}},
            },
        },
    },
}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        pytest.param(["--size.width", "5"], {"size": {"width": 5}}, id="a field of a group"),
        pytest.param(
            ["--size", '{"width": 1}', "--size.inner.width", "5", "--no-size.is-exact"],
            {"size": {"width": 1, "is_exact": False, "inner": {"width": 5}}},
            id="a group as JSON, with other fields",
        ),
        pytest.param(
            ["--area.kind", "box", "--area.size.width", "5"],
            {"area": {"kind": "box", "size": {"width": 5}}},
            id="one of several groups",
        ),
        pytest.param(
            ["--define", "a=1", "--define", "b=2"], {"define": {"a": 1, "b": 2}}, id="a mapping"
        ),
        pytest.param(["--pause", "1h30m"], {"pause": 5400.0}, id="a length of time"),
        pytest.param(["--pause", "PT5M"], {"pause": "PT5M"}, id="a length of time in ISO 8601"),
        pytest.param(
            ["--sizes", '{"width": 1}', "--sizes", "{}"],
            {"sizes": [{"width": 1}, {}]},
            id="a list of groups",
        ),
        pytest.param(
            ["{}", "null", "a=1", "b=2"],
            {"size": {}, "area": None, "define": {"a": 1, "b": 2}},
            id="words",
        ),
    ],
)
def test_flags_reach_into_groups_and_mappings(words: list[str], arguments: dict[str, Any]) -> None:
    assert parse(*words, task=NESTED) == arguments


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--define", "a"], "'a' must be name=value"),
        (["--define", "a=x"], "'x' is not a valid integer"),
        (["--pause", "soon"], "'soon' must be a length of time, such as 90s"),
        (["--area.kind", "line"], "'line' is not one of 'circle', 'box'"),
        (["--password", "hunter2"], "everybody on the machine can read the command line"),
        (["--password", "@/no/such/file"], "/no/such/file cannot be read"),
        (["--size", "5", "--size.width", "5"], "does not go with --size, which is no mapping"),
    ],
)
def test_what_does_not_fit_into_groups_and_mappings_is_told(
    words: list[str], sentence: str
) -> None:
    with pytest.raises(click.UsageError) as error:
        parse(*words, task=NESTED)

    assert sentence in error.value.format_message()


def test_a_secret_is_read_from_a_file_or_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("battery staple\n"))

    assert parse("--password", f"@{file}", task=NESTED) == {"password": "correct horse"}
    assert parse("--password", "-", task=NESTED) == {"password": "battery staple"}


def test_all_arguments_may_be_given_at_once(tmp_path: Path) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"source": "b", "quality": 1}')

    def given(*words: str) -> dict[str, Any]:
        arguments, _ = TaskCommand(TRANSCODE, job_options()).parse("taskrealm run", words)
        return arguments

    assert given("--arguments", '{"source": "a"}', "--quality", "5") == {
        "source": "a",
        "quality": 5,
    }
    assert given("--arguments", f"@{file}", "--quality", "5") == {"source": "b", "quality": 5}
    with pytest.raises(click.UsageError, match="it must be a mapping"):
        given("--arguments", "[1]")


def test_the_help_shows_what_lies_within() -> None:
    command = TaskCommand(NESTED, [])

    names = {option.parameter: type_name(option.schema) for option in command.task_options}
    assert names["size.width"] == "integer"
    assert names["area.kind"] == "circle | box"
    assert names["define"] == "name=value ..."
    assert names["password"] == "secret"
    assert names["pause"] == "duration"
    assert "size.inner.inner.width" in names
    assert "size.inner.inner.inner.width" not in names
