"""One warm worker, as seen by the process that has started it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from .frames import Unpacker, packed
from .processes import Exit, Process
from .programs import NO_LIMITS, SpawnFailed
from .trees import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..tasks import Limits
    from .frames import Message
    from .programs import Program
    from .steps import Assignment

CHUNK = 65_536  # bytes read before the loop turns to others
LEAVE_LIMIT = 2.0  # seconds that a worker has to end once it should
LAST_WORDS = 500  # bytes of what it printed while it could not start, to be told
SPARE = 0.1  # of its memory a worker may grow and still be as good as new


class WarmWorker:
    """A process that runs one step after another, from its start to its end."""

    def __init__(
        self,
        program: Program,
        *,
        tasks: str,
        path: Sequence[str],
        on_free: Callable[[WarmWorker], None],
        on_gone: Callable[[WarmWorker], None],
    ) -> None:
        """
        *on_free* is called when it can take a step, *on_gone* when it has ended.

        Raises:
            SpawnFailed: It cannot be started.
        """
        self.steps = 0
        self.grown = 0  # bytes of memory, since it was ready
        self.is_ready = False
        self.trouble = ""
        """Why it could not start, if that is so."""
        self._on_free = on_free
        self._on_gone = on_gone
        self._assignment: Assignment | None = None
        self._files: int | None = None
        self._cookie = program.cookie
        self._environment: Mapping[str, str] = {}
        self._memory = self._exact_memory = 0  # bytes, when it was ready
        self._printed = bytearray()
        self._unsent = memoryview(b"")
        self._unpacker = Unpacker()
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None
        try:
            self._socket, theirs = socket.socketpair()
        except OSError as error:
            raise SpawnFailed(f"A worker cannot be started: {error.strerror}") from error
        try:
            self._socket.setblocking(False)
            program = replace(program, channel=theirs.fileno())
            self._process = Process.start(program, self._on_output)
        except SpawnFailed:
            self._socket.close()
            raise
        finally:
            theirs.close()
        # It lasts long, so that the loop may watch it by itself.
        self._loop.add_reader(self._socket.fileno(), self._on_readable)
        self._ended = asyncio.ensure_future(self._process.wait())
        self._ended.add_done_callback(self._on_end)
        self._send(packed({"tasks": [tasks], "path": list(path)}))

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def suits(self, limits: Limits) -> bool:
        """Whether a step with *limits* is as well off here as in a new worker."""
        if self._files not in (None, limits.open_files):
            return False
        # What an earlier step has left free, the next one would have besides its limit.
        return limits.memory is None or self.grown <= self._memory * SPARE

    def begin(self, assignment: Assignment) -> None:
        """Run the step of *assignment*; the worker must be free."""
        self._assignment = assignment
        assignment.begin(self._process)
        try:
            self._process.limit(
                assignment.work.limits,
                memory=self._memory + self.grown,
                exact_memory=self._exact_memory + self.grown,
            )
        except OSError as error:
            assignment.fail(SpawnFailed(f"The limits of the job cannot be set: {error.strerror}"))
            self._process.kill()
            return
        self._files = assignment.work.limits.open_files
        head = assignment.work.head
        environment = self._changed({**head["environment"], COOKIE: self._cookie})
        self._send(packed({**head, "environment": environment}, assignment.work.body))

    def let_go(self) -> None:
        """Let it end, now or after its step."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._deadline = self._loop.call_later(LEAVE_LIMIT, self._process.kill)

    def kill(self) -> None:
        """Kill it, and all that its step has started."""
        self._process.kill()

    async def wait(self) -> None:
        """Wait until it has ended."""
        await asyncio.wait([self._ended])

    def _changed(self, environment: Mapping[str, str]) -> dict[str, str | None]:
        """What the worker changes to have this *environment*; None for a variable that goes."""
        before, self._environment = self._environment, environment
        return {
            **dict.fromkeys(before.keys() - environment.keys()),
            **dict(environment.items() - before.items()),
        }

    def _on_output(self, stream: str, data: bytes) -> None:
        if self._assignment is not None:
            self._assignment.on_output(stream, data)
        elif not self.is_ready:
            self._printed += data
            del self._printed[:-LAST_WORDS]

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            # It ends, or something in it has closed the socket: then it is of no use.
            self.let_go()
            return
        try:
            for message in self._unpacker.feed(data):
                self._on_message(message)
        except (ValueError, KeyError):
            self._process.kill()

    def _on_message(self, message: Message) -> None:
        if self._assignment is not None:
            self._on_reply(self._assignment, message)
        elif message.head["ready"]:
            self.is_ready = True
            self._memory = message.head["memory"]
            self._exact_memory = message.head["exact_memory"]
            self._on_free(self)
        else:
            self.trouble = message.head["error"]
            self.let_go()

    def _on_reply(self, assignment: Assignment, message: Message) -> None:
        # All that the step has printed was written before.
        self._process.read_on()
        self.steps += 1
        self.grown = message.head["memory"] - self._memory
        assignment.reply = message
        if message.head["left"] or self._process.is_stopping or self._process.has_left():
            # It ends with the worker, and what it has left ends as well.
            self.let_go()
            return
        self._process.limit(NO_LIMITS)
        self._assignment = None
        assignment.settle(Exit(0, None, 0))
        self._on_free(self)

    def _on_end(self, ended: asyncio.Future[Exit]) -> None:
        self.let_go()
        if self._deadline is not None:
            self._deadline.cancel()
        exit = ended.result()
        if not self.is_ready and not self.trouble:
            words = self._printed.decode(errors="replace").strip().rpartition("\n")[2]
            self.trouble = f"A worker ended while it loaded the tasks: {words or exit}"
        if self._assignment is not None:
            self._assignment.settle(exit)
        self._on_gone(self)

    def _send(self, data: bytes) -> None:
        self._unsent = memoryview(data)
        self._send_more()
        if self._unsent:
            self._loop.add_writer(self._socket.fileno(), self._send_rest)

    def _send_rest(self) -> None:
        self._send_more()
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())

    def _send_more(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            # It has ended, which is noticed elsewhere.
            self._unsent = memoryview(b"")
