"""Questions of a job: the journal has the answer before the program, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.executor.questions import Question, Questions, question_of, refuse
from taskrealm.protocol.errors import UnknownQuestion
from taskrealm.protocol.jobs import EventType
from taskrealm.tasks.values import Unfit

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 30.0  # seconds


class Program:
    """A program that asks and reads its answer, and the journal of its job, which may be slow."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.recorded: list[tuple[EventType, dict[str, Any]]] = []
        self.pending: list[asyncio.Future[None]] = []
        self.news = asyncio.Event()
        self.questions = Questions("job", self._record)
        self.reader = open_pipe(directory / "reply")

    def _record(self, kind: EventType, data: dict[str, Any], _: object) -> asyncio.Future[None]:
        self.recorded.append((kind, data))
        self.pending.append(asyncio.get_running_loop().create_future())
        self.news.set()
        return self.pending[-1]

    def question(self, **ask: Any) -> Question:
        report = {"ask": {"question": "?", "id": "q", **ask}, "reply": "reply"}
        return question_of(report, self.directory)

    def commit(self) -> None:
        """Let everything be durable that has been recorded so far."""
        for each in self.pending:
            if not each.done():
                each.set_result(None)

    def has_answer(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return os.read(self.reader, 1) != b""
        return False

    async def answer(self) -> Any:
        """The line that it is given."""
        return json.loads(await self.read())

    async def read(self) -> bytes:
        """What it is given next; empty when there will be no more."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self.reader, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), LIMIT)
            return os.read(self.reader, 20_000)
        finally:
            loop.remove_reader(self.reader)


def open_pipe(path: Path) -> int:
    """A new pipe, as a program reads it that is never told of an end."""
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """A program in an empty directory."""
    program = Program(tmp_path)
    yield program
    program.questions.close("ended")
    os.close(program.reader)


async def test_an_answer_is_durable_before_the_program_has_it(program: Program) -> None:
    program.questions.ask(program.question())
    program.commit()
    given = program.questions.answer("q", True, "ana")
    await asyncio.sleep(0)

    assert program.recorded[-1][0] is EventType.ANSWERED
    assert not given.done()
    assert not program.has_answer()
    program.commit()
    assert await program.answer() == {"answer": True}


async def test_a_default_is_durable_before_the_program_has_it(program: Program) -> None:
    program.questions.ask(program.question(default=False, timeout=0.001))
    program.news.clear()
    await asyncio.wait_for(program.news.wait(), LIMIT)

    assert program.recorded[-1][0] is EventType.ANSWERED
    assert not program.has_answer()
    program.commit()
    assert await program.answer() == {"answer": False}
    assert program.questions.open == ()
    with pytest.raises(UnknownQuestion, match="in time"):
        program.questions.answer("q", True, "ana")


async def test_of_two_answers_the_first_counts_even_before_it_is_durable(program: Program) -> None:
    program.questions.ask(program.question())
    program.questions.answer("q", True, "ana")
    with pytest.raises(UnknownQuestion, match="already answered by ana") as refusal:
        program.questions.answer("q", False, "ben")

    assert refusal.value.answered_by == "ana"
    program.commit()
    assert await program.answer() == {"answer": True}


async def test_who_closes_the_questions_tells_the_programs_that_wait(program: Program) -> None:
    program.questions.ask(program.question(timeout=600))
    program.questions.close("cancelled")

    assert await program.answer() == {"refused": "cancelled"}
    assert program.questions.open == ()
    program.questions.ask(program.question(id="another"))
    assert await program.answer() == {"refused": "cancelled"}
    assert len(program.recorded) == 1


async def test_a_pipe_is_let_go_of_once_the_answer_has_been_read(program: Program) -> None:
    program.questions.ask(program.question())
    os.close(program.reader)
    # Like `cat`, which goes on until there is nobody left who could write.
    program.reader = os.open(program.directory / "reply", os.O_RDONLY | os.O_NONBLOCK)
    program.questions.answer("q", True, "ana")
    program.commit()

    assert await program.answer() == {"answer": True}
    assert await program.read() == b""


async def test_what_an_answer_cannot_be_written_to_harms_nobody(program: Program) -> None:
    program.questions.ask(program.question())
    with contextlib.suppress(BlockingIOError):
        while os.write(program.reader, bytes(4_096)):
            pass
    program.questions.answer("q", True, "ana")
    program.commit()
    await asyncio.sleep(0)

    assert program.questions.open == ()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"reply": "reply", "ask": {"question": }}', id="no JSON"),
        pytest.param('{"ask": {"question": "?"}, "reply" :"reply", "x', id="cut off"),
        pytest.param('{"ask": 5, "reply": "r\\u0065ply"}', id="no question"),
    ],
)
async def test_even_a_broken_question_is_answered_if_it_says_where(
    program: Program, line: str
) -> None:
    refuse(line.encode(), program.directory, "it is not JSON")

    assert await program.answer() == {"refused": "invalid", "reason": "it is not JSON"}


async def test_a_pipe_is_opened_in_the_directory_of_the_job_only(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    for path in (str(tmp_path / "reply"), "reply"):
        question_of({"ask": {"question": "?"}, "reply": path}, tmp_path).reply.close()
    for path in (str(tmp_path / "inner" / ".." / "reply"), "inner/reply", "..", "/", str(tmp_path)):
        with pytest.raises(Unfit, match="its reply"):
            question_of({"ask": {"question": "?"}, "reply": path}, tmp_path)
