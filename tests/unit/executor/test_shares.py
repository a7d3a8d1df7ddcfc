"""How much room values take on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.shares import fitting, size_at_most, size_of

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
)


def test_a_value_takes_the_bytes_of_its_json_without_blanks() -> None:
    assert size_of({"words": ["a", 1]}) == len(b'{"words":["a",1]}')


@given(value=VALUES)
def test_nothing_takes_more_than_it_is_said_to_take_at_most(value: Any) -> None:
    assert size_of(value) <= size_at_most(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("\x01" * 1_000, id="control characters"),
        pytest.param("ü€🎉" * 1_000, id="characters of many bytes"),
        pytest.param([False] * 1_000, id="words of JSON"),
        pytest.param([-1.7976931348623157e308] * 1_000, id="long fractions"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_grows_most_does_not_take_more_either(value: Any) -> None:
    assert size_of(value) <= size_at_most(value)


def test_the_first_items_are_taken_that_fit_and_at_least_one() -> None:
    items: list[dict[str, Any]] = [{"text": "x" * 100}] * 3

    assert fitting(items, 250) == items[:2]
    assert fitting(items, 10) == items[:1]
    assert fitting([], 10) == []
