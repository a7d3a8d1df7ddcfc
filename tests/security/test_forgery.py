"""Nobody speaks for the executor, the router, or another session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import (
    CALL,
    ERROR,
    INVOCATION,
    PUBLISH,
    REGISTER,
    SUBSCRIBE,
    YIELD,
    Refused,
)
from tests.security.evidence import (
    INVALID_URI,
    NO_SUCH_PROCEDURE,
    NOT_AUTHORIZED,
    Evidence,
)
from tests.site import client

from taskrealm.protocol import uris
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from tests.nodes import Node

VICTIM, MALLORY = "victim_of_forgery", "mallory_forger"
ROLES = ("user", "backend", "operator")
CLAIM = [{"session": 1, "authid": "root", "authrole": "operator"}]

CANCEL, UNSUBSCRIBE, UNREGISTER = 49, 34, 66


@pytest.mark.capability("D5", "Z8")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("topic", "error"),
    [
        pytest.param(uris.jobs_topic(VICTIM), NOT_AUTHORIZED, id="another's events"),
        pytest.param(uris.jobs_topic(MALLORY), NOT_AUTHORIZED, id="the own events"),
        pytest.param(uris.output_topic(VICTIM, new_job_id()), NOT_AUTHORIZED, id="output"),
        pytest.param(uris.job_topic(VICTIM, new_job_id()), NOT_AUTHORIZED, id="a job's events"),
        pytest.param(uris.queue_topic(VICTIM), NOT_AUTHORIZED, id="places in the queue"),
        pytest.param(uris.CATALOG, NOT_AUTHORIZED, id="the catalog"),
        pytest.param("taskrealm.system.record", NOT_AUTHORIZED, id="the router's own"),
        pytest.param("com.example", NOT_AUTHORIZED, id="what is nobody's"),
        pytest.param("wamp.session.on_join", INVALID_URI, id="who joins"),
        pytest.param("wamp.session.on_leave", INVALID_URI, id="who leaves"),
        pytest.param("wamp.subscription.on_create", INVALID_URI, id="who listens"),
        pytest.param("crossbar.x", NOT_AUTHORIZED, id="Crossbar's own"),
    ],
)
async def test_nobody_outside_publishes_on(site: Node, role: str, topic: str, error: str) -> None:
    async with await site.user(MALLORY, role) as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.publish(topic, [{"type": "succeeded"}])

        assert refusal.value.uri == error


@pytest.mark.capability("D5")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="without acknowledgement"),
        pytest.param({"acknowledge": True}, id="with acknowledgement"),
        pytest.param({"exclude_me": False}, id="also to the sender"),
        pytest.param({"retain": True}, id="to be kept for who comes later"),
        pytest.param({"eligible_authid": [VICTIM]}, id="to the victim alone"),
        pytest.param({"eligible_authrole": ["user", "operator"]}, id="to whole roles"),
        pytest.param({"eligible": []}, id="to nobody, which is everybody"),
        pytest.param({"exclude_authid": ["executor"]}, id="to all but the executor"),
    ],
)
async def test_a_forged_event_reaches_nobody(site: Node, options: dict[str, Any]) -> None:
    async with await site.user(VICTIM) as victim, await site.user(MALLORY) as mallory:
        await victim.subscribe(uris.jobs_topic(VICTIM), get_retained=True)
        for number, topic in enumerate((uris.jobs_topic(VICTIM), uris.CATALOG), 1):
            await mallory.send([PUBLISH, number, options, topic, ["forged"], {"forged": True}])
        # Its answer comes after the router has dealt with the publications.
        async with await site.user(MALLORY) as after:
            await after.call(uris.TASKS)
        await victim.call(uris.TASKS)

        assert not victim.unread
    async with await site.user(VICTIM) as late:
        await late.subscribe(uris.jobs_topic(VICTIM), get_retained=True)
        await late.call(uris.TASKS)

        assert not late.unread


REGISTRATIONS = [
    pytest.param({}, id="plainly"),
    pytest.param({"force_reregister": True}, id="by force"),
    pytest.param({"invoke": "roundrobin"}, id="as a share"),
    pytest.param({"invoke": "first", "force_reregister": True}, id="as the first, by force"),
    pytest.param({"match": "prefix"}, id="by prefix"),
    pytest.param({"match": "prefix", "force_reregister": True}, id="by prefix and force"),
    pytest.param({"match": "wildcard"}, id="by wildcard"),
]


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("options", REGISTRATIONS)
async def test_nobody_outside_registers(site: Node, role: str, options: dict[str, Any]) -> None:
    taken = ("procedure_already_exists", "procedure_exists_with_different_invocation_policy")
    procedures = (*uris.REGISTERED, "taskrealm.run.date", "taskrealm.run.new", "taskrealm.new")
    procedures += (uris.AUTHENTICATE, uris.AUTHORIZE, "taskrealm", "t", "com.example", "wamp.x")
    if "match" not in options:
        procedures = tuple(each for each in procedures if not each.endswith("."))
    async with await site.user(MALLORY, role) as mallory:
        for procedure in procedures:
            with pytest.raises(Refused) as refusal:
                await mallory.register(procedure, **options)

            error = refusal.value.uri
            assert error in (NOT_AUTHORIZED, INVALID_URI) or error.endswith(taken), procedure
        answered = await mallory.call(uris.TASKS)

        assert {task["name"] for task in answered} >= {"date"}


@pytest.mark.capability("Z8")
async def test_a_task_as_a_procedure_goes_to_the_executor_whatever_was_tried(site: Node) -> None:
    async with await site.user(MALLORY) as mallory, client(site, VICTIM) as victim:
        for options in ({}, {"force_reregister": True}, {"match": "wildcard"}):
            with pytest.raises(Refused):
                await mallory.register("taskrealm.run.probe.printed", **options)
        async with await site.user(VICTIM) as plain:
            result = await plain.call("taskrealm.run.probe.printed", text="mine")
        await mallory.call(uris.TASKS)

        assert result is not None
        assert not mallory.unread
        assert victim


MESSAGES = [
    pytest.param([CALL, 1, {"forward_for": CLAIM}, uris.TASKS], id="CALL"),
    pytest.param([CALL, 1, {"forward_for": CLAIM}, "com.example"], id="CALL of what is nobody's"),
    pytest.param([PUBLISH, 1, {"forward_for": CLAIM}, uris.CATALOG], id="PUBLISH"),
    pytest.param([SUBSCRIBE, 1, {"forward_for": CLAIM}, uris.CATALOG], id="SUBSCRIBE"),
    pytest.param([REGISTER, 1, {"forward_for": CLAIM}, "taskrealm.new"], id="REGISTER"),
    pytest.param([YIELD, 1, {"forward_for": CLAIM}, ["x"]], id="YIELD"),
    pytest.param([ERROR, INVOCATION, 1, {"forward_for": CLAIM}, "a.b"], id="ERROR"),
    pytest.param([CANCEL, 1, {"forward_for": CLAIM, "mode": "kill"}], id="CANCEL"),
    pytest.param([UNSUBSCRIBE, 1, 1, {"forward_for": CLAIM}], id="UNSUBSCRIBE"),
    pytest.param([UNREGISTER, 1, 1, {"forward_for": CLAIM}], id="UNREGISTER"),
]


@pytest.mark.capability("D5", "Z8")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("message", MESSAGES)
async def test_who_claims_to_forward_for_another_loses_the_connection(
    site: Node, role: str, message: list[Any]
) -> None:
    evidence = Evidence(site)
    async with await site.user(MALLORY, role) as mallory:
        await mallory.send(message)
        answers = await mallory.until_closed()

    assert answers == []
    await evidence.shows("forward_for is not permitted")


@pytest.mark.parametrize(
    "options",
    [
        {"caller": 1, "caller_authid": "root", "caller_authrole": "operator"},
        {"disclose_me": False},
        {"authid": "root", "authrole": "operator"},
        {"x_authid": "root", "publisher": 1},
        {"forward_for": []},
    ],
    ids=repr,
)
async def test_no_option_of_a_call_changes_who_calls(node: Node, options: dict[str, Any]) -> None:
    async with await node.user(MALLORY) as mallory:
        seen = await mallory.call(uris.TASKS, options=options)

        assert (seen["caller_authid"], seen["caller_authrole"]) == (MALLORY, "user")
        assert seen["caller"] == mallory.session


@pytest.mark.capability("D5")
@pytest.mark.parametrize("kind", [YIELD, ERROR])
async def test_nobody_answers_a_call_that_was_made_to_the_executor(node: Node, kind: int) -> None:
    evidence = Evidence(node)
    async with await node.user(VICTIM) as victim, await node.user(MALLORY) as mallory:
        await victim.send([CALL, 7, {}, uris.TASKS, [], {"hold": True}])
        await victim.send([CALL, 8, {}, uris.TASKS])
        newest = (await victim.receive())[3][0]["invocation"]
        # The router numbers its invocations one after the other, so few are worth guessing.
        for number in range(newest - 10, newest + 10):
            if kind == ERROR:
                await mallory.send([ERROR, INVOCATION, number, {}, "a.forged", ["forged"]])
            else:
                await mallory.send([YIELD, number, {}, ["forged"]])
        answers = await mallory.until_closed()
        await victim.call(uris.TASKS)

    assert answers == []
    assert not victim.unread
    await evidence.shows("made to another session|non-owned request")


@pytest.mark.parametrize("message", [[UNREGISTER, 1], [UNSUBSCRIBE, 1]])
async def test_nobody_ends_what_another_has_registered_or_subscribed(
    site: Node, message: list[Any]
) -> None:
    async with await site.user(VICTIM) as victim, await site.user(MALLORY) as mallory:
        subscription = await victim.subscribe(uris.jobs_topic(VICTIM))
        await mallory.send([*message, subscription])
        answer = await mallory.receive()

    assert answer[0] == ERROR
    assert answer[4] in ("wamp.error.no_such_subscription", "wamp.error.no_such_registration")


async def test_nobody_cancels_the_call_of_another(node: Node) -> None:
    async with await node.user(VICTIM) as victim, await node.user(MALLORY) as mallory:
        await victim.send([CALL, 7, {}, uris.TASKS, [], {"hold": True}])
        await victim.call(uris.TASKS)
        for mode in ("kill", "killnowait", "skip"):
            await mallory.send([CANCEL, 7, {"mode": mode}])
        await mallory.call(uris.TASKS)
        await victim.call(uris.TASKS)

    assert not victim.unread


async def test_a_call_by_the_number_of_one_that_waits_ends_the_connection(site: Node) -> None:
    evidence = Evidence(site)
    async with await site.user(MALLORY) as mallory:
        await mallory.send([CALL, 5, {}, "taskrealm.run.probe.nap"])
        await mallory.send([CALL, 5, {}, uris.TASKS])
        answers = await mallory.until_closed()

    assert answers == []
    await evidence.shows("the number of one that is not answered yet")
    assert not [line for line in evidence.tracebacks() if "INTERNAL" in line]


@pytest.mark.capability("Z8")
async def test_what_the_executor_may_do_is_of_no_use_over_the_public_port(site: Node) -> None:
    seed = bytes.fromhex(site.folder.private_key("executor").read_text())
    async with await site.outside() as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.join_by_key(seed)

    assert refusal.value.uri in ("wamp.error.no_auth_method", "taskrealm.error.not_authorized")
    assert NO_SUCH_PROCEDURE not in refusal.value.text
