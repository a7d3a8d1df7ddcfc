"""Running programs: their output, their end, and the end of all that they started."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import signal
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from .orphans import ORPHANS
from .programs import (
    Program,
    Spawned,
    SpawnFailed,
    limit_files,
    reason,
    spawn,
    unmask_signals,
)
from .status import status_of
from .trees import SCANNERS, Outrun, cookie_of, identity_of, kill_all, signal_all
from .watch import OutputWatch, Watch
from .watchdog import WATCHERS, Before, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..tasks import Limits
    from .status import Identity

CHUNK = 65_536  # bytes read of one stream before the loop turns to others
LAST_CHUNKS = 16  # read of a stream that does not end: as much as a pipe holds
DRAIN_LIMIT = 1.0  # seconds that the output may stay open after the end of the program
LOOK_INTERVAL = 0.01  # seconds between two looks at what a program left behind


def adopt_orphans(*, on_outrun: Callable[[], None] | None = None) -> None:
    """
    Make this process fit to start jobs: once, in its main thread, before the first one.

    It becomes the parent of whatever jobs leave behind, no program inherits that signals are
    ignored or blocked, and the threads that jobs are killed from run, even if no further one
    can be started when a job has used up all processes. From then on, what it starts in a
    session of its own other than by `Process.start` is taken for the remains of a job, and
    killed. *on_outrun* is called when a job starts processes faster than they can be killed
    one by one.

    Raises:
        OSError: The kernel does not list the children of a process, or cannot do this.
        RuntimeError: No more threads can be started.
    """
    ORPHANS.adopt()
    ORPHANS.on_outrun = on_outrun
    unmask_signals()
    SCANNERS.start()
    WATCHERS.start()


class Exit(NamedTuple):
    """
    How a program ended: with an exit code, or by a signal.

    Neither is known if something else in this process, against all rules, took it away.
    `leftovers` counts the processes that outlived the program and were killed. `excess`
    says which limit the program exceeded, if that was why it was killed.
    """

    code: int | None
    signal: int | None
    leftovers: int
    excess: str | None = None


class Observers(NamedTuple):
    """What looks after the programs of one loop."""

    watch: Watch
    output: OutputWatch
    watchdog: Watchdog

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Observers:
        """
        Those of *loop*, which last as long as the loop.

        Raises:
            OSError: It is the first use, and no more files can be opened.
        """
        observers = _OBSERVERS.get(loop)
        if observers is None:
            found = cls(Watch.of(loop), OutputWatch.of(loop), Watchdog.of(loop))
            observers = _OBSERVERS[loop] = found
        return observers


_OBSERVERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Observers] = WeakKeyDictionary()


class Process:
    """
    A running program and all that it starts.

    It has ended when its main process has ended, its output is read, and nothing that it
    started lives on in whatever group or session, with whatever parent.
    """

    def __init__(
        self,
        program: Program,
        spawned: Spawned,
        observers: Observers,
        on_output: Callable[[str, bytes], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.pid = spawned.pid
        self._cookie = program.cookie
        self._pidfd = spawned.pidfd
        self._streams = {spawned.stdout: "stdout"}
        if spawned.stderr is not None:
            self._streams[spawned.stderr] = "stderr"
        self._watch, self._output, self._watchdog = observers
        self._on_output = on_output
        self._loop = loop
        self._exit: Exit | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._has_exited = False
        self._drain: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._killed: set[Identity] = set()
        self._deadline: float | None = None
        self._ladder: asyncio.TimerHandle | None = None
        self._scans: set[asyncio.Future[set[Identity]]] = set()
        self._excess: str | None = None
        self._watchdog.watch(self.pid, self._cookie, program.limits, self._on_excess)
        ORPHANS.expect(self.pid, self._cookie, loop)
        self._watch.add(self._pidfd, self._on_exit)
        for stream in self._streams:
            self._output.add(stream, self._on_readable)

    @classmethod
    def start(cls, program: Program, on_output: Callable[[str, bytes], None]) -> Process:
        """
        Start *program* now, in the running loop.

        *on_output* is called in the loop's thread with `"stdout"` or `"stderr"` and the
        bytes, at most 64 KiB at a time, as they come.

        Raises:
            SpawnFailed: The program does not run.
            RuntimeError: `adopt_orphans` has not been called.
        """
        if not ORPHANS.are_adopted:
            raise RuntimeError("adopt_orphans() must be called before the first program starts")
        loop = asyncio.get_running_loop()
        try:
            observers = Observers.of(loop)
        except OSError as error:
            raise SpawnFailed(reason(error, program)) from error
        return cls(program, spawn(program), observers, on_output, loop)

    async def wait(self) -> Exit:
        """Wait until the program and all that it started have ended."""
        while self._exit is None:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter
        return self._exit

    @property
    def is_stopping(self) -> bool:
        """Whether it has been asked to end, or killed."""
        return self._deadline is not None

    def stop(self, *, grace: float) -> None:
        """
        Ask the program and all that it started to end, and kill what lives after *grace* seconds.

        Only the first call asks; a further one can shorten the grace, never lengthen it.
        """
        if self._exit is not None:
            return
        deadline = self._loop.time() + grace
        if self._deadline is None:
            # A stopped process acts on the first signal when the second one wakes it.
            self._signal(signal.SIGTERM, signal.SIGCONT)
        elif deadline >= self._deadline:
            return
        self._deadline = deadline
        _cancel(self._ladder)
        self._ladder = self._loop.call_at(deadline, self._signal, signal.SIGKILL)

    def limit(self, limits: Limits, *, memory: int = 0, exact_memory: int = 0) -> None:
        """
        Let *limits* hold from now on, and none of the earlier ones but that of open files.

        What the program has used up before does not count, of memory as much as is given.

        Raises:
            OSError: The open files of the program cannot be limited.
        """
        self._watchdog.forget(self.pid)
        limit_files(self.pid, limits.open_files)
        cpu = 0.0 if limits.cpu is None else status_of(self.pid).processor_time
        before = Before(cpu, memory, exact_memory)
        self._watchdog.watch(self.pid, self._cookie, limits, self._on_excess, before=before)

    def has_left(self) -> bool:
        """Whether what the program has started lives on without it; it may not end for that."""
        remains = ORPHANS.left_by(self.pid)
        return bool(remains.pids) or remains.unclear

    def read_on(self) -> None:
        """Read what has been printed by now."""
        for stream in _readable(self._streams):
            self._read_rest(stream)

    def kill(self) -> None:
        """Kill the program and all that it started."""
        now = self._loop.time()
        if self._exit is not None or (self._deadline is not None and self._deadline <= now):
            return
        self._deadline = now
        _cancel(self._ladder)
        self._signal(signal.SIGKILL)

    def _on_excess(self, sentence: str) -> None:
        self._excess = sentence
        self.kill()

    def _signal(self, *signals: signal.Signals) -> None:
        for number in signals:
            try:
                # The main process is not reaped yet, so that this is still its group.
                os.killpg(self.pid, number)
            except PermissionError:
                # All of it runs as another user (setuid); the others are still within reach.
                continue
        scan = self._loop.run_in_executor(SCANNERS, signal_all, self._has_escaped, *signals)
        self._scans.add(scan)
        scan.add_done_callback(self._scans.discard)

    def _is_offspring(self, pid: int) -> bool | None:
        """Whether *pid* stems from the main process; None if that cannot be told just now."""
        try:
            # The main process is not reaped yet, so that this is still its session.
            if os.getsid(pid) == self.pid:
                return pid != self.pid
        except ProcessLookupError:
            return False
        cookie = cookie_of(pid)
        return None if cookie is None else cookie == self._cookie

    def _has_escaped(self, pid: int) -> bool | None:
        """Whether *pid* stems from the main process and left its group."""
        try:
            return os.getpgid(pid) != self.pid and self._is_offspring(pid)
        except ProcessLookupError:
            return False

    def _on_readable(self, stream: int) -> bool:
        """Read once; whether there was something."""
        try:
            data = os.read(stream, CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            # That is how a terminal says that no program has it open any more.
            if error.errno != errno.EIO:
                raise
            data = b""
        if data:
            self._on_output(self._streams[stream], data)
            return True
        self._close(stream)
        if self._has_exited and not self._streams:
            self._on_drained()
        return False

    def _close(self, stream: int) -> None:
        del self._streams[stream]
        self._output.close(stream)

    def _on_exit(self, pidfd: int) -> None:
        self._watch.remove(pidfd)
        for stream in tuple(self._streams):
            # Most have no more to read than that they are at their end.
            self._output.look(stream)
        self._has_exited = True
        if self._streams:
            self._drain = self._loop.call_later(DRAIN_LIMIT, self._on_drained)
        else:
            self._on_drained()

    def _on_drained(self) -> None:
        _cancel(self._drain)
        if self._ending is not None:
            return
        if self._streams or self._scans or any(ORPHANS.left_by(self.pid)):
            self._ending = self._loop.create_task(self._end_remains())
        else:
            self._finish()

    async def _end_remains(self) -> None:
        try:
            await self._clear()
            self.read_on()
            while self._scans:
                await asyncio.wait(self._scans)
        finally:
            self._finish()

    async def _clear(self) -> None:
        """Let the remains use up the grace of a polite stop, then kill them."""
        while any(remains := ORPHANS.left_by(self.pid)):
            has_grace = self._deadline is not None and self._loop.time() < self._deadline
            if has_grace or (killed := await self._kill_all(remains.pids)) is None:
                await asyncio.sleep(LOOK_INTERVAL)
            elif killed <= self._killed:
                # They are stuck in the kernel or run as another user: no more can be done.
                ORPHANS.give_up(remains.pids)
            else:
                self._killed |= killed

    async def _kill_all(self, orphans: list[int]) -> set[Identity] | None:
        """Kill *orphans* and all that stems from the program; None to be called again."""
        if not orphans:
            return None
        try:
            killed = {pid: identity_of(pid) for pid in orphans}
        except OSError:
            # No more files can be opened just now.
            killed = {}
        for pid in orphans:
            try:
                # An orphan is our own child, and not reaped yet: its pid is still its own.
                os.kill(pid, signal.SIGKILL)
            except PermissionError:
                killed.pop(pid, None)
        try:
            # All at once, for those who watch over one another start again whoever dies alone.
            return await self._loop.run_in_executor(
                SCANNERS, kill_all, self._is_offspring, set(filter(None, killed.values()))
            )
        except OSError:
            return None
        except Outrun:
            if ORPHANS.on_outrun is not None:
                ORPHANS.on_outrun()
            return None

    def _read_rest(self, stream: int) -> None:
        for _ in range(LAST_CHUNKS):
            if stream not in self._streams or not self._on_readable(stream):
                break

    def _finish(self) -> None:
        for stream in list(self._streams):
            self._close(stream)
        _cancel(self._ladder)
        self._watchdog.forget(self.pid)
        code, number = self._reap()
        self._exit = Exit(code, number, len(self._killed), self._excess)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _reap(self) -> tuple[int | None, int | None]:
        try:
            status = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        except ChildProcessError:
            status = None
        ORPHANS.forget(self.pid)
        os.close(self._pidfd)
        if status is None:
            return None, None
        if status.si_code == os.CLD_EXITED:
            return status.si_status, None
        return None, status.si_status


def _readable(streams: Iterable[int]) -> list[int]:
    """Those of *streams* that something can be read of, or that are at their end."""
    look = select.poll()
    for stream in streams:
        look.register(stream, select.POLLIN)
    return [stream for stream, _ in look.poll(0)]


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
