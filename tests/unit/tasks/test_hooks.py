"""A task's own code: looking at requests, and making results."""

from __future__ import annotations

import asyncio
import math
import threading
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pytest
from pydantic import Field
from tests.parsing import result_of

from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, TooLarge
from taskrealm.tasks import Caller, CommandTask, Output, ProgramTask, TaskError, Value, hooks
from taskrealm.tasks import loaded as loaded_module

ANA = Caller("ana", "user", "shop")


class Base(CommandTask):
    name = "base"
    size: Annotated[int, Field(ge=0)] = 1
    day: date | None = None
    command = ("program", Value("size"), Value("day"))


async def prepared(declaration: type[CommandTask], **kwargs: Any) -> dict[str, Any]:
    task = ProgramTask(declaration)
    arguments = await task.prepare(task.bind((), kwargs), ANA)
    assert task.argv(arguments)
    return arguments.values


async def result(
    declaration: type[CommandTask], stdout: bytes = b"", directory: Path = Path(), **kwargs: Any
) -> Any:
    task = ProgramTask(declaration)
    arguments = task.bind((), kwargs)
    return await result_of(task, Output(stdout, b"", 0, directory, arguments, ANA))


class Silent(Base):
    pass


class Plain(Base):
    def validate(self, caller: Caller) -> None:
        assert threading.current_thread() is not threading.main_thread()
        if self.size > 9:
            raise InvalidArguments(fields={"size": f"is too much for {caller.authid}"})


class Coroutine(Base):
    async def validate(self, caller: Caller) -> dict[str, object]:
        await asyncio.sleep(0)
        if caller.submitted_by != "shop":
            raise NotAuthorized("Only the shop may")
        return {"size": self.size + 1, "day": date(2026, 2, 28)}


class Disguised(Base):
    """A plain function that returns what must be awaited."""

    def validate(self, caller: Caller) -> Any:
        async def look() -> dict[str, object]:
            return {"size": 7}

        return look()


async def test_a_task_without_hooks_takes_the_arguments_as_they_are() -> None:
    assert await prepared(Silent, size=3) == {"size": 3, "day": None}


async def test_a_plain_function_can_refuse() -> None:
    assert await prepared(Plain, size=9) == {"size": 9, "day": None}
    with pytest.raises(InvalidArguments, match="size: is too much for ana"):
        await prepared(Plain, size=10)


async def test_a_coroutine_can_change_arguments() -> None:
    assert await prepared(Coroutine) == {"size": 2, "day": "2026-02-28"}


async def test_a_coroutine_that_a_plain_function_returns_is_not_skipped() -> None:
    assert await prepared(Disguised) == {"size": 7, "day": None}


async def test_a_hook_can_refuse_in_other_ways() -> None:
    task = ProgramTask(Coroutine)

    with pytest.raises(NotAuthorized, match="Only the shop may"):
        await task.prepare(task.bind((), {}), Caller("ana", "user", "ana"))


class Negative(Base):
    def validate(self, caller: Caller) -> dict[str, object]:
        return {"size": -self.size}


async def test_changed_arguments_are_checked_like_given_ones() -> None:
    with pytest.raises(InvalidArguments, match="size: must be greater than or equal to 0"):
        await prepared(Negative)


class Failing(Base):
    def validate(self, caller: Caller) -> NoReturn:
        raise ZeroDivisionError("postgres://ana:secret@db")

    async def parse_result(self, output: Output) -> NoReturn:
        raise SystemExit("postgres://ana:secret@db")


async def test_a_hook_that_fails_refuses_and_gives_nothing_away() -> None:
    with pytest.raises(TaskError, match=r"^base: validate failed$") as failed:
        await prepared(Failing)

    assert isinstance(failed.value.__cause__, ZeroDivisionError)


async def test_a_result_hook_that_fails_gives_nothing_away() -> None:
    with pytest.raises(TaskError, match=r"^base: parse_result failed$"):
        await result(Failing)


class Hanging(Base):
    def validate(self, caller: Caller) -> None:
        threading.Event().wait(30)


async def test_a_hook_that_hangs_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_module, "VALIDATE_LIMIT", 0.05)

    with pytest.raises(TaskError, match=r"base: validate took more than 0.05 s"):
        await prepared(Hanging)


class Confused(Base):
    def validate(self, caller: Caller) -> Any:
        return {1: "size", 2: {"sise": 2}, 3: {"day": object()}}[self.size]


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        pytest.param(1, "must return None or a mapping of arguments, not str", id="wrong kind"),
        pytest.param(2, "sise: there is no such parameter", id="unknown parameter"),
        pytest.param(3, "day: Unable to serialize", id="wrong type"),
    ],
)
async def test_a_hook_that_returns_nonsense_refuses(size: int, sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence):
        await prepared(Confused, size=size)


class Long(Base):
    label: str = ""
    command = ("program", Value("label"), Value("size"), Value("day"))

    def validate(self, caller: Caller) -> dict[str, object]:
        return {"label": self.label * 200_000}


async def test_what_no_program_can_take_is_refused_at_once() -> None:
    with pytest.raises(InvalidArguments, match="label: must not begin with '-'"):
        await prepared(Long, label="-")
    with pytest.raises(TooLarge, match="label: "):
        await prepared(Long, label="x")


@pytest.mark.parametrize(
    ("stdout", "expected"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b" \n", None, id="white space"),
        pytest.param(b" 2026 \n", "2026", id="a line"),
        pytest.param("ü\n2\n".encode(), "ü\n2", id="lines"),
        pytest.param(b"\xff\0", "\ufffd\ufffd", id="no text"),
        pytest.param(b"x" * 65_536, "x" * 65_536, id="as much as may be"),
        pytest.param(b"x" * 65_537, None, id="too much"),
    ],
)
async def test_the_result_is_what_was_printed(stdout: bytes, expected: str | None) -> None:
    assert await result(Silent, stdout) == expected


class Measured(Base):
    def parse_result(self, output: Output) -> dict[str, object]:
        return {"printed": len(output.stdout), "size": self.size, "owner": output.caller.authid}


class Read(Base):
    async def parse_result(self, output: Output) -> object:
        return (output.directory / "made.txt").read_text()


async def test_a_plain_function_makes_the_result() -> None:
    assert await result(Measured, b"abc", size=5) == {"printed": 3, "size": 5, "owner": "ana"}


async def test_a_coroutine_makes_the_result(tmp_path: Path) -> None:
    (tmp_path / "made.txt").write_text("made")

    assert await result(Read, directory=tmp_path) == "made"


class Refused(Base):
    def parse_result(self, output: Output) -> NoReturn:
        raise TaskError("The video is over before 5 seconds have passed")


async def test_a_task_can_say_that_the_job_failed_after_all() -> None:
    with pytest.raises(TaskError, match=r"^The video is over before 5 seconds have passed$"):
        await result(Refused)


class Odd(Base):
    RESULTS = (math.inf, {"a": [0, object()]}, object, b"\xff", 2**64, "\ud800", "x" * 20_000_000)

    def parse_result(self, output: Output) -> object:
        return self.RESULTS[self.size]


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        (0, "made no result: must be a finite number"),
        (1, "made no result: must be a value that JSON has, not object"),
        (2, "made no result: must be a value that JSON has, not type"),
        (3, "made no result: must be a value that JSON has: 'utf-8' codec can't decode"),
        (4, "made no result: must be a whole number of at most 64 bits"),
        (5, "made no result: must be valid Unicode text, without lone surrogates"),
        (6, "made a result of 20000002 bytes; the most is 20000000. Write it to a file"),
    ],
)
async def test_a_result_that_cannot_be_sent_is_refused(index: int, sentence: str) -> None:
    with pytest.raises(TaskError, match=f"base: parse_result {sentence}"):
        await result(Odd, size=index)


class Guarded(Base):
    def may_cancel(self, caller: Caller) -> None:
        if caller.authid != "ana":
            raise NotAuthorized("Only Ana may")


class Dithering(Base):
    async def may_cancel(self, caller: Caller) -> Any:
        if self.size:
            await asyncio.Event().wait()
        return True


async def ask(declaration: type[CommandTask], caller: Caller = ANA, **kwargs: Any) -> None:
    task = ProgramTask(declaration)
    await task.ask_to_cancel(task.bind((), kwargs), caller)


async def test_a_task_may_refuse_that_somebody_cancels() -> None:
    await ask(Silent)
    await ask(Guarded)
    with pytest.raises(NotAuthorized, match="Only Ana may"):
        await ask(Guarded, Caller("bo", "user", "bo"))


async def test_a_task_that_does_not_say_whether_one_may_cancel_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loaded_module, "VALIDATE_LIMIT", 0.05)

    with pytest.raises(TaskError, match=r"base: may_cancel took more than 0.05 s"):
        await ask(Dithering)
    with pytest.raises(TaskError, match="may_cancel must return None, or raise NotAuthorized"):
        await ask(Dithering, size=0)


class Deaf(Base):
    END = threading.Event()

    def validate(self, caller: Caller) -> None:
        self.END.wait(30)


async def test_only_so_many_threads_run_on_that_nobody_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hooks, "STRAY_LIMIT", 3)
    monkeypatch.setattr(hooks, "_strays", set())
    with monkeypatch.context() as impatient:
        impatient.setattr(loaded_module, "VALIDATE_LIMIT", 0.01)
        for _ in range(3):
            with pytest.raises(TaskError, match="took more than"):
                await prepared(Deaf)
    strays = set(hooks._strays)
    with pytest.raises(TaskError, match="base: validate is not called: 3 earlier calls"):
        await prepared(Deaf)
    Deaf.END.set()
    for thread in strays:
        thread.join()

    assert await prepared(Plain) == {"size": 1, "day": None}
