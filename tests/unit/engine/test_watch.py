"""The watch serves descriptors that are readable, and only those it was given."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from taskrealm.engine.watch import SHARE, WINDOW, OutputWatch, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def readable_pipe() -> Iterator[int]:
    """The readable end of a pipe that holds one byte."""
    reader, writer = os.pipe()
    os.write(writer, b"x")
    os.close(writer)
    try:
        yield reader
    finally:
        os.close(reader)


async def test_a_readable_descriptor_is_served_until_it_is_removed() -> None:
    watch = Watch.of(asyncio.get_running_loop())
    served = asyncio.Event()
    count = 0

    def serve(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == 3:
            watch.remove(descriptor)
            served.set()

    with readable_pipe() as reader:
        watch.add(reader, serve)
        async with asyncio.timeout(30):
            await served.wait()
        await asyncio.sleep(0)

    assert count == 3


async def test_who_takes_the_number_of_a_closed_descriptor_is_not_mistaken_for_it() -> None:
    watch = Watch.of(asyncio.get_running_loop())
    done = asyncio.Event()
    served: list[int] = []
    mistaken: list[int] = []
    silent, writer = os.pipe()

    with readable_pipe() as first, readable_pipe() as second:

        def replace_the_other(descriptor: int) -> None:
            served.append(descriptor)
            other = second if descriptor == first else first
            watch.remove(first)
            watch.remove(second)
            os.dup2(silent, other)
            watch.add(other, mistaken.append)
            done.set()

        # Both are readable at once, and whoever is served first takes the place of the other.
        watch.add(first, replace_the_other)
        watch.add(second, replace_the_other)
        async with asyncio.timeout(30):
            await done.wait()
        await asyncio.sleep(0)
        watch.remove(second if served[0] == first else first)
    os.close(silent)
    os.close(writer)

    assert len(served) == 1
    assert mistaken == []


async def test_each_event_loop_has_one_watch() -> None:
    loop = asyncio.get_running_loop()

    assert Watch.of(loop) is Watch.of(loop)


async def test_reading_output_takes_no_more_than_its_share_of_the_time() -> None:
    watch = OutputWatch.of(asyncio.get_running_loop())
    spent = 0.0

    def read(descriptor: int) -> bool:
        nonlocal spent
        begun = time.monotonic()
        while time.monotonic() < begun + 0.003:
            pass
        spent += time.monotonic() - begun
        return True

    with readable_pipe() as end:
        watch.add(end, read)
        begun = time.monotonic()
        await asyncio.sleep(0.5)
        lasted = time.monotonic() - begun
        watch.remove(end)

    assert spent > 0
    assert spent < (SHARE * 1.5) * lasted + 0.02


async def test_the_end_of_a_stream_is_never_put_off() -> None:
    watch = OutputWatch.of(asyncio.get_running_loop())
    done = asyncio.Event()
    count = 0

    def close(descriptor: int) -> bool:
        nonlocal count
        count += 1
        time.sleep(0.001)
        if count == 100:
            done.set()
        return False

    with readable_pipe() as end:
        watch.add(end, close)
        async with asyncio.timeout(30):
            await done.wait()
        watch.remove(end)

    assert not watch._is_paused


async def test_who_takes_the_number_of_one_that_the_watch_has_closed_is_not_served_for_it() -> None:
    watch = Watch.of(asyncio.get_running_loop())
    served = asyncio.Event()
    mistaken: list[int] = []
    silent, writer = os.pipe()
    first, its_writer = os.pipe()
    os.write(its_writer, b"x")

    def replace(descriptor: int) -> None:
        served.set()
        watch.close(descriptor)
        assert os.dup(silent) == descriptor
        watch.add(descriptor, mistaken.append)

    watch.add(first, replace)
    async with asyncio.timeout(30):
        await served.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    watch.close(first)
    for each in (silent, writer, its_writer):
        os.close(each)

    assert mistaken == []


async def test_output_can_be_looked_at_at_once_but_not_while_reading_pauses() -> None:
    watch = OutputWatch(asyncio.get_running_loop())
    looks: list[int] = []

    def read_for_long(descriptor: int) -> bool:
        looks.append(descriptor)
        end = time.monotonic() + WINDOW
        while time.monotonic() < end:
            pass
        return True

    reader, writer = os.pipe()
    watch.add(reader, read_for_long)
    watch.look(reader)
    watch.look(reader)
    watch.close(reader)
    os.close(writer)

    assert looks == [reader]
