"""Whoever is refused stands in the audit log: who, what, about which thing, and with which outcome."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import CALL, Refused
from tests.site import client
from tests.site.jobs import LIMIT

from taskrealm.protocol import uris

if TYPE_CHECKING:
    from tests.nodes import Node

MALLORY, VICTIM = "mallory_of_records", "victim_of_records"
FORGER = {"session": 1, "authid": VICTIM, "authrole": "operator"}


@pytest.mark.capability("N26", "O2")
async def test_every_kind_of_refusal_is_recorded(site: Node) -> None:
    async with client(site, VICTIM) as victim:
        job = await victim.exec("date")
        await job.result(LIMIT)
    topic, forged = uris.jobs_topic(VICTIM), uris.job_topic(VICTIM, job.job_id)
    async with await site.user(MALLORY) as mallory:
        session = mallory.session
        for attempt in (
            mallory.subscribe(topic),
            mallory.subscribe("taskrealm.user.", match="prefix"),
            mallory.publish(forged, [{"type": "succeeded"}]),
            mallory.register(uris.EXEC, force_reregister=True),
            mallory.call("taskrealm.no.such.procedure"),
            mallory.call(uris.PAUSE),
            mallory.call(uris.END, 1),
            mallory.call("wamp.session.kill_all"),
            mallory.call(uris.CANCEL, job.job_id),
            mallory.call(uris.JOB, job.job_id),
            mallory.call(uris.OUTPUT, job.job_id),
            mallory.call(uris.ARTIFACT, job.job_id, "out.txt"),
        ):
            with pytest.raises(Refused):
                await attempt
    async with await site.user(MALLORY) as other:
        await other.send([CALL, 1, {"forward_for": [FORGER]}, uris.TASKS])
        await other.until_closed()

    expected = [
        ("artifact", job.job_id, "unknown_job"),
        ("call", uris.PAUSE, "not_authorized"),
        ("call", uris.TASKS, "protocol_error"),
        ("call", "taskrealm.no.such.procedure", "not_authorized"),
        ("call", uris.END, "not_authorized"),
        ("call", "wamp.session.kill_all", "not_authorized"),
        ("cancel", job.job_id, "unknown_job"),
        ("job", job.job_id, "unknown_job"),
        ("output", job.job_id, "unknown_job"),
        ("publish", forged, "not_authorized"),
        ("register", uris.EXEC, "not_authorized"),
        ("subscribe", "taskrealm.user.", "not_authorized"),
        ("subscribe", topic, "not_authorized"),
    ]
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(LIMIT), await site.user("overseer", "operator") as overseer:
        while len(found) < len(expected):
            told = await overseer.call(uris.AUDIT, actor=MALLORY, limit=100)
            found = [each for each in told["records"] if each["outcome"] != "ok"]

    assert sorted((each["action"], each["object"], each["outcome"]) for each in found) == sorted(
        expected
    )
    assert {(each["role"], each["address"]) for each in found} == {("user", "127.0.0.1")}
    assert {each["detail"]["session"] for each in found} == {session, other.session}
