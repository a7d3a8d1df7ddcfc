"""Logs stay small and private, and errors show their end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrealm.router.logs import LOG_LIMIT, LogEnd, open_log

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: bytes) -> None:
    log = open_log(path)
    os.write(log, text)
    os.close(log)


def test_a_log_is_continued_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    write(path, b"one\n")
    write(path, b"two\n")

    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_full_makes_room_and_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    write(path, b"x" * (LOG_LIMIT + 1))

    write(path, b"new\n")

    assert path.read_text() == "new\n"
    assert (tmp_path / "node.log.1").stat().st_size == LOG_LIMIT + 1


def test_the_end_of_a_log_is_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    write(path, b"old\n")
    end = LogEnd(path)

    write(path, b"".join(b"line %d\n" % number for number in range(30)))

    assert str(end).startswith(f". The end of {path}:\nline 10\n")
    assert str(end).endswith("line 29")


def test_a_log_without_news_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "node.log"

    assert str(LogEnd(path)) == ""
