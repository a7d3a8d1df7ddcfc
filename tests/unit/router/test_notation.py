"""JSON comes out as autobahn would have it, whichever way it is read or written."""

from __future__ import annotations

from typing import Any

import pytest
from autobahn.wamp import serializer

from taskrealm.router.notation import read, written

VALUES = [
    pytest.param([48, 1, {}, "taskrealm.exec", ["echo"], {"text": "a/b"}], id="a call"),
    pytest.param({"a": None, "b": [True, False, [], {}]}, id="JSON's own words"),
    pytest.param([0, -1, 2**63, -(2**63), 2**64 - 1], id="whole numbers"),
    pytest.param([0.1, -0.0, 1e22, 5e-324, 1.7976931348623157e308], id="fractions"),
    pytest.param('Grüße 🎉 \u2028 </script> \\u0000 "quoted"', id="text"),
    pytest.param("".join(map(chr, range(1, 160))), id="control characters"),
    pytest.param("a\0b", id="a NUL character within a text"),
    pytest.param([b"", b"\x00\xff", {"piece": b"abc"}], id="bytes"),
    pytest.param(["text", b"bytes", "more text"], id="bytes among texts"),
]


@pytest.mark.parametrize("value", VALUES)
def test_it_is_written_as_autobahn_writes_it(value: Any) -> None:
    assert written(value) == serializer._dumps(value)


@pytest.mark.parametrize("value", VALUES)
def test_what_was_written_is_read_as_it_was(value: Any) -> None:
    assert read(written(value)) == value


def test_bytes_of_a_client_are_read_as_bytes() -> None:
    assert read(r'["\u0000YWJj"]') == [b"abc"]


@pytest.mark.parametrize("text", ["", "[1", "nul", '"\x01"', "[1] 2", '"\\ud800'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read(text)


def test_what_json_does_not_have_is_not_written() -> None:
    with pytest.raises(TypeError, match="set"):
        written([{1, 2}])
