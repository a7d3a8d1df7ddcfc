"""Tasks that are Python code, and what they do to the process that runs them."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from taskrealm.tasks import (
    Cancelled,
    CommandTask,
    Context,
    Limits,
    Output,
    PythonTask,
    TaskError,
    Value,
    report,
    task,
)

KEPT: list[bytes] = []


@dataclass
class Place:
    day: date
    path: Path


@task(name="func.nothing")
def nothing() -> None:
    """Do nothing."""


@task(name="func.who")
def who(context: Context, word: str = "hello") -> dict[str, Any]:
    """Say what the job knows about itself."""
    return {
        "word": word,
        "pid": os.getpid(),
        "job_id": context.job_id,
        "attempt": context.attempt,
        "owner": context.owner,
        "submitted_by": context.caller.submitted_by,
        "role": context.caller.role,
        "directory": os.getcwd() == str(context.directory.resolve()),
        "remaining": context.remaining,
        "is_cancelled": context.is_cancelled,
        "main_thread": threading.current_thread() is threading.main_thread(),
    }


@task(name="func.place")
async def place(day: date) -> Place:
    """Return what JSON has no words for."""
    await asyncio.sleep(0)
    return Place(day, Path("here"))


@task(name="func.steps")
def steps() -> Iterator[Any]:
    """Report by yielding."""
    yield 0.25
    yield 0.5, "half"
    yield "a message"
    yield {"message": "careful", "level": "warning", "data": {"free": 1}}
    report.message("as programs do")
    return "done"


@task(name="func.ticks")
async def ticks() -> AsyncIterator[Any]:
    """Report by yielding in a loop of asyncio."""
    yield 0.5
    await asyncio.sleep(0)
    yield "tick"


class Whole(PythonTask):
    """Do all of it in a method."""

    name = "func.whole"
    number: int

    def run(self, context: Context) -> str:
        return f"{self.number} for {context.owner}"


@task(name="func.fails")
def fails(how: str) -> None:
    """Fail in one of many ways."""
    print("before", flush=True)
    match how:
        case "error":
            raise ValueError("no such album")
        case "said":
            raise TaskError("The album is empty")
        case "exit":
            sys.exit(3)
        case "text":
            sys.exit("no such album")
        case "leave":
            os._exit(7)
        case "crash":
            ctypes.string_at(0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "memory":
            raise MemoryError
        case "nonsense":
            return object()  # type: ignore[return-value]


@task(name="func.waits", grace=5.0)
def waits(mark: str, stubborn: bool = False) -> None:
    """Wait, and say how that ended."""
    path = Path(mark)
    path.with_suffix(".began").touch()
    try:
        while True:
            try:
                time.sleep(600)
            except Cancelled:
                if not stubborn:
                    raise
    finally:
        path.with_suffix(".cleaned").touch()


@task(name="func.awaits", grace=5.0)
async def awaits(mark: str) -> None:
    """Wait in a coroutine, and say how that ended."""
    path = Path(mark)
    path.with_suffix(".began").touch()
    try:
        await asyncio.sleep(600)
    finally:
        path.with_suffix(".cleaned").touch()


@task(name="func.loops", grace=0.5)
def loops(mark: str) -> None:
    """Never return from C."""
    Path(mark).with_suffix(".began").touch()
    sum(range(10**18))


@task(name="func.prints")
def prints() -> None:
    """Print on all ways."""
    print("from print")
    os.write(1, b"from below\n")
    ctypes.CDLL(None).puts(b"from C")
    subprocess.run(["echo", "from a child"], check=True)
    sys.stderr.write("an error\n")
    print("x" * 300_000)
    print("no end", end="")


@task(name="func.leaves")
def leaves(what: str) -> list[int]:
    """Leave something behind."""
    pids = []
    match what:
        case "thread":
            threading.Thread(target=threading.Event().wait).start()
        case "child":
            pids.append(subprocess.Popen(["sleep", "600"]).pid)
        case "daemon":
            script = "setsid sleep 600 >/dev/null & echo $!"
            pids.append(int(subprocess.check_output(["sh", "-c", script], text=True).split()[0]))
        case "fork":
            pids.append(os.fork() or _sleep())
        case "environment":
            os.environ["COLOUR"] = "red"
        case "directory":
            os.chdir("/")
        case "umask":
            os.umask(0o777)
        case "signals":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        case "streams":
            sys.stdout.close()
        case "file":
            Path("rubbish").touch()
        case "open files":
            for _ in range(10):
                os.open(os.devnull, os.O_RDONLY)
    return pids


def _sleep() -> int:
    os.setsid()
    time.sleep(600)
    return 0


@task(name="func.looks")
def looks() -> dict[str, Any]:
    """Tell what the surroundings are like."""
    print("clean")
    umask = os.umask(0)
    os.umask(umask)
    return {
        "content": os.listdir(),
        "colour": os.environ.get("COLOUR"),
        "umask": umask,
        "term": signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL),
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "threads": threading.active_count(),
    }


@task(name="func.family")
def family(mark: str) -> None:
    """Start children of several kinds, and wait."""
    child = subprocess.Popen(["sleep", "600"])
    script = "trap '' TERM; setsid sleep 600 & echo $!; exec 1>&-; sleep 600"
    stubborn = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert stubborn.stdout is not None
    daemon = int(stubborn.stdout.readline())
    Path(mark).write_text(json.dumps([os.getpid(), child.pid, stubborn.pid, daemon]))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


@task(name="func.eats", limits=Limits(memory=100_000_000))
def eats(size: int) -> int:
    """Use memory until somebody minds."""
    hog = b"x" * size
    deadline = time.monotonic() + (2 if size > 100_000_000 else 0)
    while time.monotonic() < deadline:
        time.sleep(0.05)
    return len(hog)


@task(name="func.swells")
def swells(size: int) -> int:
    """Use memory, and keep it."""
    KEPT.append(b"x" * size)
    return size


@task(name="func.breeds")
def breeds(count: int) -> None:
    """Start children, and wait for them a while."""
    children = [subprocess.Popen(["sleep", "2" if count > 5 else "0.1"]) for _ in range(count)]
    for child in children:
        child.wait()


@task(name="func.burns", limits=Limits(cpu=1.0))
def burns(seconds: float) -> float:
    """Use the processor."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return seconds


@task(name="func.opens", limits=Limits(open_files=40))
def opens(count: int) -> int:
    """Open files."""
    return len([open(os.devnull) for _ in range(count)])


class Prepared(CommandTask):
    """Print a file that the task itself has made before."""

    name = "func.prepared"
    text: str
    mark: str = ""
    command = ("cat", "made.txt")
    grace = 5.0

    def prepare(self, context: Context) -> None:
        print("preparing")
        if not self.text:
            raise TaskError("There is nothing to print")
        (context.directory / "made.txt").write_text(f"{self.text} for {context.owner}\n")
        if self.mark:
            waits(self.mark)


class Parsed(CommandTask):
    """Make a result of what was printed, in the worker."""

    name = "func.parsed"
    text: str
    command = ("echo", Value("text"))

    def parse_result(self, output: Output) -> Any:
        if self.text == "loop":
            while True:
                pass
        if self.text == "bad":
            raise ValueError("nothing to be made of this")
        return {"printed": output.stdout.decode(), "pid": os.getpid(), "text": self.text}


@task(name="func.repeats")
def repeats(text: str, count: int) -> str:
    """Return a long text."""
    return text * count


@task(name="func.environment")
def environment() -> dict[str, str]:
    """Tell the variables that a child would find."""
    printed = subprocess.check_output(["env", "-0"])
    found = printed.decode(errors="backslashreplace").split("\0")
    return dict(each.split("=", 1) for each in found if each)


@task(name="func.floods", limits=Limits(output=100_000, overflow="fail"))
def floods() -> None:
    """Print without end."""
    while True:
        print("x" * 1_000)
