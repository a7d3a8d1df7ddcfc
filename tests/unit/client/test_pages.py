"""Pages that are asked for in advance make up the same text as those read one after the other."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.client.cursor import OutputCursor
from taskrealm.client.pages import AHEAD, Pages
from taskrealm.journal.output import OutputStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOB = "0" * 32


class Node:
    """Answers for one stream, and counts who asks at the same time."""

    def __init__(self, folder: Path, limit: int = 1_000_000) -> None:
        self._store = OutputStore(folder, limit=limit)
        self._has_ended = False
        self.asked: list[int] = []
        self.waiting = self.most = 0

    def print(self, data: bytes) -> None:
        self._store.append(JOB, "stdout", data)

    def end(self) -> None:
        self._has_ended = True
        self._store.close(JOB)

    async def answer(self, stream: str, offset: int, limit: int) -> dict[str, Any]:
        self.asked.append(offset)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        size = self._store.size(JOB, stream).printed
        chunk = self._store.read(JOB, stream, offset, limit)
        return {
            "stream": stream,
            "offset": chunk.offset,
            "next": chunk.next,
            "text": chunk.data.decode(errors="replace"),
            "size": size,
            "skipped": chunk.offset - offset,
            "end": self._has_ended and chunk.next >= size,
        }


async def texts(node: Node, size: int) -> AsyncIterator[tuple[int, str]]:
    """What is read to the end, and how many bytes were skipped before it."""
    cursor = OutputCursor("stdout", 0)
    pages = Pages(cursor, node.answer, size=size)
    position = 0
    while not cursor.has_ended:
        for chunk in await pages.read():
            assert chunk.offset == position + chunk.skipped
            position = chunk.next
            yield chunk.skipped, chunk.text
    pages.close()


PIECES = st.lists(
    st.one_of(
        st.sampled_from(["a", "é", "€", "𝄞", "\ufffd"]).map(str.encode), st.binary(max_size=3)
    ),
    max_size=80,
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(pieces=st.lists(PIECES, max_size=4), size=st.integers(7, 40))
def test_whatever_is_cut_where_the_text_is_whole(pieces: list[bytes], size: int) -> None:
    async def read(node: Node) -> str:
        heard = []
        left = list(pieces)
        node.print(left.pop() if left else b"")
        cursor = OutputCursor("stdout", 0)
        reading = Pages(cursor, node.answer, size=size)
        while not cursor.has_ended:
            heard += [chunk.text for chunk in await reading.read()]
            if left:
                node.print(left.pop())
            else:
                node.end()
        reading.close()
        return "".join(heard)

    with tempfile.TemporaryDirectory() as folder:
        heard = asyncio.run(read(Node(Path(folder))))

    assert heard == b"".join(reversed(pieces)).decode(errors="replace")


@pytest.mark.parametrize("character", ["a", "é", "€", "𝄞"])
async def test_whoever_is_far_behind_waits_once_and_reads_nothing_twice(
    character: str, tmp_path: Path
) -> None:
    node = Node(tmp_path)
    node.print(character.encode() * 1_200)
    node.end()

    heard = "".join([text async for _, text in texts(node, 50)])

    assert heard == character * 1_200
    assert node.most == AHEAD
    assert len(node.asked) == len(set(node.asked))


async def test_what_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.print(bytes(range(128, 256)) * 10)
    node.end()

    heard = "".join([text async for _, text in texts(node, 50)])

    assert heard == (bytes(range(128, 256)) * 10).decode(errors="replace")


async def test_what_is_dropped_while_it_is_asked_for_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path, limit=1_024)
    node.print(b"x" * 500)
    heard = skipped = 0
    async for gap, text in texts(node, 50):
        if not heard:
            node.print(b"y" * 10_000)
            node.end()
        heard += len(text)
        skipped += gap

    assert skipped > 0
    assert heard + skipped == 10_500


async def test_nothing_is_asked_for_that_may_not_be_there_yet(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.print(b"x" * 60)
    cursor = OutputCursor("stdout", 0)

    await Pages(cursor, node.answer, size=50).read()

    assert node.asked == [0]
