"""A stream delivers what the journal has, whatever happens on the way."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskrealm.client.stream import Question, Stream


def event(seq: int, epoch: str = "e") -> dict[str, Any]:
    return {"epoch": epoch, "seq": seq}


def events(*numbers: int, epoch: str = "e") -> list[dict[str, Any]]:
    return [event(number, epoch) for number in numbers]


def history(*numbers: int, more: bool = False, epoch: str = "e") -> dict[str, Any]:
    return {
        "recovered": True,
        "epoch": epoch,
        "events": events(*numbers, epoch=epoch),
        "more": more,
    }


def beginning(seq: int, epoch: str = "e") -> dict[str, Any]:
    return {"recovered": False, "epoch": epoch, "seq": seq, "events": [], "more": False, "jobs": []}


def placed_at(seq: int) -> Stream:
    stream = Stream()
    stream.question()
    stream.answered(beginning(seq))
    return stream


def test_a_new_stream_asks_where_it_is() -> None:
    stream = Stream()

    assert stream.question() == Question(epoch=None, since=0)
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
    assert stream.question() == Question("e", since=4)
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

    assert stream.answered(history(1, 2, more=True)).events == events(1, 2)
    assert stream.question() == Question("e", since=2)


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

    assert stream.question() == Question("e", since=4)


def test_a_question_without_an_answer_is_asked_again() -> None:
    stream = placed_at(4)
    stream.doubt()
    stream.question()
    stream.failed()

    assert stream.question() == Question("e", since=4)


def test_a_stream_that_starts_anew_says_so() -> None:
    stream = placed_at(4)

    assert stream.take(events(1, epoch="f")) == []
    assert stream.question() == Question("e", since=4)
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

    assert not stream.answered(beginning(5)).is_reset
    assert stream.take(events(6, 7)) == events(7)


class Deliveries(RuleBasedStateMachine):
    """
    An executor, a line that loses, repeats and delays, and a client at its other end.

    The line keeps the order, as WAMP does. What it loses is followed by a doubt, as every
    lost connection is, or by a later event.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream()
        self.epochs = 0
        self.newest = 3
        self.oldest = 1
        self.line: deque[dict[str, Any]] = deque()
        self.question: Question | None = None
        self.answer: dict[str, Any] | None = None
        self.delivered: list[tuple[str, int]] = []
        self.place = (self.epoch, self.newest)
        self.ask()
        self.executor_answers(limit=1)
        self.answer_arrives()

    @property
    def epoch(self) -> str:
        return f"epoch {self.epochs}"

    @rule(count=st.integers(1, 4))
    def something_happens(self, count: int) -> None:
        for _ in range(count):
            self.newest += 1
            self.line.append(event(self.newest, self.epoch))

    @precondition(lambda self: self.line)
    @rule(count=st.integers(1, 4), repeats=st.integers(1, 2))
    def publication_arrives(self, count: int, repeats: int) -> None:
        arriving = [self.line.popleft() for _ in range(min(count, len(self.line)))]
        for _ in range(repeats):
            self.deliver(self.stream.take(arriving))
        self.ask()

    @precondition(lambda self: len(self.line) > 1)
    @rule()
    def publication_is_lost_before_another(self) -> None:
        del self.line[-2]

    @rule()
    def line_is_cut(self) -> None:
        self.line.clear()
        if self.question is not None:
            self.question = self.answer = None
            self.stream.failed()
        self.stream.doubt()
        self.ask()

    @rule()
    def executor_announces_itself(self) -> None:
        self.stream.doubt()
        self.ask()

    @precondition(lambda self: self.question is not None and self.answer is None)
    @rule(limit=st.integers(1, 3))
    def executor_answers(self, limit: int) -> None:
        assert self.question is not None
        since = self.question.since
        if self.question.epoch == self.epoch and self.oldest - 1 <= since <= self.newest:
            missing = range(since + 1, self.newest + 1)
            self.answer = history(*missing[:limit], more=len(missing) > limit, epoch=self.epoch)
        else:
            self.answer = beginning(self.newest, self.epoch)

    @precondition(lambda self: self.answer is not None)
    @rule()
    def answer_arrives(self) -> None:
        assert self.answer is not None
        answer, self.answer, self.question = self.answer, None, None
        page = self.stream.answered(answer)
        if page.is_reset:
            reached = self.delivered[-1] if self.delivered else self.place
            self.place = (answer["epoch"], answer["seq"])
            assert self.place != reached
            assert self.place[0] != reached[0] or self.place[1] > reached[1]
            self.delivered.clear()
        self.deliver(page.events)
        self.ask()

    @rule(is_so=st.sampled_from([True, False, False, False]))
    def journal_forgets(self, is_so: bool) -> None:
        if is_so:
            self.oldest = self.newest + 1

    @rule(is_so=st.sampled_from([True, False, False, False]))
    def stream_starts_anew(self, is_so: bool) -> None:
        if is_so:
            self.epochs += 1
            self.newest, self.oldest = 0, 1
            self.something_happens(1)

    @invariant()
    def nothing_is_left_out_or_repeated(self) -> None:
        epoch, seq = self.place
        expected = [(epoch, seq + 1 + n) for n in range(len(self.delivered))]
        assert self.delivered == expected

    def teardown(self) -> None:
        """Once the line is empty and no question open, all that has happened has arrived."""
        while self.line:
            self.publication_arrives(1, 1)
        while self.question is not None:
            if self.answer is None:
                self.executor_answers(2)
            self.answer_arrives()
            self.nothing_is_left_out_or_repeated()
        last = self.delivered[-1] if self.delivered else self.place

        assert last == (self.epoch, self.newest)

    def deliver(self, arrived: list[dict[str, Any]]) -> None:
        self.delivered += [(each["epoch"], each["seq"]) for each in arrived]

    def ask(self) -> None:
        if self.question is None:
            self.question = self.stream.question()


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
