"""A window gives what follows, or nothing: never something else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskrealm.client.window import LENGTH, Window


@given(
    runs=st.lists(st.tuples(st.integers(0, 3), st.integers(1, LENGTH)), max_size=4),
    asked=st.integers(0, 3 * LENGTH),
)
def test_what_follows_a_number_is_the_next_one_or_has_to_be_read_elsewhere(
    runs: list[tuple[int, int]], asked: int
) -> None:
    window = Window()
    whole_since = 0  # the number behind which there is no hole
    for hole, count in runs:
        if hole:
            whole_since = window.newest + hole
        for number in range(window.newest + hole + 1, window.newest + hole + count + 1):
            window.add(number, {"job_seq": number})

    is_there = max(whole_since, window.newest - LENGTH) <= asked < window.newest
    assert window.after(asked) == ({"job_seq": asked + 1} if is_there else None)
