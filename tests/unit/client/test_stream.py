"""A stream delivers what the journal has, whatever happens on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase
from tests.unit.client.mutants import MUTANTS
from tests.unit.client.schedules import AHEAD_LIMIT, run_schedules

from taskrealm.client.stream import Position, Stream


def event(seq: int, epoch: str = "e") -> dict[str, Any]:
    return {"epoch": epoch, "seq": seq}


def events(*numbers: int, epoch: str = "e") -> list[dict[str, Any]]:
    return [event(number, epoch) for number in numbers]


def history(*numbers: int, seq: int = 0, epoch: str = "e") -> dict[str, Any]:
    """The answer with these events; *seq* is the newest if that is not the last of them."""
    newest = max(seq, *numbers, 0)
    found = events(*numbers, epoch=epoch)
    return {"recovered": True, "epoch": epoch, "seq": newest, "events": found}


def beginning(seq: int, epoch: str = "e") -> dict[str, Any]:
    return {"recovered": False, "epoch": epoch, "seq": seq, "events": [], "jobs": [{"job_id": "j"}]}


def placed_at(seq: int) -> Stream:
    stream = Stream()
    stream.question()
    stream.answered(beginning(seq))
    return stream


def test_a_new_stream_asks_where_it_is() -> None:
    stream = Stream()

    assert stream.question() == Position(epoch=None, seq=0)
    assert not stream.is_placed


def test_only_one_question_is_open_at_a_time() -> None:
    stream = Stream()
    stream.question()
    stream.doubt()

    assert stream.question() is None


def test_a_placed_stream_delivers_what_follows_and_asks_nothing() -> None:
    stream = placed_at(4)

    assert stream.take(events(5, 6)) == events(5, 6)
    assert stream.question() is None


def test_what_arrived_before_the_place_was_known_is_delivered_if_it_follows() -> None:
    stream = Stream()
    stream.question()

    assert stream.take(events(4, 5)) == []
    assert stream.answered(beginning(4)).events == events(5)
    assert stream.question() is None


def test_repeated_events_are_delivered_once() -> None:
    stream = placed_at(4)
    stream.take(events(5))

    assert stream.take(events(5, 6, 5)) == events(6)


def test_a_hole_is_asked_for_and_what_lies_behind_it_waits() -> None:
    stream = placed_at(4)

    assert stream.take(events(7)) == []
    assert stream.question() == Position("e", seq=4)
    assert stream.answered(history(5, 6)).events == events(5, 6, 7)
    assert stream.question() is None


def test_what_fills_a_hole_by_itself_is_delivered_at_once() -> None:
    stream = placed_at(4)
    stream.take(events(6))

    assert stream.take(events(5)) == events(5, 6)


def test_a_long_history_is_asked_for_page_by_page() -> None:
    stream = placed_at(0)
    stream.doubt()
    stream.question()

    assert stream.answered(history(1, 2, seq=3)).events == events(1, 2)
    assert stream.question() == Position("e", seq=2)


def test_events_that_arrive_both_live_and_in_history_are_delivered_once() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()

    assert stream.take(events(5)) == events(5)
    assert stream.answered(history(5, 6)).events == events(6)


def test_a_doubt_that_arises_while_asking_is_asked_about_next() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()
    stream.doubt()
    stream.answered(history())

    assert stream.question() == Position("e", seq=4)


def test_a_question_without_an_answer_is_asked_again() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()
    stream.failed()

    assert stream.question() == Position("e", seq=4)


def test_a_stream_that_starts_anew_says_so() -> None:
    stream = placed_at(4)

    assert stream.take(events(1, epoch="f")) == []
    assert stream.question() == Position("e", seq=4)
    page = stream.answered(beginning(0, epoch="f"))
    assert page.is_reset
    assert page.events == events(1, epoch="f")


def test_finding_its_first_place_is_no_reset() -> None:
    stream = Stream()
    stream.question()

    assert not stream.answered(beginning(4)).is_reset


def test_a_journal_that_does_not_reach_back_is_a_reset() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()

    assert stream.answered(beginning(9)).is_reset
    assert stream.take(events(10)) == events(10)


def test_an_answer_overtaken_by_what_arrived_meanwhile_changes_nothing() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()
    stream.take(events(5, 6))

    assert not stream.answered(beginning(9)).is_reset
    assert stream.question() == Position("e", seq=6)
    assert stream.take(events(6, 7)) == events(7)


def test_a_hole_in_the_journal_itself_is_a_reset_and_not_asked_about_for_ever() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()

    assert stream.answered(history(7, 8)).events == []
    assert stream.question() == Position()
    assert stream.answered(beginning(8)).is_reset
    assert stream.take(events(9)) == events(9)


def test_where_a_stream_is_taken_up_the_jobs_of_that_moment_are_told() -> None:
    stream = Stream()
    stream.question()
    stream.take(events(8))

    page = stream.answered(beginning(7))
    assert page.snapshot == [{"job_id": "j"}]
    assert page.events == events(8)


def test_what_does_not_fit_is_asked_for_again() -> None:
    stream = Stream(Position("e", 0), ahead_limit=2)
    stream.take(events(3, 4, 5))
    stream.question()

    assert stream.answered(history(1, 2)).events == events(1, 2, 3, 4)
    assert stream.question() is None or stream.question() == Position("e", 4)


def test_schedules_of_all_kinds_end_with_everything_delivered() -> None:
    run_schedules(400)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_schedules_find_what_a_stream_does_wrong(mutant: type[Stream]) -> None:
    with pytest.raises(AssertionError):
        run_schedules(
            3_000,
            lambda: mutant(ahead_limit=AHEAD_LIMIT),
            first=9,  # by which all are found soon
            phases=[Phase.generate],
            print_blob=False,
        )
