"""Choices that are computed when somebody is about to choose."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from . import hooks
from .errors import TaskError
from .hints import with_hints
from .parts import Part
from .values import Unfit, plain, visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from pydantic import GetJsonSchemaHandler
    from pydantic.fields import FieldInfo
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from .definition import Caller

    Offer = Iterable[object]
    Find = Callable[[Mapping[str, Any], Caller], Offer | Awaitable[Offer]]

COMPUTED = "computed_choices"
"""The hint that the choices of a parameter are to be asked for."""

OUTPUT_LIMIT = 1_000_000  # bytes that a command may print
DEATH_LIMIT = 5.0  # seconds that a killed program may take to be gone
MOST = 10_000  # choices
NAMED = 10  # choices that a refusal names
TAIL = 500  # characters of standard error that a failure tells
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""Variables of the executor that a command receives."""


class Choice(NamedTuple):
    """One value to choose, and what to call it."""

    value: Any
    title: str

    def as_dict(self) -> dict[str, Any]:
        """The choice as it crosses the wire."""
        return self._asdict()


@dataclass(frozen=True, slots=True)
class Choices:
    """
    Offers what a function finds, as in `Annotated[str, Choices(databases)]`.

    `databases(arguments, caller)`, a plain function or a coroutine, gives values, or pairs of
    value and title. In *arguments* are those given so far that fit, in their types; *after*
    names those that it looks at, so that a form asks again when they change. A value that
    is not offered is refused.

    Instead of a function there may be a *command*, which prints a choice in each line; a
    title may follow behind a tab. Either has *limit* seconds.
    """

    find: Find | None = None
    command: Sequence[str | Part] = field(default=(), hash=False)
    after: Sequence[str] = field(default=(), hash=False)
    limit: float = 10.0

    def problems(self, parameters: Collection[str], secrets: Collection[str]) -> list[str]:
        """What is wrong about it, in a task with these *parameters*, some of them *secrets*."""
        problems: list[str] = []
        if (self.find is None) == (not self.command):
            problems.append("Choices need a function, or else a command")
        if self.find is not None and not callable(self.find):
            problems.append("Choices need a function that can be called")
        if self.command and not (isinstance(self.command[0], str) and self.command[0]):
            problems.append("the command of Choices must begin with the name of a program")
        parts = [each.name for each in self.command if isinstance(each, Part)]
        problems += [
            f"Choices depend on {name!r}, which is no parameter"
            for name in (*self.after, *parts)
            if name not in parameters
        ]
        problems += [
            f"Choices give {name!r} to a command, and everybody on the machine could read it"
            for name in parts
            if name in secrets
        ]
        return problems

    async def offered(self, given: Mapping[str, Any], caller: Caller, *, what: str) -> list[Choice]:
        """
        The choices, for the arguments *given* so far; *what* they are, for messages.

        Raises:
            Error: The function raised it, to refuse.
            TaskError: It failed, took too long, or gave something else.
        """
        if self.find is None:
            return await self._printed(given, what)
        find = self.find
        answer = await hooks.call(
            lambda given: find(given, caller), given, what=what, limit=self.limit
        )
        if isinstance(answer, str | bytes) or not hasattr(answer, "__iter__"):
            raise TaskError(f"{what} must be a list, not {type(answer).__name__}")
        # What is yielded one by one is made by the site's code, too.
        listed: list[Choice] = await hooks.call(
            lambda answer: _checked(map(_choice, answer), what),
            answer,
            what=what,
            limit=self.limit,
        )
        return listed

    async def _printed(self, given: Mapping[str, Any], what: str) -> list[Choice]:
        argv: list[str] = []
        for each in self.command:
            if isinstance(each, str):
                argv.append(each)
                continue
            if given.get(each.name) is None:
                return []  # what they depend on has not been chosen yet
            try:
                argv += each.arguments(given[each.name])
            except Unfit:
                return []
        try:
            async with asyncio.timeout(self.limit):
                lines = await _lines(argv, what)
        except TimeoutError:
            raise TaskError(f"{what} took more than {self.limit:g} s") from None
        pairs = (line.partition("\t") for line in lines)
        return _checked((Choice(value, title or value) for value, _, title in pairs), what)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return with_choices(handler(schema), self)


def with_choices(schema: dict[str, Any], choices: Choices | None) -> dict[str, Any]:
    """*schema* with the hint that there are computed *choices*, if there are."""
    if choices is None:
        return schema
    parts = [each.name for each in choices.command if isinstance(each, Part)]
    return with_hints(schema, {COMPUTED: {"after": [*choices.after, *parts]}})


def choices_of(field: FieldInfo) -> Choices | None:
    """The computed choices of a parameter, or of the items of a list, which it may be."""
    found = [each for each in field.metadata if isinstance(each, Choices)]
    found += _within(field.annotation)
    return found[0] if found else None


def same(value: object, offered: object) -> bool:
    """Whether a *value* that was given is the one that was *offered*; `1` is not `true`."""
    return value == offered and isinstance(value, bool) is isinstance(offered, bool)


def not_among(offered: Sequence[Choice]) -> str:
    """Why a value is refused that is not *offered*."""
    if not offered:
        return "cannot be chosen: there is nothing to choose from just now"
    names = [visible(each.value) for each in offered[:NAMED]]
    return f"must be one of {', '.join(names)}{', …' if len(offered) > NAMED else ''}"


def _within(annotation: Any) -> list[Choices]:
    origin = get_origin(annotation)
    if origin is Annotated:
        kind, *metadata = get_args(annotation)
        return [*(each for each in metadata if isinstance(each, Choices)), *_within(kind)]
    if origin in (Union, UnionType, list, tuple, set, frozenset):
        return [found for each in get_args(annotation) for found in _within(each)]
    return []


def _choice(offer: object) -> Choice:
    value, title = offer if isinstance(offer, tuple) and len(offer) == 2 else (offer, None)
    value = getattr(value, "value", value)  # of an enumeration
    return Choice(value, visible(value) if title is None else str(title))


def _checked(choices: Iterable[Choice], what: str) -> list[Choice]:
    checked: list[Choice] = []
    for choice in choices:
        if len(checked) == MOST:
            raise TaskError(f"{what} are more than {MOST}")
        try:
            checked.append(Choice(plain(choice.value), plain(choice.title)))
        except Unfit as unfit:
            raise TaskError(f"{what}: a value {unfit}") from None
    return checked


async def _lines(argv: Sequence[str], what: str) -> list[str]:
    """The lines that a program prints, blank ones left out."""
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    loop = asyncio.get_running_loop()
    try:
        transport, printed = await loop.subprocess_exec(
            lambda: _Printed(loop.create_future(), loop.create_future()),
            *argv,
            stdin=subprocess.DEVNULL,
            env=environment,
            process_group=0,
        )
    except (OSError, ValueError) as error:
        raise TaskError(f"{what}: {argv[0]} could not be started: {error}") from error
    try:
        is_whole = await printed.ended
    finally:
        if transport.get_returncode() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(transport.get_pid(), signal.SIGKILL)
            await asyncio.wait({printed.gone}, timeout=DEATH_LIMIT)
        transport.close()
    if not is_whole:
        raise TaskError(f"{what}: the command prints more than {OUTPUT_LIMIT} bytes")
    code = transport.get_returncode()
    if code != 0:
        tail = visible(printed.text(2).strip()[-TAIL:])
        raise TaskError(f"{what}: {argv[0]} ended with exit code {code}: {tail}")
    return [line for line in printed.text(1).splitlines() if line.strip()]


class _Printed(asyncio.SubprocessProtocol):
    """
    What a program has printed so far.

    `ended` tells when that is enough, and whether it is all; `gone`, when it is dead.
    """

    def __init__(self, ended: asyncio.Future[bool], gone: asyncio.Future[None]) -> None:
        self.ended = ended
        self.gone = gone
        self._printed = {1: bytearray(), 2: bytearray()}

    def text(self, stream: int) -> str:
        return self._printed[stream].decode(errors="replace")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._printed[fd] += data
        if len(self._printed[fd]) > OUTPUT_LIMIT:
            self._end(is_whole=False)

    def process_exited(self) -> None:
        self.gone.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(is_whole=True)

    def _end(self, *, is_whole: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(is_whole)
