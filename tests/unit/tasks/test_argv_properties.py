"""
Whatever is declared and whatever is given: no value becomes an option, reaches a shell, or
changes another argument. A real program tells what it was given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import (
    CommandTask,
    Flag,
    Glued,
    Option,
    ProgramTask,
    TaskError,
    Value,
    load_tasks,
)

pytestmark = pytest.mark.capability("A5", "A7", "A8", "A9", "A11")

PRINT_ARGUMENTS = (
    "import json, os, sys; print(json.dumps([os.fsencode(a).hex() for a in sys.argv[1:]]))"
)
PROGRAM = (sys.executable, "-SEc", PRINT_ARGUMENTS)

HOSTILE = st.sampled_from(
    [
        *(
            "-",
            "--",
            "-rf",
            "--help",
            "$(id)",
            "`id`",
            ";",
            "|",
            "&",
            "> x",
            "*",
            "~",
            "'",
            '"',
            "\\",
        ),
        *("\n", "\r\n", "%s", "{x}", "{}", "--option=1", "=", "a=b", "", " ", "\x7f", "\x1b[0m"),
    ]
)
TEXT = HOSTILE | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
CONSTANT = st.text("ab -=.{}\"'$\\*", max_size=5)
NAMES = ("text", "texts", "pairs", "number", "truth")
TYPES: dict[str, Any] = {
    "text": str | None,
    "texts": list[str],
    "pairs": dict[str, str],
    "number": int | None,
    "truth": bool | None,
}
DEFAULTS: dict[str, Any] = {"text": None, "texts": [], "pairs": {}, "number": None, "truth": None}
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "text": st.none() | TEXT,
        "texts": st.lists(TEXT, max_size=3),
        "pairs": st.dictionaries(TEXT, TEXT, max_size=3),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "truth": st.none() | st.booleans(),
    },
)
PREFIX = st.sampled_from(["--size=", "-o", "-D", "--map:", "x", "scale=", "+", "{", "a-"])
FLAG = st.sampled_from(["-x", "--option", "-", "--", "{", "+x"])
NAME = st.sampled_from(NAMES)
ITEMS = st.lists(
    CONSTANT
    | st.builds(Value, NAME, st.booleans())
    | st.builds(Value, NAME, st.just(False), CONSTANT)
    | st.builds(Option, FLAG, NAME)
    | st.builds(Glued, PREFIX, NAME, CONSTANT)
    | st.builds(Flag, FLAG, st.just("truth")),
    max_size=6,
)


def texts(value: Any) -> list[str]:
    """What a value is to a program, told another way than the library does."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [name + "=" + each for name, each in value.items()]
    if isinstance(value, list):
        return value
    return [json.dumps(value) if not isinstance(value, str) else value]


def expected(item: Any, values: dict[str, Any]) -> list[str]:
    """The arguments that one item makes, of the value of its own parameter alone."""
    if isinstance(item, str):
        return [item]
    value = values[item.name]
    match item:
        case Value():
            return [text + item.suffix for text in texts(value)]
        case Option():
            return [word for text in texts(value) for word in (item.flag, text)]
        case Glued():
            return [item.prefix + text + item.suffix for text in texts(value)]
    return [item.flag] if value is True else []


def refusals(items: list[Any], values: dict[str, Any]) -> set[str]:
    """The parameters whose values must be refused."""
    refused = {name for name in values["pairs"] if "=" in name} and {"pairs"}
    for item in items:
        if isinstance(item, Value) and not item.dash:
            if any(text.startswith("-") for text in expected(item, values)):
                refused.add(item.name)
    used = {item.name for item in items if not isinstance(item, str)}
    return refused & used


def in_python(items: list[Any]) -> ProgramTask:
    body = {
        "__annotations__": TYPES,
        "__module__": __name__,
        **DEFAULTS,
        "name": "random",
        "command": (*PROGRAM, *items),
        "validate": lambda self, caller: None,  # it may use every parameter
    }
    return ProgramTask(type("Random", (CommandTask,), body))


def in_toml(items: list[Any], folder: Path) -> ProgramTask:
    used = {item.name for item in items if not isinstance(item, str)}
    types = {"text": "text", "number": "integer", "truth": "flag", "pairs": "mapping"}
    lines = [
        "[tasks.random]",
        'title = "Print arguments"',
        f"command = [{', '.join(map(quoted, PROGRAM))}, {', '.join(map(written, items))}]",
        "[tasks.random.parameters]",
    ]
    for name in sorted(used):
        if name == "texts":
            lines.append('texts = { type = "list", items = { type = "line" }, default = [] }')
        elif name == "pairs":
            lines.append('pairs = { type = "mapping", default = {} }')
        else:
            lines.append(f'{name} = {{ type = "{types[name]}", optional = true }}')
    (folder / "random.toml").write_text("\n".join(lines))
    (task,) = load_tasks(folder).values()
    assert isinstance(task, ProgramTask)
    return task


def written(item: Any) -> str:
    match item:
        case str():
            return quoted(item)
        case Option():
            return f"{{ option = {json.dumps(item.flag)}, value = {json.dumps(item.name)} }}"
        case Flag():
            return f"{{ flag = {json.dumps(item.flag)}, value = {json.dumps(item.name)} }}"
        case Value(dash=True):
            return f"{{ value = {json.dumps(item.name)}, dash = true }}"
    prefix = quoted(getattr(item, "prefix", ""))
    return f"{prefix[:-1]}{{{item.name}}}{quoted(item.suffix)[1:]}"


def quoted(text: str) -> str:
    """*text* as a constant of a command, whose braces are doubled."""
    return json.dumps(text.replace("{", "{{").replace("}", "}}"))


def printed(argv: tuple[str, ...]) -> list[str]:
    done = subprocess.run(argv, capture_output=True, check=True)
    return [bytes.fromhex(each).decode() for each in json.loads(done.stdout)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(ITEMS, VALUES, st.booleans())
def test_each_value_stays_in_its_place(
    items: list[Any], given_values: dict[str, Any], is_written: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        task = in_toml(items, Path(folder)) if is_written else in_python(items)
    used = {item.name for item in items if not isinstance(item, str)}
    chosen = {name: value for name, value in given_values.items() if name in used}
    values = DEFAULTS | chosen
    wrong = refusals(items, values)
    if is_written and any(len(text.splitlines()) > 1 for text in values["texts"]):
        wrong |= {"texts"} & used  # its items are lines
    argv, refused = outcome(task, chosen)

    event("run" if argv else "refused")
    if argv is None:
        assert refused
        # What does not fit is told before what a part could not take.
        assert refused <= wrong
    else:
        assert not wrong
        assert argv[: len(PROGRAM)] == PROGRAM
        assert printed(argv) == [word for item in items for word in expected(item, values)]


def outcome(task: ProgramTask, values: dict[str, Any]) -> tuple[tuple[str, ...] | None, set[str]]:
    """The arguments of the program, or else the refused parameters."""
    try:
        return task.argv(task.bind((), values)), set()
    except InvalidArguments as refusal:
        return None, set(refusal.fields)


@pytest.mark.parametrize("prefix", ["", "-", "--", "---", "--size", "--s", "--size-", "--size_"])
def test_no_prefix_lets_a_value_choose_the_option(prefix: str) -> None:
    with pytest.raises(TaskError, match="the value"):
        in_python([Glued(prefix, "text")])


@given(st.lists(TEXT, max_size=4), TEXT)
def test_another_value_changes_no_other_argument(words: list[str], other: str) -> None:
    task = in_python([Option("-a", "text"), "--", Value("texts", dash=True), Glued("-n", "number")])

    one = task.argv(task.bind((), {"text": "x", "texts": words, "number": 1}))
    two = task.argv(task.bind((), {"text": other, "texts": words, "number": 1}))

    assert two[len(PROGRAM) + 1] == other
    assert one[: len(PROGRAM) + 1] == two[: len(PROGRAM) + 1]
    assert one[len(PROGRAM) + 2 :] == two[len(PROGRAM) + 2 :]
