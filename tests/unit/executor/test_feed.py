"""What a running job reports: whole characters in order, and progress that never falls back."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskrealm.executor.feed import OUTPUT_BATCH, OUTPUT_WINDOW, OutputFeed, ProgressFeed
from taskrealm.tasks import Progress

CHUNK = 20_000  # bytes in one publication at most


class Watcher:
    """Collects what an output feed publishes, while it looks."""

    def __init__(self) -> None:
        self.looks = True
        self.is_reachable = True
        self.chunks: list[dict[str, Any]] = []
        self.heard = asyncio.Event()

    def feed(self) -> OutputFeed:
        return OutputFeed(lambda: self.looks, self.take, chunk=CHUNK)

    def take(self, chunk: dict[str, Any]) -> bool:
        if self.is_reachable:
            self.chunks.append(chunk)
            self.heard.set()
        return self.is_reachable

    async def until_next(self, offset: int) -> None:
        """Return once a chunk has said that *offset* was reached."""
        async with asyncio.timeout(30):
            while not self.chunks or self.chunks[-1]["next"] < offset:
                self.heard.clear()
                await self.heard.wait()

    def text(self) -> str:
        return "".join(chunk["text"] for chunk in self.chunks)


@given(text=st.text(max_size=200), cuts=st.lists(st.integers(1, 9), max_size=40))
def test_pieces_cut_anywhere_arrive_as_the_same_text(text: str, cuts: list[int]) -> None:
    async def publish() -> Watcher:
        watcher = Watcher()
        feed = watcher.feed()
        data, offset = text.encode(), 0
        for size in [*cuts, len(data)]:
            piece = data[offset : offset + size]
            if piece:
                feed.add("stdout", offset, piece)
            offset += len(piece)
        feed.close()
        return watcher

    watcher = asyncio.run(publish())

    assert watcher.text() == text
    ends = [0, *(chunk["next"] for chunk in watcher.chunks)]
    assert [chunk["offset"] for chunk in watcher.chunks] == ends[:-1]


async def test_much_output_goes_out_in_chunks_of_bounded_size() -> None:
    watcher = Watcher()
    feed = watcher.feed()

    feed.add("stdout", 0, b"x" + "é".encode() * 30_000)
    feed.close()

    assert watcher.text() == "x" + "é" * 30_000
    assert max(chunk["next"] - chunk["offset"] for chunk in watcher.chunks) <= CHUNK


async def test_of_a_flood_only_a_little_goes_out_and_then_how_far_it_went() -> None:
    watcher = Watcher()
    feed = watcher.feed()

    for number in range(1_000):
        feed.add("stdout", number * 60_000, b"x" * 60_000)
    at_once = len(watcher.text())
    await watcher.until_next(60_000_000)

    assert at_once <= OUTPUT_WINDOW
    assert watcher.chunks[-1] == {
        "stream": "stdout",
        "offset": 60_000_000,
        "next": 60_000_000,
        "text": "",
    }


async def test_what_the_router_does_not_take_is_told_when_it_does() -> None:
    watcher = Watcher()
    watcher.is_reachable = False
    feed = watcher.feed()

    feed.add("stdout", 0, b"x" * OUTPUT_BATCH)
    watcher.is_reachable = True
    await watcher.until_next(OUTPUT_BATCH)
    feed.add("stdout", OUTPUT_BATCH, b"y" * OUTPUT_BATCH)

    assert [chunk["offset"] for chunk in watcher.chunks] == [OUTPUT_BATCH, OUTPUT_BATCH]
    assert watcher.text() == "y" * OUTPUT_BATCH


async def test_a_little_output_goes_out_soon_without_more_of_it() -> None:
    watcher = Watcher()

    watcher.feed().add("stderr", 0, b"ready\n")
    async with asyncio.timeout(30):
        await watcher.heard.wait()

    assert watcher.chunks == [{"stream": "stderr", "offset": 0, "next": 6, "text": "ready\n"}]


async def test_who_begins_to_watch_joins_at_a_whole_character() -> None:
    watcher = Watcher()
    watcher.looks = False
    feed = watcher.feed()
    feed.add("stdout", 0, b"unseen " + "é".encode()[:1])

    watcher.looks = True
    feed.add("stdout", 8, "é".encode()[1:] + b"x" * OUTPUT_BATCH)

    assert watcher.chunks[0]["offset"] == 7
    assert watcher.chunks[0]["text"].startswith("éx")


async def test_the_first_and_the_last_progress_always_go_out() -> None:
    emitted: list[dict[str, Any]] = []
    feed = ProgressFeed(emitted.append)

    for step in range(11):
        feed.add(Progress(step / 10, f"step {step}", None))
    last = feed.take()

    assert [report["message"] for report in emitted] == ["step 0"]
    assert last == {"fraction": 1.0, "message": "step 10", "eta": None}


async def test_progress_never_goes_backwards() -> None:
    emitted: list[dict[str, Any]] = []
    feed = ProgressFeed(emitted.append)

    feed.add(Progress(0.5, "half", None))
    feed.add(Progress(0.2, "a new phase", None))

    assert feed.take() == {"fraction": 0.5, "message": "a new phase", "eta": None}
