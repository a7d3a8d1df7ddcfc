"""Asks the doorkeeper, and keeps one running."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from txaio import make_logger

from ..protocol.errors import InvalidToken, Unavailable
from .backoff import Backoff
from .logs import open_log

if TYPE_CHECKING:
    from ..settings import NodeFolder

IN_FLIGHT = 64  # questions that wait for an answer at the same time
START_LIMIT = 20.0  # seconds that a doorkeeper may take until it is ready
LINE_LIMIT = 65_536  # bytes of an answer
DOORKEEPER = "doorkeeper"
"""The name of its log."""
PROGRAM = f"{__package__}.doorkeeper"
"""The module that is run."""

log = make_logger()


class Door:
    """
    One doorkeeper, and the questions that it has not answered yet.

    A doorkeeper that leaves a question unanswered for too long is killed, and so is one that
    says what is no answer. Another one takes its place.
    """

    def __init__(self, folder: NodeFolder, *, limit: float) -> None:
        """*limit* is how long in seconds an answer may take."""
        self._folder = folder
        self._limit = limit
        self._backoff = Backoff()
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[Any, Any]] = {}
        self._process: Any = None

    def open(self) -> None:
        """Start the doorkeeper."""
        process = _Process(self)
        try:
            output = open_log(self._folder.log(DOORKEEPER))
            try:
                reactor.spawnProcess(
                    process,
                    sys.executable,
                    # -P: the node's folder holds names, such as `tasks`, that are no packages.
                    [sys.executable, "-P", "-m", PROGRAM, str(self._folder.root)],
                    env=os.environ,
                    path=str(self._folder.root),
                    childFDs={0: "w", 1: "r", 2: output},
                )
            finally:
                os.close(output)
        except OSError as error:
            self._open_later(f"cannot be started ({error})", 0.0)
        else:
            self._process = process

    def ask(self, kind: str, secret: str, **more: Any) -> Any:
        """
        A Deferred with the answer to the question of this *kind* about *secret*.

        It fails with:
            InvalidToken: The answer is no.
            Unavailable: There is no answer to be had just now.
        """
        if self._process is None or len(self._waiting) >= IN_FLIGHT:
            return fail(_unavailable())
        number = next(self._numbers)
        answer = Deferred()
        limit = self._limit if self._process.is_ready else self._limit + START_LIMIT
        self._waiting[number] = answer, reactor.callLater(limit, self._give_up)
        self._process.say({"id": number, "kind": kind, "secret": secret, **more})
        return answer

    def take(self, message: dict[str, Any]) -> None:
        """Pass an answer on to who waits for it."""
        answer, timer = self._waiting.pop(message["id"])
        timer.cancel()
        if "answer" in message:
            answer.callback(message["answer"])
        elif "refused" in message:
            answer.errback(Failure(InvalidToken(message["refused"])))
        else:
            answer.errback(Failure(_unavailable()))

    def ended(self, ran: float) -> None:
        """The doorkeeper is gone: nobody waits any longer, and another one starts soon."""
        self._process = None
        waiting, self._waiting = self._waiting, {}
        for answer, timer in waiting.values():
            if timer.active():
                timer.cancel()
            answer.errback(Failure(_unavailable()))
        self._open_later("has ended", ran)

    def _open_later(self, outcome: str, ran: float) -> None:
        delay = self._backoff.delay(ran)
        log.warn(  # noqa: G010 - txaio knows no other name
            "The doorkeeper {outcome}; it starts again in {delay:.1f} s",
            outcome=outcome,
            delay=delay,
        )
        reactor.callLater(delay, self.open)

    def _give_up(self) -> None:
        log.warn("The doorkeeper does not answer and is killed")  # noqa: G010
        self._process.kill()


class _Process(ProcessProtocol):  # type: ignore[misc]
    """A running doorkeeper."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._began = time.monotonic()
        self._heard = b""
        self.is_ready = False

    def say(self, message: dict[str, Any]) -> None:
        self.transport.write(f"{json.dumps(message)}\n".encode())

    def kill(self) -> None:
        if self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        *lines, self._heard = (self._heard + data).split(b"\n")
        try:
            for line in lines:
                message = json.loads(line)
                if message == {"ready": True}:
                    self.is_ready = True
                else:
                    self._door.take(message)
            if len(self._heard) > LINE_LIMIT:
                raise ValueError("a line without end")
        except (ValueError, TypeError, LookupError) as error:
            log.warn("The doorkeeper says what is no answer and is killed: {error}", error=error)  # noqa: G010
            self.kill()

    def processEnded(self, _reason: Any) -> None:
        self._door.ended(time.monotonic() - self._began)


def _unavailable() -> Unavailable:
    return Unavailable("Who you are cannot be checked just now; try again in a moment")
