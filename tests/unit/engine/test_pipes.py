"""Named pipes: whoever comes and goes, what was written is read, and only as fast as one likes."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine import NamedPipe, NamedPipes, SpawnFailed

from .conftest import LIMIT, open_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import MostFiles


class Collector:
    """Collects what comes through a pipe."""

    def __init__(self) -> None:
        self.data = b""
        self._news = asyncio.Event()

    def take(self, data: bytes) -> None:
        self.data += data
        self._news.set()

    async def until(self, end: bytes) -> None:
        async with asyncio.timeout(LIMIT):
            while not self.data.endswith(end):
                self._news.clear()
                await self._news.wait()


class Reader(Collector):
    """Has a pipe of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.pipe = NamedPipe(path, self.take)


def write(path: Path, text: bytes) -> None:
    with path.open("wb", buffering=0) as pipe:
        pipe.write(text)


async def test_writers_come_and_go_and_the_last_words_are_read_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    reader = Reader(path)
    files = open_files()
    for _ in range(3):
        write(path, b"word\n")
        await reader.until(b"word\n")
        reader.data = b""
    reader.pipe.pause()
    write(path, b"a" * 60_000)
    write(path, b"last")
    reader.pipe.close()
    reader.pipe.close()
    reader.pipe.resume()

    assert reader.data == b"a" * 60_000 + b"last"
    assert list(tmp_path.iterdir()) == []
    assert len(open_files()) == len(files) - 1


async def test_a_writer_waits_while_nothing_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    reader = Reader(path)
    reader.pipe.pause()
    program = f"open({str(path)!r}, 'wb', 0).write(b'x' * 300_000 + b'.'); print('written')"
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(writer.stdout.readline()), 0.5)
    assert reader.data == b""
    reader.pipe.resume()
    await reader.until(b".")
    reader.pipe.close()

    assert len(reader.data) == 300_001
    assert await asyncio.wait_for(writer.wait(), LIMIT) == 0


async def test_a_pipe_that_cannot_be_made_is_a_program_that_cannot_be_started(
    tmp_path: Path, most_files: MostFiles
) -> None:
    Reader(tmp_path / "first").pipe.close()  # opens what all pipes share
    files = open_files()
    with most_files(0), pytest.raises(SpawnFailed, match="cannot be made: Too many open files"):
        Reader(tmp_path / "pipe")
    with pytest.raises(SpawnFailed, match="cannot be made: No such file or directory"):
        Reader(tmp_path / "nowhere" / "pipe")

    assert list(tmp_path.iterdir()) == []
    assert open_files() <= files


async def test_what_was_put_in_the_place_of_a_pipe_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    reader = Reader(path)
    path.unlink()
    path.mkdir()
    os.mkdir(path / "more")

    reader.pipe.close()


async def test_a_pipe_that_nobody_has_used_is_lent_again_and_tells_its_new_reader(
    tmp_path: Path,
) -> None:
    pipes = NamedPipes(tmp_path)
    first, second = Collector(), Collector()
    pipe = pipes.lend(first.take)
    pipes.take_back(pipe)
    assert pipes.lend(second.take) is pipe
    write(pipe.path, b"word\n")
    await second.until(b"word\n")
    pipes.take_back(pipe)

    assert first.data == b""
    assert list(tmp_path.iterdir()) == []


def use_it(path: Path) -> None:
    write(path, b"last words")


def open_it_to_all(path: Path) -> None:
    path.chmod(0o666)


def remove_it(path: Path) -> None:
    path.unlink()


def replace_it(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("harm", [use_it, open_it_to_all, remove_it, replace_it])
async def test_a_pipe_that_is_not_as_it_was_is_never_lent_again(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    pipes = NamedPipes(tmp_path)
    reader = Collector()
    pipe = pipes.lend(reader.take)
    harm(pipe.path)
    pipes.take_back(pipe)

    assert reader.data == (b"last words" if harm is use_it else b"")
    assert not pipe.path.exists()
    assert pipes.lend(reader.take) is not pipe
    pipes.close()


async def test_a_pipe_that_somebody_can_still_write_into_is_never_lent_again(
    tmp_path: Path,
) -> None:
    pipes = NamedPipes(tmp_path)
    reader = Collector()
    pipe = pipes.lend(reader.take)
    files = open_files()
    with pipe.path.open("wb", buffering=0) as stranger:
        pipes.take_back(pipe)
        with pytest.raises(BrokenPipeError):
            stranger.write(b"of another job")

    assert reader.data == b""
    assert list(tmp_path.iterdir()) == []
    assert len(open_files()) == len(files) - 1
