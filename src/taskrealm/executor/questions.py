"""What the program of a job asks its owner, and what becomes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments, UnknownQuestion
from ..protocol.jobs import EventType, now, timestamp
from ..tasks.values import Unfit
from .answers import AnswerSchema
from .replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..journal import AuditRecord

AT_ONCE = 5  # questions of one job that are open at the same time
TEXT_LIMIT = 2_000  # characters of a question
ID_LIMIT = 64  # characters
LONGEST_WAIT = 366 * 86_400.0  # seconds
YES_OR_NO = {"type": "boolean"}
REPLY = re.compile(rb'"reply"\s*:\s*("(?:[^"\\]|\\.)*")')
KNOWN = frozenset({"question", "schema", "default", "timeout", "id"})


@dataclass(frozen=True, slots=True)
class Question:
    """What a program wants to know."""

    id: str
    text: str
    schema: AnswerSchema
    reply: Reply
    timeout: float | None
    """Seconds to wait for an answer; None until the job ends."""
    default: tuple[Any, ...]
    """The answer if nobody gives one in time, if there is such an answer."""

    def as_dict(self) -> dict[str, Any]:
        """The data of the `question` event, as it is asked now."""
        expires_at = None
        if self.timeout is not None:
            expires_at = timestamp(now() + timedelta(seconds=self.timeout))
        return {
            "question": self.id,
            "text": self.text,
            "schema": self.schema.schema,
            **({"default": self.default[0]} if self.default else {}),
            "expires_at": expires_at,
        }


def question_of(report: Mapping[str, Any], directory: Path) -> Question:
    """
    What a *report* with the key `ask` wants to know.

    Raises:
        Unfit: It cannot be asked like this.
    """
    reply = Reply(report.get("reply"), directory)
    try:
        return _question(report["ask"], reply)
    except Unfit:
        reply.close()
        raise


def refuse(line: bytes, directory: Path, reason: str) -> None:
    """Let the program that waits for an answer know why its *line* was not understood."""
    found = REPLY.search(line)
    if found is not None:
        with contextlib.suppress(ValueError, RecursionError):  # an Unfit is a ValueError
            Reply(json.loads(found[1]), directory).refuse("invalid", reason)


def _question(ask: Any, reply: Reply) -> Question:
    if not isinstance(ask, dict):
        raise Unfit('its ask must be an object, such as {"question": "Go on?"}')
    unknown = ", ".join(sorted(ask.keys() - KNOWN))
    if unknown:
        raise Unfit(f"its ask has the unknown keys {unknown}")
    text, name, timeout = ask.get("question"), ask.get("id"), ask.get("timeout")
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_LIMIT:
        raise Unfit(f"its question must be text of at most {TEXT_LIMIT} characters")
    if name is None:
        name = secrets.token_hex(8)
    if not isinstance(name, str) or not 0 < len(name) <= ID_LIMIT:
        raise Unfit(f"its id must be text of at most {ID_LIMIT} characters")
    if timeout is not None and (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 < timeout <= LONGEST_WAIT
    ):
        raise Unfit("its timeout must be a number of seconds, or null")
    schema = AnswerSchema(ask.get("schema", YES_OR_NO))
    default = (ask["default"],) if "default" in ask else ()
    for value in default:
        for sentence in schema.problems(value, "default").values():
            raise Unfit(f"its default does not fit its schema: it {sentence}")
    return Question(name, text, schema, reply, timeout, default)


class Questions:
    """
    The questions of one running job.

    An answer is durable before the program has it. The first one counts.
    """

    def __init__(
        self,
        job_id: str,
        record: Callable[[EventType, dict[str, Any], AuditRecord | None], asyncio.Future[None]],
    ) -> None:
        """
        *record* takes the type and the data of an event, and who has caused it, and is done
        when it is durable.
        """
        self._job_id = job_id
        self._record = record
        self._open: dict[str, tuple[Question, dict[str, Any]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._answered: dict[str, str | None] = {}
        self._closed: str | None = None

    @property
    def open(self) -> tuple[dict[str, Any], ...]:
        """The data of the `question` events that nobody has answered yet."""
        return tuple(data for _, data in self._open.values())

    def ask(self, question: Question) -> str | None:
        """Ask the owner; gives why that is not possible, if so."""
        if self._closed is not None:
            question.reply.refuse(self._closed)
            return None
        problem = None
        if question.id in self._open or question.id in self._answered:
            problem = "the job has asked a question with this id before"
        elif len(self._open) >= AT_ONCE:
            problem = f"a job asks at most {AT_ONCE} questions at once"
        if problem is not None:
            question.reply.refuse("invalid", problem)
            return problem
        data = question.as_dict()
        self._open[question.id] = (question, data)
        if question.timeout is not None:
            self._timers[question.id] = asyncio.get_running_loop().call_later(
                question.timeout, self._time_out, question.id
            )
        self._record(EventType.QUESTION, data, None)
        return None

    def answer(
        self, name: str, value: Any, by: str, audit: AuditRecord | None = None
    ) -> asyncio.Future[None]:
        """
        Take the answer that *by* gives; done when it is durable, together with *audit*.

        Raises:
            UnknownQuestion: The job does not ask this, or has its answer.
            InvalidArguments: The answer does not fit the question's schema.
        """
        asked = self._open.get(name)
        if asked is None:
            raise self._unknown(name)
        question, _ = asked
        if fields := question.schema.problems(value, "value"):
            raise InvalidArguments(fields=fields)
        return self._settle(question, value, by, audit)

    def close(self, refused: str) -> None:
        """Answer no more; programs that wait are told why."""
        self._closed = refused
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        while self._open:
            _, (question, _) = self._open.popitem()
            question.reply.refuse(refused)

    def _time_out(self, name: str) -> None:
        question, _ = self._open[name]
        if question.default:
            self._settle(question, question.default[0], None)
            return
        self._take(question, None)
        data = {"question": name, "answer": None, "by": None, "refused": "timeout"}
        recorded = self._record(EventType.ANSWERED, data, None)
        recorded.add_done_callback(lambda _: question.reply.refuse("timeout"))

    def _settle(
        self, question: Question, value: Any, by: str | None, audit: AuditRecord | None = None
    ) -> asyncio.Future[None]:
        self._take(question, by)
        data = {"question": question.id, "answer": value, "by": by, "refused": None}
        recorded = self._record(EventType.ANSWERED, data, audit)
        recorded.add_done_callback(lambda _: question.reply.give(value))
        return recorded

    def _take(self, question: Question, by: str | None) -> None:
        del self._open[question.id]
        self._answered[question.id] = by
        if (timer := self._timers.pop(question.id, None)) is not None:
            timer.cancel()

    def _unknown(self, name: str) -> UnknownQuestion:
        if name not in self._answered:
            return UnknownQuestion(f"Job {self._job_id} asks no question {name!r} just now")
        by = self._answered[name]
        if by is None:
            return UnknownQuestion(f"Nobody answered the question {name!r} in time")
        return UnknownQuestion(
            f"The question {name!r} was already answered by {by}", answered_by=by
        )
