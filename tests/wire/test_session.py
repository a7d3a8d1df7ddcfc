"""What a session promises to whoever calls, offers, publishes and subscribes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from typing import TYPE_CHECKING, Any

import pytest
from autobahn.wamp import message as wamp

from taskrealm.protocol import errors
from taskrealm.wire import Call, Disconnected, Session

from .realm import MESSAGE_SIZE

if TYPE_CHECKING:
    from .conftest import Enter
    from .line import Line
    from .realm import Realm

PATIENCE = 30.0  # seconds


async def soon(what: Any) -> Any:
    """The result of *what*, which must not let us wait."""
    async with asyncio.timeout(PATIENCE):
        return await what


@pytest.mark.parametrize("serializer", ["cbor", "msgpack", "json"])
@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_values_cross_every_transport_in_every_serializer(
    enter: Enter, realm: Realm, transport: str, serializer: str
) -> None:
    url = realm.ws if transport == "ws" else realm.unix
    callee = await enter("executor", url, serializer=serializer)
    caller = await enter("ana", url, serializer=serializer)
    value = {
        "text": "äöü 🎬",
        "numbers": [0, -1, 2**53, 0.5],
        "nothing": None,
        "truth": [True, False],
    }
    await callee.register("taskrealm.test.echo", lambda _call, *args, **kwargs: [args, kwargs])

    assert await caller.call("taskrealm.test.echo", value, "", key=value) == [
        [value, ""],
        {"key": value},
    ]


async def test_a_handler_knows_who_calls(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    await callee.register(
        "taskrealm.test.who", lambda call: [call.caller, call.authid, call.authrole, call.forwarded]
    )

    assert await caller.call("taskrealm.test.who") == [caller.session_id, "ana", "user", False]


async def test_a_caller_whom_the_router_does_not_disclose_is_refused(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("nobody_in_particular")
    await callee.register("taskrealm.test.who", lambda _call: "somebody")

    with pytest.raises(errors.NotAuthorized, match="does not disclose"):
        await caller.call("taskrealm.test.who")


async def test_a_forged_origin_is_shown_to_the_handler(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    await callee.register("taskrealm.test.forged", lambda call: call.forwarded)
    forged = [{"session": 1, "authid": "root", "authrole": "operator"}]
    # No public way leads to such a message, so it is made by hand.
    call = wamp.Call(caller._next_request(), "taskrealm.test.forged", forward_for=forged)

    assert await caller._ask(call) is True


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
async def test_an_error_arrives_as_the_class_it_was_raised(enter: Enter, is_async: bool) -> None:
    callee, caller = await enter("executor"), await enter("ana")

    def refuse(_call: Call) -> None:
        raise errors.QueueFull(limit=7)

    async def refuse_later(_call: Call) -> None:
        raise errors.QueueFull(limit=7)

    await callee.register("taskrealm.test.refuse", refuse_later if is_async else refuse)

    with pytest.raises(errors.QueueFull, match="already holds 7 jobs") as caught:
        await caller.call("taskrealm.test.refuse")
    assert caught.value.limit == 7


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
async def test_of_an_unexpected_exception_the_caller_learns_only_a_reference(
    enter: Enter, is_async: bool
) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    told = []
    callee.on_error = lambda *failure: told.append(failure)

    def fail(_call: Call) -> None:
        raise TypeError("the password is hunter2")

    async def fail_later(_call: Call) -> None:
        fail(_call)

    await callee.register("taskrealm.test.fail", fail_later if is_async else fail)

    with pytest.raises(errors.Internal) as caught:
        await caller.call("taskrealm.test.fail")
    [(uri, error, reference)] = told
    assert uri == "taskrealm.test.fail"
    assert str(error) == "the password is hunter2"
    assert reference == caught.value.reference
    assert "hunter2" not in str(vars(caught.value))


async def test_a_failure_is_logged_with_its_traceback(
    enter: Enter, caplog: pytest.LogCaptureFixture
) -> None:
    callee, caller = await enter("executor"), await enter("ana")

    def fail(_call: Call) -> None:
        raise RuntimeError("broken")

    await callee.register("taskrealm.test.log", fail)
    with pytest.raises(errors.Internal) as caught:
        await caller.call("taskrealm.test.log")

    [record] = caplog.records
    assert record.getMessage() == f"taskrealm.test.log failed (reference {caught.value.reference})"
    assert record.exc_info


async def test_wrong_arguments_are_named(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")

    def run(_call: Call, task: str, *, priority: int = 0) -> None:
        raise AssertionError

    await callee.register("taskrealm.test.run", run)

    with pytest.raises(errors.InvalidArguments) as caught:
        await caller.call("taskrealm.test.run", prioritty=1)
    assert caught.value.fields == {
        "prioritty": "is not an argument of this procedure",
        "task": "is required",
    }


class Overheard:
    """Notes the kinds of messages that reach a session, in the order of their arrival."""

    def __init__(self, session: Session) -> None:
        self.kinds: list[str] = []
        self._session = session
        session._transport.receiver = self

    def opened(self, transport: Any) -> None:
        self._session.opened(transport)

    def received(self, message: Any) -> None:
        self.kinds.append(type(message).__name__)
        self._session.received(message)

    def closed(self, reason: str) -> None:
        self._session.closed(reason)


@pytest.mark.parametrize("how", ["function", "coroutine", "error"])
@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_what_is_published_after_the_answer_arrives_after_it(
    enter: Enter, realm: Realm, transport: str, how: str
) -> None:
    callee = await enter("executor")
    caller = await enter("ana", realm.ws if transport == "ws" else realm.unix)
    heard = asyncio.Event()

    def handle(call: Call) -> str:
        call.answered.add_done_callback(lambda _: callee.publish("taskrealm.test.order"))
        if how == "error":
            raise errors.Draining("No more")
        return "answer"

    async def handle_later(call: Call) -> str:
        await asyncio.sleep(0)
        return handle(call)

    await callee.register("taskrealm.test.order", handle_later if how == "coroutine" else handle)
    await caller.subscribe("taskrealm.test.order", heard.set)
    overheard = Overheard(caller)
    for _ in range(50):
        heard.clear()
        with contextlib.suppress(errors.Draining):
            await caller.call("taskrealm.test.order")
        await soon(heard.wait())

    assert overheard.kinds == ["Error" if how == "error" else "Result", "Event"] * 50


async def test_a_call_that_nobody_answers_is_unavailable(enter: Enter) -> None:
    caller = await enter("ana")

    with pytest.raises(errors.Unavailable, match="not there just now"):
        await caller.call("taskrealm.test.nobody")


async def test_a_call_whose_callee_dies_is_unavailable(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    reached = asyncio.Event()

    async def hang(_call: Call) -> None:
        reached.set()
        await asyncio.Event().wait()

    await callee.register("taskrealm.test.die", hang)
    call = asyncio.ensure_future(caller.call("taskrealm.test.die"))
    await soon(reached.wait())
    callee._transport.abort()

    with pytest.raises(errors.Unavailable, match="went away before it answered"):
        await soon(call)


@pytest.mark.capability("D9")
async def test_calls_in_flight_fail_when_the_line_is_cut(enter: Enter, line: Line) -> None:
    callee, caller = await enter("executor"), await enter("ana", line.ws)
    reached = asyncio.Event()

    async def hang(_call: Call) -> None:
        reached.set()
        await asyncio.Event().wait()

    await callee.register("taskrealm.test.cut", hang)
    calls = [asyncio.ensure_future(caller.call("taskrealm.test.cut")) for _ in range(3)]
    await soon(reached.wait())
    line.cut()

    for outcome in await soon(asyncio.gather(*calls, return_exceptions=True)):
        assert isinstance(outcome, Disconnected)
    assert "TCP connection" in await soon(caller.lost)


async def test_whoever_stops_waiting_cancels_the_call(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_call: Call) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    await callee.register("taskrealm.test.hang", hang)
    call = asyncio.ensure_future(caller.call("taskrealm.test.hang"))
    await soon(reached.wait())
    call.cancel()

    await soon(cancelled.wait())
    assert not caller.lost.done()


@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_an_argument_too_large_for_the_router_is_refused_and_the_session_lives_on(
    enter: Enter, realm: Realm, transport: str
) -> None:
    callee = await enter("executor")
    caller = await enter("ana", realm.ws if transport == "ws" else realm.unix)
    await callee.register("taskrealm.test.length", lambda _call, text: len(text))
    limit = MESSAGE_SIZE if transport == "ws" else 16 * 1024 * 1024
    fits = MESSAGE_SIZE - 100

    with pytest.raises(errors.TooLarge) as caught:
        await caller.call("taskrealm.test.length", "x" * limit)
    assert caught.value.limit == limit
    assert await caller.call("taskrealm.test.length", "x" * fits) == fits


@pytest.mark.parametrize("transport", ["ws", "unix"])
async def test_a_result_too_large_for_the_router_is_refused_and_the_callee_lives_on(
    enter: Enter, realm: Realm, transport: str
) -> None:
    callee = await enter("executor", realm.ws if transport == "ws" else realm.unix)
    caller = await enter("ana")
    await callee.register("taskrealm.test.produce", lambda _call, length: "x" * length)

    with pytest.raises(errors.TooLarge):
        await soon(caller.call("taskrealm.test.produce", 16 * 1024 * 1024))
    assert await caller.call("taskrealm.test.produce", 3) == "xxx"


async def test_a_result_too_large_for_its_caller_is_refused_and_both_live_on(
    enter: Enter, realm: Realm
) -> None:
    callee, caller = await enter("executor"), await enter("ana", realm.ws)
    await callee.register("taskrealm.test.produce", lambda _call, length: "x" * length)

    with pytest.raises(errors.TooLarge):
        await soon(caller.call("taskrealm.test.produce", MESSAGE_SIZE))
    assert await caller.call("taskrealm.test.produce", 3) == "xxx"


async def test_a_result_that_cannot_cross_the_wire_is_our_fault(enter: Enter) -> None:
    callee, caller = await enter("executor"), await enter("ana")
    told = []
    callee.on_error = lambda *failure: told.append(failure)
    await callee.register("taskrealm.test.object", lambda _call: object())

    with pytest.raises(errors.Internal):
        await caller.call("taskrealm.test.object")
    assert len(told) == 1
    assert not callee.lost.done()


async def test_an_argument_that_cannot_cross_the_wire_fails_at_the_caller(enter: Enter) -> None:
    caller = await enter("ana")

    with pytest.raises(Exception, match="object"):
        await caller.call("taskrealm.test.object", object())
    assert not caller.lost.done()


async def test_a_second_callee_is_told_that_the_procedure_is_taken(enter: Enter) -> None:
    first, second = await enter("executor"), await enter("executor")
    await first.register("taskrealm.test.taken", lambda _call: 1)

    with pytest.raises(errors.Unavailable, match="Another executor"):
        await second.register("taskrealm.test.taken", lambda _call: 2)


async def test_events_reach_subscribers_in_order(enter: Enter, realm: Realm) -> None:
    publisher, subscriber = await enter("executor"), await enter("ana", realm.ws)
    seen: list[int] = []
    complete = asyncio.Event()

    def see(number: int) -> None:
        seen.append(number)
        if number == 999:
            complete.set()

    await subscriber.subscribe("taskrealm.test.stream", see)
    for number in range(1_000):
        publisher.publish("taskrealm.test.stream", number)
    await soon(complete.wait())

    assert seen == list(range(1_000))


async def test_a_prefix_subscription_receives_all_topics_below(enter: Enter) -> None:
    publisher, subscriber = await enter("executor"), await enter("olga")
    seen: asyncio.Queue[str] = asyncio.Queue()
    await subscriber.subscribe("taskrealm.user.", seen.put_nowait, match="prefix")
    publisher.publish("taskrealm.user.uana.jobs", "ana")
    publisher.publish("taskrealm.user.uben.jobs", "ben")

    assert [await soon(seen.get()), await soon(seen.get())] == ["ana", "ben"]


async def test_only_the_eligible_receive(enter: Enter) -> None:
    publisher, ana, ben = await enter("executor"), await enter("ana"), await enter("ben")
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    await ana.subscribe("taskrealm.test.eligible", lambda text: seen.put_nowait(("ana", text)))
    await ben.subscribe("taskrealm.test.eligible", lambda text: seen.put_nowait(("ben", text)))
    publisher.publish("taskrealm.test.eligible", "nobody", eligible=[])
    publisher.publish("taskrealm.test.eligible", "nobody", eligible_authid=[])
    publisher.publish("taskrealm.test.eligible", "by session", eligible=[ana.session_id])
    publisher.publish("taskrealm.test.eligible", "by authid", eligible_authid=["ben"])

    received = {await soon(seen.get()), await soon(seen.get())}
    assert received == {("ana", "by session"), ("ben", "by authid")}
    assert seen.empty()


async def test_handlers_of_one_topic_come_and_go_independently(enter: Enter) -> None:
    publisher, subscriber = await enter("executor"), await enter("ana")
    other = await enter("ben")
    kept: asyncio.Queue[int] = asyncio.Queue()
    await other.subscribe("taskrealm.test.shared", lambda _: None)  # keeps the router's number
    first = await subscriber.subscribe("taskrealm.test.shared", kept.put_nowait)
    # Sent in one go, an end that overtook the new beginning would silence it.
    await asyncio.gather(
        first.cancel(), subscriber.subscribe("taskrealm.test.shared", kept.put_nowait)
    )
    publisher.publish("taskrealm.test.shared", 1)

    assert await soon(kept.get()) == 1
    assert kept.empty()


async def test_events_that_cross_the_end_of_a_subscription_do_no_harm(enter: Enter) -> None:
    publisher, subscriber = await enter("executor"), await enter("ana")
    for _ in range(20):
        subscription = await subscriber.subscribe("taskrealm.test.cross", lambda _: None)
        for number in range(100):
            publisher.publish("taskrealm.test.cross", number)
        await soon(subscription.cancel())

    assert not subscriber.lost.done()


async def test_a_subscription_ends_also_when_the_line_is_cut_meanwhile(
    enter: Enter, line: Line
) -> None:
    subscriber = await enter("ana", line.ws)
    subscription = await subscriber.subscribe("taskrealm.test.cut_off", lambda _: None)
    with line.silent():
        ending = asyncio.ensure_future(subscription.cancel())
        await asyncio.sleep(0)  # it has asked now
        line.cut()
        await soon(ending)

    assert subscriber.lost.done()


async def test_a_failing_subscriber_is_reported_and_the_others_still_receive(enter: Enter) -> None:
    publisher, subscriber = await enter("executor"), await enter("ana")
    told = []
    subscriber.on_error = lambda *failure: told.append(failure)
    seen: asyncio.Queue[int] = asyncio.Queue()

    def fail(_number: int) -> None:
        raise RuntimeError("broken")

    await subscriber.subscribe("taskrealm.test.failing", fail)
    await subscriber.subscribe("taskrealm.test.failing", seen.put_nowait)
    publisher.publish("taskrealm.test.failing", 1)

    assert await soon(seen.get()) == 1
    assert told[0][0] == "taskrealm.test.failing"


@pytest.mark.parametrize("what", ["call", "register", "subscribe"])
async def test_a_session_that_was_left_asks_for_nothing(enter: Enter, what: str) -> None:
    session = await enter("ana")
    await session.leave()

    with pytest.raises(Disconnected, match="was left"):
        await getattr(session, what)("taskrealm.test.lost", lambda *_: None)


async def test_a_session_that_was_left_publishes_nothing(enter: Enter) -> None:
    session = await enter("ana")
    await session.leave()

    with pytest.raises(Disconnected, match="was left"):
        session.publish("taskrealm.test.lost", 1)


async def test_a_session_ended_by_the_router_learns_why(enter: Enter) -> None:
    operator, session = await enter("olga"), await enter("ana")
    await operator.call(
        "wamp.session.kill", session.session_id, reason="taskrealm.kicked", message="Signed out"
    )

    assert await soon(session.lost) == "Signed out"


async def test_waiting_for_the_loss_can_be_given_up(enter: Enter) -> None:
    session = await enter("ana")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await session.lost
    await session.leave()

    assert await session.lost == "The session was left"


async def test_losing_a_session_prints_nothing(
    enter: Enter, line: Line, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    callee, caller = await enter("executor", line.ws), await enter("ana", line.ws)
    reached = asyncio.Event()

    async def answer_too_late(_call: Call) -> None:
        reached.set()
        await callee.lost
        raise errors.Draining("No more")

    await callee.register("taskrealm.test.quiet", answer_too_late)
    call = asyncio.ensure_future(caller.call("taskrealm.test.quiet"))
    await soon(reached.wait())
    line.cut()
    call.cancel()
    await soon(asyncio.gather(callee.lost, caller.lost))
    await callee.leave()
    await caller.leave()
    gc.collect()

    assert not caplog.records
    assert capfd.readouterr() == ("", "")
