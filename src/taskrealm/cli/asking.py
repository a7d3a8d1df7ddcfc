"""Asks on the terminal what a job that is followed wants to know."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ..protocol.errors import Error, InvalidArguments
from ..protocol.jobs import EventType
from .arguments import type_name
from .display import answer_text
from .terminal import visible
from .words import type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..client import Job
    from ..protocol.jobs import Event
    from .display import LiveBar


def value_of(schema: Mapping[str, Any], word: str) -> Any:
    """
    The answer that *word* stands for, where *schema* says what is wanted.

    Raises:
        click.BadParameter: It cannot be such an answer; the message says what it must be.
    """
    return type_of(schema).convert(word, None, None)


class Asker:
    """Puts the questions of one job to whoever sits at the terminal, one after the other."""

    def __init__(self, job: Job, display: LiveBar) -> None:
        self._job = job
        self._display = display
        self._questions: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._closed: set[str] = set()
        self._asking: tuple[str, asyncio.Future[str]] | None = None
        self._typed = b""

    def takes(self, event: Event) -> bool:
        """Whether *event* is a question, which is put as soon as it is its turn."""
        if event.type is EventType.ANSWERED:
            self._close(event.data["question"])
        elif event.type is EventType.STOPPING and self._asking is not None:
            self._close(self._asking[0])
        if event.type is not EventType.QUESTION:
            return False
        self._questions.put_nowait(event.data)
        return True

    async def run(self) -> None:
        """Put questions until the input ends."""
        while True:
            question = await self._questions.get()
            # A job that is followed late may have asked long ago.
            open_now = (await self._job.snapshot())["questions"]
            if any(each["question"] == question["question"] for each in open_now):
                try:
                    await self._ask(question)
                except EOFError:
                    how = f"taskrealm answer {self._job.job_id} {question['question']} VALUE"
                    self._display.note(f"Not answered; {how} does it")
                    return

    async def _ask(self, question: Mapping[str, Any]) -> None:
        name, schema = question["question"], question["schema"]
        while name not in self._closed:
            self._display.prompt(_prompt(question))
            line = await self._line(name)
            if line is None:
                return
            self._display.resume()
            try:
                if line == "" and "default" in question:
                    value = question["default"]
                else:
                    value = value_of(schema, line)
                await self._job.answer(name, value)
                return
            except click.BadParameter as error:
                self._display.note(error.message)
            except InvalidArguments as error:
                self._display.note("; ".join(error.fields.values()))
            except Error as error:
                self._display.note(error.message)
                return

    def _close(self, name: str) -> None:
        """Nobody has to answer this any more."""
        self._closed.add(name)
        if self._asking is not None and self._asking[0] == name:
            _, line = self._asking
            if not line.done():
                line.cancel()

    async def _line(self, name: str) -> str | None:
        """
        The line that is typed next; None if the question is closed before.

        Raises:
            EOFError: There will be none.
        """
        loop = asyncio.get_running_loop()
        line: asyncio.Future[str] = loop.create_future()
        self._asking = (name, line)

        def read() -> None:
            typed = os.read(sys.stdin.fileno(), 4_096)
            self._typed += typed
            if line.done():
                return
            if not typed:
                line.set_exception(EOFError())
            elif b"\n" in self._typed:
                first, _, self._typed = self._typed.partition(b"\n")
                line.set_result(first.decode(errors="replace").strip())

        loop.add_reader(sys.stdin.fileno(), read)
        try:
            await asyncio.wait([line])
            return None if line.cancelled() else line.result()
        finally:
            loop.remove_reader(sys.stdin.fileno())
            self._asking = None


def _prompt(question: Mapping[str, Any]) -> str:
    kind = "yes | no" if question["schema"].get("type") == "boolean" else None
    default = f" ({answer_text(question['default'])})" if "default" in question else ""
    return f"{visible(question['text'])} [{kind or type_name(question['schema'])}]{default}: "
