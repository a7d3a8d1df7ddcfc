"""External programs: what is run, and why it could not be started."""

from __future__ import annotations

import errno
import functools
import os
import resource
import signal
import termios
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from ..protocol.values import value
from ..tasks import Limits, Terminal
from . import vfork
from .trees import COOKIE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

MORE_DISPENSABLE = 500  # than this process is a program, of 1000 (oom_score_adj)
NO_LIMITS = Limits()
RESTORED = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


@value
class Program:
    """
    One external program with everything that it is given.

    `argv[0]` is looked up in the PATH of `environment`, which is complete: nothing else is
    inherited. `directory` is the working directory. `cookie` marks the program and all that
    it starts, as the variable `TASKREALM_COOKIE`; it has the form
    `<node id>.<job_id>.<attempt>`, and no two programs that run at once may share one.
    `limits` hold for the program and all that it starts; those of output are not the
    engine's.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    cookie: str
    limits: Limits = NO_LIMITS
    stdin: bytes = field(default=b"", repr=False)
    """What it reads from its standard input."""
    channel: int | None = None
    """One end of a socket, which is its standard input instead."""
    terminal: Terminal | None = None
    """What standard output and standard error are together, instead of two pipes."""


SHORTAGES = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Errors of a machine that has too few processes, files or memory just now."""


class SpawnFailed(Exception):
    """A program could not be started; `str()` tells a person why."""

    @property
    def is_shortage(self) -> bool:
        """Whether the same program may well start later."""
        return isinstance(self.__cause__, OSError) and self.__cause__.errno in SHORTAGES


class Spawned(NamedTuple):
    """A program that runs: its main process, not reaped yet, and what we hold of it."""

    pid: int
    pidfd: int
    stdout: int
    """Our end of its standard output, which never blocks; likewise `stderr`."""
    stderr: int | None
    """None if its standard error is the same terminal as its standard output."""


def spawn(program: Program) -> Spawned:
    """
    Start *program* in a session of its own.

    Raises:
        SpawnFailed: The program does not run.
    """
    ends: list[int] = []
    try:
        stdout, stdout_in, stderr, stderr_in = _streams(program.terminal, ends)
        stdin = _nothing() if program.channel is None else program.channel
        if program.stdin:
            stdin = _held(program.stdin)
            ends.append(stdin)
        pid = vfork.start(
            program.argv,
            {**program.environment, COOKIE: program.cookie},
            os.fspath(program.directory),
            (stdin, stdout_in, stderr_in),
        )
        try:
            pidfd = os.pidfd_open(pid)
            ends.append(pidfd)
            _offer_to_kernel(pid)
            limit_files(pid, program.limits.open_files)
        except OSError:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
    except BaseException as error:
        for end in ends:
            os.close(end)
        if isinstance(error, OSError | ValueError):
            raise SpawnFailed(reason(error, program)) from error
        raise
    for end in {stdout_in, stderr_in, *([stdin] if program.stdin else [])}:
        os.close(end)
    return Spawned(pid, pidfd, stdout, stderr)


@functools.cache
def _nothing() -> int:
    """What programs read that are given nothing; it stays open."""
    return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


def _held(data: bytes) -> int:
    """A file in memory that holds *data*: nobody has to feed the program, nor wait for it."""
    file = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as stream:
            stream.write(data)
        os.lseek(file, 0, os.SEEK_SET)
    except BaseException:
        os.close(file)
        raise
    return file


def _streams(terminal: Terminal | None, ends: list[int]) -> tuple[int, int, int | None, int]:
    """
    Our end and the program's end of its standard output, and the same of its standard error.

    Each is put among *ends* as soon as it is open.
    """
    if terminal is None:
        ends += os.pipe()
        ends += os.pipe()
        stdout, stdout_in, stderr, stderr_in = ends
        os.set_blocking(stderr, False)
    else:
        # It does not become the controlling terminal, for that takes a step in the child.
        ends += os.openpty()
        stdout, stdout_in = ends
        stderr, stderr_in = None, stdout_in
        termios.tcsetwinsize(stdout_in, (terminal.lines, terminal.columns))
        # Lines end as the program ends them: nobody needs the carriage returns.
        attributes = termios.tcgetattr(stdout_in)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(stdout_in, termios.TCSANOW, attributes)
    os.set_blocking(stdout, False)
    return stdout, stdout_in, stderr, stderr_in


def _offer_to_kernel(pid: int) -> None:
    """Let the kernel, when it runs out of memory, rather end this program than this process."""
    try:
        file = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, _dispensability())
        finally:
            os.close(file)
    except (PermissionError, ProcessLookupError):
        pass  # it belongs to another user by now (setuid), or has ended


@functools.cache
def _dispensability() -> bytes:
    with open("/proc/self/oom_score_adj", "rb") as file:
        return b"%d" % min(int(file.read()) + MORE_DISPENSABLE, 1_000)


def limit_files(pid: int, count: int | None) -> None:
    """
    Let a process have at most *count* files open, for ever; None changes nothing.

    Raises:
        PermissionError: It runs as another user.
    """
    if count is None:
        return
    try:
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        count = count if most == resource.RLIM_INFINITY else min(count, most)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, count))
    except ProcessLookupError:
        # It has ended.
        return
    except PermissionError:
        reason = "it runs as another user, so that its open files cannot be limited"
        raise PermissionError(errno.EPERM, reason) from None


def unmask_signals() -> None:
    """
    See to it that programs start with no signal ignored or blocked.

    Being ignored or blocked is inherited, being handled is not: what was ignored is from
    now on handled by doing nothing. To be called in the main thread, before other threads.
    """
    for number in signal.valid_signals():
        # What Python itself ignores, `vfork.start` restores.
        if signal.getsignal(number) is signal.SIG_IGN and number not in RESTORED:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Handle a signal."""


def reason(error: OSError | ValueError, program: Program) -> str:
    """Why *program* could not be started, as a sentence without any of its arguments."""
    name = program.argv[0]
    if not isinstance(error, OSError):
        return f"The arguments or the environment of {name} cannot be passed on: {error}"
    if error.filename == os.fspath(program.directory) != name:
        return f"The working directory {program.directory} cannot be used: {error.strerror}"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return _missing(program)
        case errno.EACCES:
            return _forbidden(program)
        case errno.ENOEXEC:
            return (
                f"{_find(program) or name} is neither a program for this machine nor a script"
                " that begins with #! and its interpreter"
            )
        case errno.E2BIG:
            longest = max(len(os.fsencode(argument)) for argument in program.argv)
            return (
                f"The arguments or the environment of {name} are too long: the longest argument"
                f" has {longest} bytes, and no more than 131071 are possible"
            )
        case number if number in SHORTAGES:
            return f"{name} could not be started just now: {error.strerror}"
        case _:
            return f"{name} could not be started: {error.strerror}"


def _missing(program: Program) -> str:
    name = program.argv[0]
    file = _find(program)
    if file is not None:
        interpreter = _interpreter(file) or "or loader"
        return f"{file} cannot be run: its interpreter {interpreter} does not exist"
    if "/" in name:
        return f"The program {name} does not exist"
    path = os.pathsep.join(os.get_exec_path(program.environment))
    return f"The program {name} is not in the PATH of the job, which is {path}"


def _forbidden(program: Program) -> str:
    file = _find(program)
    if file is not None and file.is_dir():
        return f"{file} is a directory, not a program"
    if file is not None and not os.access(file, os.X_OK):
        return f"{file} is not executable; chmod +x makes it so"
    if file is not None and (interpreter := _interpreter(file)):
        return f"{file} cannot be run: its interpreter {interpreter} is not executable"
    return f"{program.argv[0]} could not be started: permission denied"


def _find(program: Program) -> Path | None:
    """The first existing file that the name of *program* may mean."""
    name = program.argv[0]
    folders = ["."] if "/" in name else os.get_exec_path(program.environment)
    candidates = (program.directory / folder / name for folder in folders)
    return next((file for file in candidates if os.path.exists(file)), None)


def _interpreter(file: Path) -> str | None:
    """The interpreter that a script names in its first line."""
    try:
        with file.open("rb") as script:
            line = script.readline(256)
    except OSError:
        return None
    words = line[2:].split()
    return os.fsdecode(words[0]) if line.startswith(b"#!") and words else None
