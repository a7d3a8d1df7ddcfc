"""The verbs as a whole: what they are called, and what they load."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from taskrealm.cli import VERBS, main

LOADED = """
import json, sys
from taskrealm.cli import main

main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(*words: str) -> set[str]:
    """The top-level packages in memory after a verb has run."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_what_the_help_of_each_says(verb: str) -> None:
    command = main.get_command(click.Context(main), verb)

    assert command is not None
    assert command.help is not None
    assert inspect.cleandoc(command.help).splitlines()[0] == VERBS[verb][1]


def test_the_help_loads_neither_client_nor_router() -> None:
    loaded = loaded_by("--help")

    assert "click" in loaded
    assert loaded.isdisjoint({"autobahn", "pydantic", "rich", "twisted", "crossbar"})


def test_the_verbs_of_a_client_load_no_router() -> None:
    loaded = loaded_by("run", "--help") | loaded_by("watch", "--help")

    assert loaded.isdisjoint({"twisted", "crossbar"})


def test_an_unknown_verb_is_an_error_of_usage() -> None:
    result = CliRunner().invoke(main, ["rnu"])

    assert result.exit_code == 2
    assert "No such command 'rnu'" in result.output


def test_words_that_are_no_text_are_refused() -> None:
    result = CliRunner().invoke(main, ["cancel", "--reason", "\udcff", "x"])

    assert result.exit_code == 2
    assert r"\udcff" in result.output
    assert "is not UTF-8 text" in result.output
