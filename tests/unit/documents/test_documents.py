"""Where in a file each value stands, and what is said about a file that cannot be read."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.documents import Unreadable, load, toml

if TYPE_CHECKING:
    from pathlib import Path

TOML = '''\
# A comment with [brackets] and "quotes"
first = 1
"quoted key" . inner = 'x # no comment'

[table."with.dot"]
date = 1979-05-27 07:32:00Z   # a space inside
text = """
[not a table]
key = "no key" \\""" \\
"""
literal = \'\'\'C:\\dir "[x]" \'\'\'
list = [
  1, # one
  { a = 1, b.c = [true, "]"] },
  [],
]

[[array]]
name = "a"
[array.sub]
x = 1
[[array]]
name = "b"
sub.x = -1.5e3
'''
PLACES: list[tuple[tuple[Any, ...], str]] = [
    (("first",), "2:1"),
    (("quoted key",), "3:1"),
    (("quoted key", "inner"), "3:16"),
    (("table",), "5:1"),
    (("table", "with.dot"), "5:1"),
    (("table", "with.dot", "date"), "6:1"),
    (("table", "with.dot", "literal"), "11:1"),
    (("table", "with.dot", "list", 0), "13:3"),
    (("table", "with.dot", "list", 1), "14:3"),
    (("table", "with.dot", "list", 1, "a"), "14:5"),
    (("table", "with.dot", "list", 1, "b", "c"), "14:14"),
    (("table", "with.dot", "list", 1, "b", "c", 1), "14:25"),
    (("table", "with.dot", "list", 2), "15:3"),
    (("array", 0, "name"), "19:1"),
    (("array", 0, "sub", "x"), "21:1"),
    (("array", 1), "22:1"),
    (("array", 1, "sub", "x"), "24:5"),
    (("array", 1, "sub", "missing"), "24:1"),
    (("nothing",), "1:1"),
]
YAML = """\
# A comment
first: 1
table:
  with.dot:
    list:
      - 1
      - {a: yes, b: [true, "1"]}
    text: |
      key: no key
"""
YAML_PLACES: list[tuple[tuple[Any, ...], str]] = [
    (("first",), "2:1"),
    (("table", "with.dot"), "4:3"),
    (("table", "with.dot", "list", 1), "7:9"),
    (("table", "with.dot", "list", 1, "b"), "7:18"),
    (("table", "with.dot", "list", 1, "b", 1), "7:28"),
    (("table", "with.dot", "text"), "8:5"),
    (("table", "missing"), "3:1"),
]


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(("path", "place"), PLACES)
def test_the_place_of_everything_in_toml_is_known(
    tmp_path: Path, path: tuple[Any, ...], place: str
) -> None:
    file = written(tmp_path, "a.toml", TOML)

    assert load(file).place(path) == f"{file}:{place}"


@pytest.mark.parametrize(("path", "place"), YAML_PLACES)
def test_the_place_of_everything_in_yaml_is_known(
    tmp_path: Path, path: tuple[Any, ...], place: str
) -> None:
    file = written(tmp_path, "a.yaml", YAML)

    assert load(file).place(path) == f"{file}:{place}"


def test_yaml_has_no_surprises(tmp_path: Path) -> None:
    text = """\
        country: no
        clock: 12:30
        day: 2026-01-31
        number: 010
        share: 1.5e3
        nothing:
        truth: true
        quoted: "true"
        """

    assert load(written(tmp_path, "a.yml", dedent(text))).values == {
        "country": "no",
        "clock": "12:30",
        "day": "2026-01-31",
        "number": 10,
        "share": 1500.0,
        "nothing": None,
        "truth": True,
        "quoted": "true",
    }


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, "a.yaml", "")).values == {}
    assert load(written(tmp_path, "a.toml", "")).values == {}


@pytest.mark.parametrize(
    ("name", "text", "place", "sentence"),
    [
        ("a.toml", "x = 1\ny = \n", "2:5", "is no TOML: Invalid value"),
        ("a.toml", "x = 1\n[a", "2:3", "is no TOML: Expected ']' at the end of a table"),
        ("a.toml", "x = 1\nx = 2\n", "2:6", "is no TOML: Cannot overwrite a value"),
        ("a.yaml", "a: 1\n b: 2\n", "2:3", "is no YAML: mapping values are not allowed here"),
        ("a.yaml", "a: 1\na: 2\n", "2:1", "is no YAML: 'a' stands here for the second time"),
        ("a.yaml", "a: &x 1\nb: *x\n", "2:4", "is no YAML: aliases are not read here"),
        ("a.yaml", "? [1]\n: 2\n", "1:3", "is no YAML: a key must be text"),
        ("a.yaml", "a: \x07\n", "1:1", "is no YAML: unacceptable character"),
        ("a.yaml", "- 1\n", "1:1", "must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_read_is_placed(
    tmp_path: Path, name: str, text: str, place: str, sentence: str
) -> None:
    file = written(tmp_path, name, text)

    with pytest.raises(Unreadable) as error:
        load(file)

    assert str(error.value).startswith(f"{file}:{place}: {sentence}")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xff")

    with pytest.raises(Unreadable, match=r"a\.toml: cannot be read: 'utf-8' codec"):
        load(file)


KEYS = st.text("ab.\"' #=[]{}é\\\t", min_size=1, max_size=4)
VALUES = st.recursive(
    st.booleans() | st.integers(0, 99) | st.text("ab\"'#,]}\n\\=[", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def in_toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return quoted(value)
        case list():
            return "[ " + "".join(f"{in_toml(each)}, # [\n" for each in value) + "]"
    return "{ " + ", ".join(f"{quoted(k)} = {in_toml(v)}" for k, v in value.items()) + " }"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for step, inner in items:
        found.append((*path, step))
        if isinstance(inner, dict | list):
            found += paths(inner, (*path, step))
    return found


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_every_key_is_found_where_it_stands(values: dict[str, Any], as_tables: bool) -> None:
    lines = []
    for key, value in values.items():
        if as_tables and isinstance(value, dict):
            continue
        lines.append(f"{quoted(key)} = {in_toml(value)}\n")
    for key, value in values.items():
        if as_tables and isinstance(value, dict):
            lines.append(f"[ {quoted(key)} ] # ]\n")
            lines += [f"  {quoted(k)} = {in_toml(v)}\n" for k, v in value.items()]
    text = "".join(lines)

    read, places = toml.values_of(text)

    assert read == values
    assert set(places) == set(paths(values))
    for path, offset in places.items():
        if isinstance(path[-1], str) and text[offset] != "[":
            assert text.startswith(quoted(path[-1]), offset)
