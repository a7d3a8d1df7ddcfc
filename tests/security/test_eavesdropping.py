"""Nobody hears what is another's: not by any topic, pattern, or way to subscribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plain import SUBSCRIBE, Closed, Refused
from tests.security.evidence import INVALID_URI, NOT_AUTHORIZED
from tests.site import client
from tests.site.jobs import LIMIT

from taskrealm.protocol import uris
from taskrealm.protocol.jobs import new_job_id

if TYPE_CHECKING:
    from tests.nodes import Node

VICTIM = "victim_of_spies"
MALLORY = "mallory_spy"
SHORT, LONGER = "mallo", "mallory_whose_uid_begins_like_that_of_mallo"
JOB = new_job_id()
HIS, HERS = uris.uid_of(MALLORY), uris.uid_of(VICTIM)

PROMISES = [
    pytest.param("exact", uris.jobs_topic(VICTIM), NOT_AUTHORIZED, id="another's events"),
    pytest.param("exact", uris.queue_topic(VICTIM), NOT_AUTHORIZED, id="another's places"),
    pytest.param("exact", uris.output_topic(VICTIM, JOB), NOT_AUTHORIZED, id="another's output"),
    pytest.param("exact", uris.job_topic(VICTIM, JOB), NOT_AUTHORIZED, id="another's job"),
    pytest.param("exact", f"taskrealm.user.{HERS}", NOT_AUTHORIZED, id="another's root"),
    pytest.param("prefix", f"taskrealm.user.{HERS}.", NOT_AUTHORIZED, id="all of another"),
    pytest.param("prefix", f"taskrealm.user.{HERS}", NOT_AUTHORIZED, id="all of another, no dot"),
    pytest.param("prefix", f"taskrealm.user.{HERS}.output.", NOT_AUTHORIZED, id="all outputs"),
    pytest.param("prefix", f"taskrealm.job.{HERS}.", NOT_AUTHORIZED, id="another's jobs"),
    pytest.param("prefix", "taskrealm.user.", NOT_AUTHORIZED, id="all users"),
    pytest.param("prefix", "taskrealm.user", NOT_AUTHORIZED, id="all users, no dot"),
    pytest.param("prefix", "taskrealm.job.", NOT_AUTHORIZED, id="the jobs of all users"),
    pytest.param("prefix", "taskrealm.user.u", NOT_AUTHORIZED, id="the first letter of all uids"),
    pytest.param("prefix", f"taskrealm.user.{HIS[:-1]}", NOT_AUTHORIZED, id="a part of the own"),
    pytest.param("prefix", f"taskrealm.user.{HIS}", NOT_AUTHORIZED, id="the own and longer ones"),
    pytest.param("prefix", "taskrealm.", NOT_AUTHORIZED, id="everything ours"),
    pytest.param("prefix", "taskrealm", NOT_AUTHORIZED, id="everything ours, no dot"),
    pytest.param("prefix", "t", NOT_AUTHORIZED, id="one letter"),
    pytest.param("prefix", "", NOT_AUTHORIZED, id="the empty prefix"),
    pytest.param("prefix", ".", INVALID_URI, id="a dot as prefix"),
    pytest.param("prefix", uris.CATALOG, NOT_AUTHORIZED, id="the catalog as prefix"),
    pytest.param("prefix", "wamp.", NOT_AUTHORIZED, id="all that the router tells"),
    pytest.param("prefix", "crossbar.", NOT_AUTHORIZED, id="all that Crossbar tells"),
    pytest.param("prefix", "taskrealm.system.", NOT_AUTHORIZED, id="the router's own"),
    pytest.param("wildcard", "taskrealm.user..jobs", NOT_AUTHORIZED, id="any user's events"),
    pytest.param("wildcard", "taskrealm.user..output.", NOT_AUTHORIZED, id="any user's output"),
    pytest.param("wildcard", f".user.{HIS}.jobs", NOT_AUTHORIZED, id="the own with a hole"),
    pytest.param("wildcard", uris.jobs_topic(MALLORY), NOT_AUTHORIZED, id="the own as wildcard"),
    pytest.param("wildcard", "...", NOT_AUTHORIZED, id="nothing but holes"),
    pytest.param("wildcard", "....", NOT_AUTHORIZED, id="more holes"),
    pytest.param("wildcard", "", NOT_AUTHORIZED, id="the empty wildcard"),
    pytest.param("exact", "", INVALID_URI, id="the empty topic"),
    pytest.param("exact", ".", INVALID_URI, id="a dot"),
    pytest.param("exact", "taskrealm..user", INVALID_URI, id="an empty part"),
    pytest.param("exact", uris.jobs_topic(VICTIM).upper(), INVALID_URI, id="capitals"),
    pytest.param("exact", f"taskrealm.user.{HIS}/../{HERS}.jobs", INVALID_URI, id="a path"),
    pytest.param("exact", f"taskrealm.user.{{uid}}.jobs#{HERS}", "closed", id="a fragment"),
    pytest.param("exact", f"taskrealm.user.{HIS}.jobs\n{HERS}", "closed", id="a line break"),
    pytest.param("exact", f"taskrealm.user.{HERS}.jobs\0", INVALID_URI, id="a NUL"),
    pytest.param("exact", "taskrealm.admin.audit", NOT_AUTHORIZED, id="a procedure as topic"),
    pytest.param("exact", "wamp.session.on_join", NOT_AUTHORIZED, id="who joins"),
    pytest.param("exact", "wamp.session.on_leave", NOT_AUTHORIZED, id="who leaves"),
    pytest.param("exact", "wamp.session.on_stats", NOT_AUTHORIZED, id="how much is said"),
    pytest.param("exact", "wamp.subscription.on_create", NOT_AUTHORIZED, id="who listens"),
    pytest.param("exact", "wamp.subscription.on_subscribe", NOT_AUTHORIZED, id="who listens too"),
    pytest.param("exact", "wamp.registration.on_register", NOT_AUTHORIZED, id="who answers"),
    pytest.param("exact", uris.AUTHENTICATE, NOT_AUTHORIZED, id="the authenticator"),
    pytest.param("exact", "com.example", NOT_AUTHORIZED, id="what is nobody's"),
    pytest.param("regex", uris.jobs_topic(MALLORY), "closed", id="an unknown way to match"),
    pytest.param("", uris.jobs_topic(MALLORY), "closed", id="no way to match"),
    pytest.param(None, uris.jobs_topic(MALLORY), "closed", id="a null as way to match"),
    pytest.param(["exact"], uris.jobs_topic(MALLORY), "closed", id="a list of ways to match"),
]


@pytest.mark.capability("D1", "D4", "Z8")
@pytest.mark.parametrize(("match", "topic", "error"), PROMISES)
async def test_a_user_cannot_listen_to(site: Node, match: str, topic: str, error: str) -> None:
    async with await site.user(MALLORY) as mallory:
        if error == "closed":
            with pytest.raises(Closed):
                await mallory.subscribe(topic, match=match)
        else:
            with pytest.raises(Refused) as refusal:
                await mallory.subscribe(topic, match=match)

            assert refusal.value.uri == error


@pytest.mark.capability("D1", "D4")
async def test_a_spy_that_has_tried_everything_hears_nothing(site: Node) -> None:
    async with await site.user(MALLORY) as mallory:
        for number, promise in enumerate(PROMISES, 1):
            match, topic, error = promise.values
            if error != "closed":
                await mallory.send([SUBSCRIBE, number, {"match": match}, topic])
        await mallory.call(uris.TASKS)
        async with client(site, VICTIM) as victim:
            job = await victim.exec("probe.printed", {"text": "a secret of the victim"})
            await job.result(LIMIT)
        await mallory.call(uris.TASKS)

        assert not mallory.unread


@pytest.mark.capability("D4")
@pytest.mark.parametrize("match", ["exact", "prefix"])
async def test_a_uid_that_begins_like_another_opens_nothing(site: Node, match: str) -> None:
    assert uris.uid_of(LONGER).startswith(uris.uid_of(SHORT))
    rest = uris.uid_of(LONGER).removeprefix(uris.uid_of(SHORT))
    async with await site.user(SHORT) as mallory:
        for topic in (
            uris.jobs_topic(LONGER),
            f"taskrealm.user.{uris.uid_of(SHORT)}{rest[:1]}",
            f"taskrealm.user.{uris.uid_of(SHORT)}",
        ):
            with pytest.raises(Refused) as refusal:
                await mallory.subscribe(topic, match=match)

            assert refusal.value.uri == NOT_AUTHORIZED


@pytest.mark.capability("D4", "Z8")
@pytest.mark.parametrize("role", ["backend", "operator"])
@pytest.mark.parametrize(
    ("match", "topic"),
    [
        ("prefix", "taskrealm."),
        ("prefix", ""),
        ("prefix", "taskrealm.user"),
        ("prefix", "taskrealm.system."),
        ("prefix", "wamp."),
        ("wildcard", "taskrealm.user..jobs"),
        ("exact", "wamp.session.on_join"),
        ("exact", uris.AUTHENTICATE),
        ("exact", "com.example"),
    ],
)
async def test_who_may_watch_all_users_may_watch_nothing_else(
    site: Node, role: str, match: str, topic: str
) -> None:
    async with await site.user("mallory_overseer", role) as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.subscribe(topic, match=match)

        assert refusal.value.uri == NOT_AUTHORIZED


@pytest.mark.capability("D1")
async def test_what_was_said_before_is_told_to_nobody_who_asks_for_retained_events(
    site: Node,
) -> None:
    async with client(site, VICTIM) as victim:
        await (await victim.exec("probe.printed", {"text": "x"})).result(LIMIT)
    async with await site.user(VICTIM) as late:
        await late.subscribe(uris.jobs_topic(VICTIM), get_retained=True)
        await late.call(uris.TASKS)

        assert not late.unread


@pytest.mark.capability("P7")
async def test_one_session_cannot_subscribe_without_end(site: Node) -> None:
    async with await site.user(MALLORY) as mallory:
        for number in range(1_000):
            await mallory.subscribe(f"taskrealm.user.{HIS}.output.x{number}")
        with pytest.raises(Closed):
            await mallory.subscribe(f"taskrealm.user.{HIS}.output.one_more")
