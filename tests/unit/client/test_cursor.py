"""Output is delivered in order, each byte once, or told to be missing, whatever the line does."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.client import OutputChunk
from taskrealm.client.cursor import HELD_LIMIT, Ask, OutputCursor


def published(text: str, offset: int) -> dict[str, Any]:
    return {"stream": "stdout", "offset": offset, "next": offset + len(text), "text": text}


def page(text: str, offset: int, **other: Any) -> dict[str, Any]:
    chunk = published(text, offset)
    return {**chunk, "size": chunk["next"], "skipped": 0, "end": False, **other}


def chunk(text: str, offset: int, skipped: int = 0) -> OutputChunk:
    return OutputChunk("stdout", offset, offset + len(text), text, skipped)


def test_live_output_goes_on_where_what_was_read_ends() -> None:
    cursor = OutputCursor("stdout", 0)
    cursor.live(published("cd", 2))

    read = cursor.answer(cursor.ask(), page("ab", 0))

    assert [*read, *cursor.take()] == [chunk("ab", 0), chunk("cd", 2)]
    assert not cursor.is_behind


def test_a_chunk_without_text_tells_that_there_is_more() -> None:
    cursor = OutputCursor("stdout", 0)
    cursor.answer(cursor.ask(), page("ab", 0))
    cursor.live(published("", 90))

    assert cursor.take() == []
    assert cursor.is_behind
    assert cursor.ask().offset == 2


def test_what_is_not_kept_is_told_in_the_chunk_behind_it() -> None:
    cursor = OutputCursor("stdout", 0)

    head = cursor.answer(cursor.ask(), page("ab", 0, size=100))
    tail = cursor.answer(cursor.ask(), page("yz", 98, size=100, skipped=96, end=True))

    assert head == [chunk("ab", 0)]
    assert tail == [chunk("yz", 98, skipped=96)]
    assert cursor.has_ended


def test_an_end_that_is_not_kept_is_told_without_text() -> None:
    cursor = OutputCursor("stdout", 2)

    end = cursor.answer(cursor.ask(), page("", 100, skipped=98, end=True))

    assert end == [chunk("", 100, skipped=98)]


def test_half_a_character_at_the_end_is_not_asked_for_again_and_again() -> None:
    cursor = OutputCursor("stdout", 0)

    cursor.answer(cursor.ask(), page("ab", 0, size=3))
    cursor.answer(cursor.ask(), page("", 2, size=3))

    assert not cursor.is_behind


def test_a_slow_reader_holds_no_more_than_a_limit_and_misses_nothing() -> None:
    cursor = OutputCursor("stdout", 0)
    cursor.answer(cursor.ask(), page("", 0))
    for number in range(10):
        cursor.live(published("x" * (HELD_LIMIT // 2), number * (HELD_LIMIT // 2)))

    assert sum(len(each["text"]) for each in cursor._held) <= HELD_LIMIT
    assert cursor.take() == []
    assert cursor.is_behind
    assert cursor.ask().offset == 0


STEPS = st.one_of(
    st.tuples(st.just("print"), st.integers(0, 5)),
    st.tuples(st.just("flood"), st.integers(0, 60)),
    st.tuples(st.just("arrive"), st.integers(0, 4)),
    st.tuples(st.just("repeat"), st.integers(0, 9)),
    st.tuples(st.just("lose"), st.integers(0, 9)),
    st.tuples(st.just("ask"), st.integers(1, 20)),
    st.tuples(st.just("answer"), st.just(0)),
    st.tuples(st.just("cut"), st.just(0)),
)


class World:
    """A node that keeps little of one stream, a line that loses and repeats, and a reader."""

    def __init__(self, head: int, tail: int) -> None:
        self.printed = ""
        self.heard: list[OutputChunk] = []
        self._head = head
        self._tail = tail
        self._cursor = OutputCursor("stdout", 0)
        self._line: list[dict[str, Any]] = []
        self._asked: tuple[Ask, dict[str, Any]] | None = None

    def step(self, what: str, size: int) -> None:
        match what:
            case "print":
                text = chr(97 + len(self.printed) % 26) * size
                self._line.append(published(text, len(self.printed)))
                self.printed += text
            case "flood":  # of which nothing is published but how far it went
                self.printed += chr(65 + len(self.printed) % 26) * size
                self._line.append(published("", len(self.printed)))
            case "arrive":
                arriving, self._line = self._line[:size], self._line[size:]
                for each in arriving:
                    self._cursor.live(each)
                if self._asked is None:
                    self.heard += self._cursor.take()
            case "repeat":
                self._line += self._line[size : size + 1]
            case "lose":
                del self._line[size : size + 1]
            case "ask":
                if self._asked is None and self._cursor.is_behind:
                    self._asked = self._question(size, has_ended=False)
            case "answer":
                if self._asked is not None:
                    self.heard += self._cursor.answer(*self._asked)
                self._asked = None
            case "cut":
                self._line, self._asked = [], None
                self._cursor.interrupt()

    def end(self) -> None:
        self.step("cut", 0)
        while not self._cursor.has_ended:
            self.heard += self._cursor.answer(*self._question(7, has_ended=True))

    def _question(self, limit: int, *, has_ended: bool) -> tuple[Ask, dict[str, Any]]:
        ask = self._cursor.ask()
        size = len(self.printed)
        kept = max(self._head, size - self._tail)
        start = min(kept, size) if self._head <= ask.offset < kept else ask.offset
        end = min(size, start + limit, self._head if start < self._head else size)
        answer = page(self.printed[start:end], start, size=size, skipped=start - ask.offset)
        return ask, {**answer, "end": has_ended and end >= size}


@settings(max_examples=1_000, deadline=None)
@given(steps=st.lists(STEPS, max_size=100), head=st.integers(0, 40), tail=st.integers(0, 40))
def test_all_is_heard_in_order_or_told_to_be_missing(
    steps: list[tuple[str, int]], head: int, tail: int
) -> None:
    world = World(head, tail)
    for what, size in steps:
        world.step(what, size)
    world.end()

    position = 0
    for each in world.heard:
        assert each.offset == position + each.skipped
        assert each.text == world.printed[each.offset : each.next]
        assert not each.skipped or position >= head
        position = each.next
    assert position == len(world.printed)
