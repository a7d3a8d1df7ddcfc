"""Each line that a component logs is one JSON object, whatever is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

BEGIN = """\
import logging
import structlog
from taskrealm.logs import log_to_stderr

log_to_stderr()
log = structlog.get_logger()
"""


def lines_of(code: str) -> list[dict[str, Any]]:
    """What a program logs that does what *code* says."""
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_a_line_says_what_has_happened_how_grave_it_is_and_when() -> None:
    [line] = lines_of("log.warning('Job ended', task='true', attempt=2)")

    when = datetime.fromisoformat(line.pop("timestamp"))
    assert list(line.items()) == [
        ("task", "true"),
        ("attempt", 2),
        ("event", "Job ended"),
        ("level", "warning"),
    ]
    assert when.utcoffset() == timedelta(0)


def test_nobody_can_forge_a_line() -> None:
    [line] = lines_of(r"""log.info('Refused', name='a"}\n{"event": "Agreed"}', **{'k"ey': 'é'})""")

    assert line["name"] == 'a"}\n{"event": "Agreed"}'
    assert line['k"ey'] == "é"


def test_a_line_may_hold_any_value() -> None:
    [line] = lines_of("log.info('Seen', on=True, off=None, some=[1, 'a'], part=0.5, what={1j})")

    assert (line["on"], line["off"], line["some"], line["part"]) == (True, None, [1, "a"], 0.5)
    assert line["what"] == "{1j}"


def test_an_exception_is_told_without_the_values_of_variables() -> None:
    [line] = lines_of(
        "secret = 'hunter2'\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('Failed')"
    )

    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "locals" not in line["exception"][0]["frames"][0]
    assert "exc_info" not in line


def test_what_libraries_log_takes_the_same_form() -> None:
    [line] = lines_of("logging.getLogger('x').error('%s is gone', 'it', extra={'code': 7})")

    assert line.pop("timestamp")
    assert line == {"event": "it is gone", "level": "error", "code": 7}
