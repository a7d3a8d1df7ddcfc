"""What comes from elsewhere is only displayed, never obeyed, by the reader's terminal."""

from __future__ import annotations

import json

import pytest

from taskrealm.cli.terminal import print_json, print_table, say, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("straße 日本 🎬", "straße 日本 🎬", id="ordinary text"),
        pytest.param("a\x1b[31mb", r"a\x1b[31mb", id="an escape sequence"),
        pytest.param("a\rb\nc\td", r"a\rb\nc\td", id="line breaks and tabs"),
        pytest.param("a\x9bb", r"a\x9bb", id="a control character beyond ASCII"),
        pytest.param("a\u202eb", r"a\u202eb", id="a change of writing direction"),
        pytest.param("a\u2028b", r"a\u2028b", id="a line separator"),
        pytest.param("a\x00b", r"a\x00b", id="NUL"),
        pytest.param("a\ud800b", r"a\ud800b", id="half a character"),
        pytest.param(7, "7", id="a number"),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text: object, shown: str) -> None:
    assert visible(text) == shown


def test_a_table_shows_whole_values_and_no_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(["id", "task"], [["f" * 32, "[red]\x1b[2J"], [None, "x" * 300]])

    printed = capsys.readouterr().out
    assert "f" * 32 in printed
    assert r"[red]\x1b[2J" in printed
    assert "x" * 300 in printed


def test_a_sentence_of_several_lines_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\x1b\ntwo")

    assert capsys.readouterr().err == "one\\x1b\ntwo\n"


def test_json_comes_one_value_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": "a\nb\x1b"})

    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "\x1b" not in printed
    assert json.loads(printed) == {"text": "a\nb\x1b"}
