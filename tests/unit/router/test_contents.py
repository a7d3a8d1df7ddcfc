"""What a message may carry, decided in time that grows with its size alone."""

from __future__ import annotations

import cbor2
import pytest

from taskrealm.router.contents import NESTING, Unfit, require_fit


def nested(levels: int) -> object:
    value: object = None
    for _ in range(levels):
        value = [value]
    return value


def laughs(levels: int) -> object:
    """A list of two lists, each of which is the same list of two lists, and so on."""
    text = b"\x9f\xd8\x1c\x81\x00"
    for level in range(levels):
        reference = b"\xd8\x1d" + cbor2.dumps(level)
        text += b"\xd8\x1c\x82" + reference + reference
    return cbor2.loads(text + b"\xff")


def cycle() -> object:
    return cbor2.loads(bytes.fromhex("d81c81d81d00"))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([None, True, 1, 0.5, "Grüße 🎉", b"\xff", {}, []], id="plain values"),
        pytest.param([-(2**63), 2**64 - 1], id="the longest whole numbers"),
        pytest.param({"a": {"b": [{"c": [[], [], {}, {}]}]}}, id="containers in containers"),
        pytest.param(nested(NESTING), id="as deep as may be"),
        pytest.param(["same text", "same text", 7, 7], id="the same text twice"),
    ],
)
def test_what_json_has_may_be_carried(value: object) -> None:
    require_fit([value])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(nested(NESTING + 1), "deeper than", id="too deep"),
        pytest.param(nested(100_000), "deeper than", id="very deep"),
        pytest.param(laughs(60), "another part", id="a billion laughs"),
        pytest.param(cycle(), "another part", id="a list that holds itself"),
        pytest.param("\ud800", "Unicode", id="half a character"),
        pytest.param({"\udfff": 1}, "Unicode", id="half a character as a key"),
        pytest.param({1: 2}, "text as keys", id="a number as a key"),
        pytest.param({b"a": 2}, "text as keys", id="bytes as a key"),
        pytest.param({1, 2}, "not set", id="a set"),
        pytest.param(2**64, "64 bits", id="a longer whole number"),
        pytest.param([{"a": -(2**63) - 1}], "64 bits", id="a longer negative one"),
        pytest.param(cbor2.CBORTag(9_999, nested(1_000)), "not CBORTag", id="a tag"),
        pytest.param(cbor2.undefined, "not UndefinedType", id="undefined"),
    ],
)
def test_anything_else_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        require_fit([value])
