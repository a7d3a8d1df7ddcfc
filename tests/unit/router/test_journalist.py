"""What the router says for the audit log gets there, in order and once, however long that takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, succeed

from taskrealm.access.tally import PER_KIND
from taskrealm.router import journalist as module
from taskrealm.router.journalist import Journalist

if TYPE_CHECKING:
    from collections.abc import Callable


class World:
    """An executor that may be away, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.is_there = True
        self.told: list[dict[str, Any]] = []
        self.tries = 0
        self.timers: list[Callable[[], object]] = []
        self.journalist = Journalist(self.tell, lambda _, function: self.timers.append(function))

    def tell(self, records: list[dict[str, Any]]) -> Deferred[Any]:
        self.tries += 1
        if not self.is_there:
            return fail(RuntimeError("no such procedure"))
        self.told += records
        return succeed(len(records))

    def go_on(self, rounds: int = 3) -> None:
        """Let the time of everything come that waits for its time."""
        for _ in range(rounds):
            timers, self.timers = self.timers, []
            for each in timers:
                each()


def session(number: int, authid: str = "ann") -> Any:
    extra = {"address": "192.0.2.1", "method": "token", "token": "ab", "secret": "hidden"}
    return SimpleNamespace(_session_id=number, _authid=authid, _authrole="user", _authextra=extra)


def test_a_join_is_told_with_who_how_and_from_where_and_nothing_else() -> None:
    world = World()
    world.journalist.joined(session(7))
    world.go_on()

    [told] = world.told
    assert told.pop("at")
    assert told == {
        "actor": "ann",
        "role": "user",
        "owner": None,
        "action": "join",
        "object": "7",
        "address": "192.0.2.1",
        "outcome": "ok",
        "detail": {"method": "token", "token": "ab"},
    }


def test_what_nobody_takes_is_kept_and_told_once_in_order() -> None:
    world = World()
    world.is_there = False
    for number in range(1_200):
        world.journalist.joined(session(number, f"user {number}"))
    world.go_on(5)
    assert world.tries == 5
    world.is_there = True
    world.go_on(10)

    assert [each["object"] for each in world.told] == [str(number) for number in range(1_200)]
    assert not world.timers


def test_an_answer_that_never_comes_holds_up_nothing_else() -> None:
    world = World()
    world.journalist._tell = lambda _: Deferred()
    world.journalist.joined(session(1))
    world.go_on()
    world.journalist.joined(session(2))

    assert len(world.journalist._kept) == 2


def test_of_too_much_it_is_told_how_much_was_lost(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "KEPT_MOST", 10)
    world = World()
    world.is_there = False
    for number in range(15):
        world.journalist.joined(session(number, f"user {number}"))
    world.is_there = True
    world.go_on(10)

    assert [each["object"] for each in world.told[:10]] == [str(number) for number in range(10)]
    assert (world.told[10]["action"], world.told[10]["detail"]) == ("audit", {"lost": 5})


def test_a_flood_of_the_same_is_counted() -> None:
    world = World()
    for number in range(1_000):
        world.journalist.turned_away(f"name {number}", "192.0.2.1", "ticket", "invalid_token")
        world.journalist.decided(session(1, "eve"), f"a.{number}", "call", False)
    world.go_on(5)

    counted = [each["detail"]["count"] for each in world.told if "count" in each["detail"]]
    assert counted == [1_000 - PER_KIND] * 2
    assert len(world.told) == 2 * PER_KIND + 2


def test_who_listens_to_others_is_told_and_who_listens_to_itself_is_not() -> None:
    world = World()
    root = session(1, "root")
    for topic in ("taskrealm.user.", "taskrealm.user.uozzw6.jobs", "taskrealm.catalog"):
        world.journalist.decided(root, topic, "subscribe", True)
    world.journalist.decided(root, "taskrealm.tasks", "call", True)
    own = f"taskrealm.user.{module.uid_of('root')}.jobs"
    world.journalist.decided(root, own, "subscribe", True)
    world.go_on()

    assert [each["object"] for each in world.told] == [
        "taskrealm.user.",
        "taskrealm.user.uozzw6.jobs",
    ]


def test_nothing_that_sessions_send_makes_it_fail() -> None:
    world = World()
    world.journalist.turned_away(None, None, object(), "internal")
    world.journalist.turned_away("x" * 10_000, "y" * 10_000, {"a": 1}, "invalid_token")
    world.journalist.decided(session(1), "\ud800", "call", False)
    world.journalist.decided(SimpleNamespace(_authid={"no": "text"}), "a", "call", False)
    world.go_on()

    assert [each["object"] for each in world.told] == [
        None,
        "x" * module.TEXT_LIMIT,
        "\\ud800",
    ]
