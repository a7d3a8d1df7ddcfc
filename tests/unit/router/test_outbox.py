"""What connections are given is sent at the end of the turn, whole and in order, slow ones or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from taskrealm.router import outbox as module
from taskrealm.router.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable


class Reactor:
    """Remembers who waits for the kernel, and what comes in the next turn."""

    def __init__(self) -> None:
        self.writers: list[Connection] = []
        self.next: list[Callable[[], object]] = []

    def callLater(self, _seconds: float, function: Callable[[], object]) -> None:
        self.next.append(function)

    def addWriter(self, connection: Connection) -> None:
        self.writers.append(connection)

    def turn(self) -> None:
        functions, self.next = self.next, []
        for each in functions:
            each()


class Connection:
    """A connection that sends as much at once as it has *room* for."""

    connected = 1

    def __init__(self, outbox: Outbox, room: int = 100) -> None:
        self.dataBuffer = b""
        self.given = b""
        self.sent = b""
        self.is_aborted = False
        self._outbox = outbox
        self._room = room

    def write(self, data: bytes) -> None:
        self.given += data
        self._outbox.add(self)

    def doWrite(self) -> Any:
        data, self.given = self.dataBuffer + self.given, b""
        self.sent += data[: self._room]
        self.dataBuffer = data[self._room :]

    def abortConnection(self) -> None:
        self.is_aborted = True


class Broken(Connection):
    """A connection whose producer fails."""

    def doWrite(self) -> Any:
        raise RuntimeError


def world() -> tuple[Reactor, Outbox]:
    reactor = Reactor()
    return reactor, Outbox(reactor)


def test_what_is_given_in_one_turn_is_sent_together_without_asking_the_kernel() -> None:
    reactor, outbox = world()
    one, other = Connection(outbox), Connection(outbox)
    one.write(b"a")
    other.write(b"x")
    one.write(b"b")
    assert len(reactor.next) == 1
    reactor.turn()

    assert (one.sent, other.sent) == (b"ab", b"x")
    assert not reactor.writers


def test_who_is_given_more_than_the_kernel_takes_waits_for_it() -> None:
    reactor, outbox = world()
    slow = Connection(outbox, room=1)
    slow.write(b"abc")
    reactor.turn()
    slow.write(b"d")

    assert slow.sent == b"a"
    assert reactor.writers == [slow, slow]
    assert not reactor.next


def test_who_has_gone_meanwhile_is_sent_nothing() -> None:
    reactor, outbox = world()
    gone = Connection(outbox)
    gone.write(b"a")
    gone.connected = 0
    reactor.turn()

    assert not gone.sent
    assert not reactor.writers


def test_one_that_fails_holds_up_no_other(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "log", SimpleNamespace(failure=lambda _: None))
    reactor, outbox = world()
    broken, sound = Broken(outbox), Connection(outbox)
    broken.write(b"a")
    sound.write(b"b")
    reactor.turn()

    assert broken.is_aborted
    assert sound.sent == b"b"
