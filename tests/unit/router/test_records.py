"""A record of Crossbar's log stays one record, whatever clients have put into it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from taskrealm.router.records import one_record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a sentence", "a sentence", id="one line"),
        pytest.param("", "", id="nothing"),
        pytest.param("one\ntwo\r\nthree\n", "one\n    two\n    three", id="lines are indented"),
        pytest.param("a\x0bb\x85c\u2028d", "a\n    b\n    c\n    d", id="unusual ends of lines"),
        pytest.param("\x1b[2J\x07\x9b\u202e", "\\x1b[2J\\x07\\x9b\\u202e", id="no steering"),
        pytest.param(f"by tr_{43 * 'x'}!", "by (a token)!", id="no token of the node"),
        pytest.param("is eyJhbGciOi.eyJzdWI.c2ln", "is (a token)", id="no token of the site"),
        pytest.param("tr_x, eyJ", "tr_x, eyJ", id="what is none"),
        pytest.param("ü {x}", "ü {x}", id="letters and braces"),
    ],
)
def test_further_lines_are_indented_and_nothing_steers_a_terminal(text: str, expected: str) -> None:
    assert one_record(text) == expected


# In a process of its own: Crossbar warns and prints while it is imported.
CONTRACT = """
import io, json
from crossbar import _logging
from twisted.logger import Logger, LogLevel
from taskrealm.router import records

records.install()
out = io.StringIO()
Logger(observer=_logging.make_JSON_observer(out)).emit(LogLevel.error, "sent {it}", it="a{0}\\nb")
assert json.loads(out.getvalue().rstrip(_logging.record_separator))["text"] == "sent a{{0}}\\n    b"
"""


def test_crossbar_passes_each_text_through_the_place_that_is_guarded() -> None:
    check = subprocess.run([sys.executable, "-c", CONTRACT], capture_output=True, text=True)

    assert check.returncode == 0, check.stderr
