"""Who may do what with tasks and jobs, by the rules of a site, on every procedure."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.plain import EVENT, Refused, WebSocket
from tests.site import client
from tests.site.jobs import LIMIT, end_of
from tests.site.rights import (
    ABOUT_JOBS,
    ANSWERED,
    ASKING,
    NOT_AUTHORIZED,
    UNKNOWN_JOB,
    UNKNOWN_TASK,
    enter,
    outcome,
    ruled_node,
    until_ended,
    with_rules,
)

from taskrealm.client import JobCancelled, JobFailed
from taskrealm.protocol import uris
from taskrealm.protocol.errors import NotAuthorized, UnknownTask
from taskrealm.protocol.jobs import new_job_id
from taskrealm.protocol.scope import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.nodes import Node

RULES = """
[[rules]]
allow = ["see"]
users = ["right_sees", "right_sees_and_runs"]

[[rules]]
allow = ["run"]
users = ["right_runs*", "right_sees_and_runs"]

[[rules]]
allow = ["see", "run", "output", "cancel"]
users = ["right_all*", "right_customer*", "system"]

[[rules]]
allow = ["see", "run", "output", "cancel"]
roles = ["backend"]

[[rules]]
allow = ["see", "run", "output", "cancel"]
tasks = ["desk.*"]
teams = ["editors", "guards"]

[[rules]]
allow = ["see", "run"]
tasks = ["desk.convert"]
users = ["right_limited"]
arguments = {preset = ["720p", "1080p", "best"]}

[[rules]]
allow = ["run"]
tasks = ["desk.bundle", "desk.strict"]
users = ["right_limited"]

[[delegation]]
backends = ["right_shop"]
users = ["right_customer*"]
teams = ["editors"]
tasks = ["desk.*"]

[[delegation]]
allow = ["see"]
backends = ["right_watcher"]
users = ["right_customer*"]
"""


SCHEDULES = """
[[schedules]]
name = "right-of-a-team"
task = "desk.convert"
cron = "0 0 1 1 *"
owner = "right_clock"
teams = ["editors"]

[[schedules]]
name = "right-of-nobody"
task = "desk.rated"
cron = "0 0 1 1 *"
owner = "right_clock"
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with rules."""
    with ruled_node(RULES, settings=SCHEDULES) as node:
        yield node


@pytest.mark.capability("Z4", "Z5", "S6")
@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (
            "right_nobody",
            dict.fromkeys(ASKING, UNKNOWN_TASK) | {"upload.begin": NOT_AUTHORIZED},
        ),
        ("right_sees", dict.fromkeys(ASKING, NOT_AUTHORIZED) | {"choices": "ok"}),
        (
            "right_runs",
            dict.fromkeys(ASKING, "ok") | dict.fromkeys(("choices", "check"), NOT_AUTHORIZED),
        ),
        ("right_sees_and_runs", dict.fromkeys(ASKING, "ok")),
    ],
)
async def test_seeing_and_running_a_task_are_rights_of_their_own(
    node: Node, user: str, expected: dict[str, str]
) -> None:
    async with await enter(node, user) as peer:
        listed = {each["name"]: each["rights"] for each in await peer.call(uris.TASKS)}
        found = {name: await outcome(asking(peer)) for name, asking in ASKING.items()}

    assert found == expected
    sees, runs = "sees" in user, "runs" in user
    assert ("desk.convert" in listed) == sees
    if sees:
        assert listed["desk.convert"] == (["see", "run"] if runs else ["see"])


@pytest.mark.capability("Z4", "Z5", "I5", "D1")
@pytest.mark.parametrize(
    ("user", "role", "rights"),
    [
        pytest.param("right_runs", "user", {"see"}, id="an owner who may only run"),
        pytest.param("right_all", "user", {"see", "output", "cancel"}, id="an owner with all"),
        pytest.param("right_nobody", "user", set(), id="a stranger"),
        pytest.param("right_all_2", "user", set(), id="a stranger with all rights"),
        pytest.param("right_ops", "operator", {"see", "output", "cancel"}, id="an operator"),
        pytest.param("right_other", "backend", set(), id="a backend without delegation"),
        pytest.param("right_watcher", "backend", {"see"}, id="a backend that may only look"),
        pytest.param("right_shop", "backend", {"see", "output", "cancel"}, id="a backend"),
    ],
)
async def test_seeing_reading_and_cancelling_a_job_are_rights_of_their_own(
    node: Node, user: str, role: str, rights: set[str]
) -> None:
    owner = user if rights and role == "user" else "right_customer_1"
    async with await enter(node, owner) as other, await enter(node, user, role) as peer:
        job_id = (await other.call(uris.EXEC, "desk.convert"))["job_id"]
        await until_ended(other, job_id)
        found = {name: await outcome(call(peer, job_id)) for name, (_, call) in ABOUT_JOBS.items()}
        unknown = {
            name: await outcome(call(peer, new_job_id())) for name, (_, call) in ABOUT_JOBS.items()
        }

    refusal = NOT_AUTHORIZED if "see" in rights else UNKNOWN_JOB
    assert found == {
        name: ANSWERED.get(name, "ok") if right in rights else refusal
        for name, (right, _) in ABOUT_JOBS.items()
    }
    assert set(unknown.values()) == {UNKNOWN_JOB}


@pytest.mark.capability("B2")
async def test_lists_and_streams_show_what_one_may_see(node: Node) -> None:
    async with (
        await enter(node, "right_customer_2") as customer,
        await enter(node, "right_all_3") as other,
        await enter(node, "right_shop", "backend") as shop,
        await enter(node, "right_watcher", "backend") as watcher,
        await enter(node, "right_ops", "operator") as ops,
    ):
        mine = (await customer.call(uris.EXEC, "desk.convert"))["job_id"]
        theirs = (await other.call(uris.EXEC, "desk.convert"))["job_id"]
        foreign = (await customer.call(uris.EXEC, "probe.required", ["x"]))["job_id"]
        seen = {}
        for name, peer in {"shop": shop, "ops": ops, "own": customer}.items():
            page = await peer.call(uris.JOBS)
            seen[name] = {mine, theirs, foreign} & {job["job_id"] for job in page["jobs"]}

        assert seen == {"shop": {mine}, "ops": {mine, theirs, foreign}, "own": {mine, foreign}}
        assert (await shop.call(uris.JOBS, owner="right_all_3"))["jobs"] == []
        # Its delegation names some tasks only, and a stream has the events of all.
        with pytest.raises(Refused, match="all jobs of this user"):
            await shop.call(uris.EVENTS, owner="right_customer_2")
        assert (await watcher.call(uris.EVENTS, owner="right_customer_2"))["seq"] > 0
        with pytest.raises(Refused, match="all jobs of this user"):
            await watcher.call(uris.EVENTS, owner="right_all_3")
        with pytest.raises(Refused, match="your own jobs only"):
            await customer.call(uris.EVENTS, owner="right_all_3")
        with pytest.raises(Refused, match="your own jobs only"):
            await customer.call(uris.JOBS, owner="right_all_3")


@pytest.mark.capability("N22", "Z5")
@pytest.mark.parametrize(
    ("user", "role", "sees", "reads"),
    [
        pytest.param("right_runs", "user", True, False, id="an owner who may only run"),
        pytest.param("right_all", "user", True, True, id="an owner with all"),
        pytest.param("right_all_2", "user", False, False, id="a stranger with all rights"),
        pytest.param("right_ops", "operator", True, True, id="an operator"),
        pytest.param("right_other", "backend", False, False, id="a backend without delegation"),
        pytest.param("right_watcher", "backend", True, False, id="a backend that may only look"),
        pytest.param("right_shop", "backend", True, True, id="a backend"),
    ],
)
async def test_a_search_reads_only_what_one_may_read(
    node: Node, user: str, role: str, sees: bool, reads: bool
) -> None:
    owner = user if sees and role == "user" else "right_customer_3"
    marker = node.folder.root / f"marker-{new_job_id()}"
    marker.touch()
    async with (
        await enter(node, owner) as other,
        await enter(node, user, role) as peer,
        await enter(node, "right_ops", "operator") as ops,
    ):
        job_id = (await other.call(uris.EXEC, "desk.nap", [str(marker)]))["job_id"]
        async with asyncio.timeout(LIMIT):
            while not (await ops.call(uris.OUTPUT, job_id))["text"]:
                pass

        async def finds(text: str) -> bool:
            page = await peer.call(uris.JOBS, text=text, limit=200)
            return job_id in [job["job_id"] for job in page["jobs"]]

        found = (await finds(marker.name), await finds("awake"))
        await ops.call(uris.CANCEL, job_id, now=True)

    assert found == (sees, reads)


@pytest.mark.capability("N22", "Z5")
async def test_jobs_are_counted_for_those_only_who_may_see_all_of_them(node: Node) -> None:
    async with (
        await enter(node, "right_all_5") as own,
        await enter(node, "right_shop", "backend") as shop,
        await enter(node, "right_ops", "operator") as ops,
    ):
        await until_ended(own, (await own.call(uris.EXEC, "desk.convert"))["job_id"])

        assert (await own.call(uris.JOBS, counts=True))["counts"] == {"succeeded": 1}
        counted = await ops.call(uris.JOBS, owner="right_all_5", counts=True)
        assert counted["counts"] == {"succeeded": 1}
        for owner in (None, "right_all_5", "right_customer_1"):
            with pytest.raises(Refused, match="Only your own jobs are counted"):
                await shop.call(uris.JOBS, owner=owner, counts=True)


@pytest.mark.capability("Z5")
async def test_arguments_must_please_the_rule(node: Node) -> None:
    async with await enter(node, "right_limited") as peer:
        for preset in ("720p", "1080p"):
            await peer.call(uris.EXEC, "desk.convert", [preset])
        await peer.call(uris.EXEC, "desk.convert")  # the default pleases, too
        for uri in (uris.EXEC, uris.CHECK):
            with pytest.raises(Refused, match="this value of preset") as refusal:
                await peer.call(uri, "desk.convert", [], {"preset": "4k"})
            assert refusal.value.uri == NOT_AUTHORIZED
        # This one may be given, but the task makes 4k of it.
        with pytest.raises(Refused, match="this value of preset"):
            await peer.call(uris.EXEC, "desk.convert", ["best"])
        # Code of the task does not get to see what may not be run.
        with pytest.raises(Refused, match="this value of preset"):
            await peer.call(uris.EXEC, "desk.convert", ["invalid"])
        with pytest.raises(Refused, match="this value of preset"):
            await peer.call(
                uris.EXEC_MANY, [{"task": "desk.convert"}, {"task": "desk.convert", "args": ["4k"]}]
            )
        with pytest.raises(Refused) as refusal:
            await peer.call(f"{uris.RUN_PREFIX}desk.convert", "4k")
        assert refusal.value.uri == NOT_AUTHORIZED


@pytest.mark.capability("Z5")
async def test_a_refused_argument_is_named_as_a_field(node: Node) -> None:
    async with client(node, "right_limited") as user:
        with pytest.raises(NotAuthorized) as refusal:
            await user.exec("desk.convert", {"preset": "4k"})

    assert list(refusal.value.data["fields"]) == ["preset"]


@pytest.mark.capability("Z4")
async def test_teams_count_in_rules_and_for_tasks_that_name_them(node: Node) -> None:
    async with (
        await enter(node, "right_eddy", teams=("press", "editors")) as editor,
        await enter(node, "right_greg", teams=("guards",)) as guard,
        await enter(node, "right_pia", teams=("press",)) as press,
    ):

        async def may_run(peer: WebSocket, task: str) -> str:
            return await outcome(peer.call(uris.EXEC, task))

        assert await may_run(editor, "desk.convert") == "ok"
        assert await may_run(editor, "desk.guarded") == UNKNOWN_TASK
        assert await may_run(guard, "desk.guarded") == "ok"
        assert await may_run(press, "desk.convert") == UNKNOWN_TASK
        assert await may_run(editor, "probe.silent") == UNKNOWN_TASK
        job = await editor.call(uris.JOB, (await editor.call(uris.EXEC, "desk.rated"))["job_id"])
        assert job["teams"] == ["press", "editors"]


@pytest.mark.capability("Z4")
async def test_rules_hold_for_operators_who_run_something(node: Node) -> None:
    async with await enter(node, "right_ops", "operator") as ops:
        listed = {each["name"]: each["rights"] for each in await ops.call(uris.TASKS)}
        refused = await outcome(ops.call(uris.EXEC, "desk.convert"))

    assert listed["desk.convert"] == ["see", "output", "cancel"]
    assert refused == NOT_AUTHORIZED


@pytest.mark.capability("D1", "Z4")
async def test_who_may_not_read_output_does_not_hear_it_either(node: Node, tmp_path: Path) -> None:
    async with (
        await enter(node, "right_runs_3") as owner,
        await enter(node, "right_ops", "operator") as ops,
    ):
        job_id = (await owner.call(uris.EXEC, "desk.nap", [str(tmp_path / "go")]))["job_id"]
        topic = uris.output_topic("right_runs_3", job_id)
        await owner.subscribe(topic)
        await ops.subscribe(topic)
        (tmp_path / "go").touch()
        [chunk] = await ops.event(LIMIT)
        await ops.call(uris.CANCEL, job_id)
        await owner.call(uris.JOB, job_id)

        assert chunk["text"] == "awake\n"
        assert not [each for each in owner.unread if each[0] == EVENT]


@pytest.mark.capability("Z7")
async def test_children_are_judged_like_jobs_of_their_owner(node: Node) -> None:
    async with client(node, "right_limited") as limited:
        strict = await limited.exec("desk.strict", {"presets": ["720p", "4k"]})
        with pytest.raises(
            JobFailed, match=r"Child 2 \(desk.convert\) is refused: You may not run"
        ):
            await strict.result(LIMIT)
        assert await strict.children() == []

        bundle = await limited.exec("desk.bundle", {"presets": ["4k", "720p"]})
        assert (await bundle.result(LIMIT))["counts"] == {"failed": 1, "succeeded": 1}
        first, second = [await each.snapshot() for each in await bundle.children()]
        assert first["error"].startswith("Refused: You may not run desk.convert with this value")
        assert second["state"] == "succeeded"

        guarded = await limited.exec("desk.strict", {"presets": [""], "task": "desk.guarded"})
        with pytest.raises(JobFailed, match=r"There is no task 'desk\.guarded'"):
            await guarded.result(LIMIT)


@pytest.mark.capability("Z7")
async def test_children_inherit_the_teams_of_their_owner(node: Node) -> None:
    async with await enter(node, "right_gina", teams=("guards",)) as guard:
        arguments = {"presets": ["", ""], "task": "desk.guarded"}
        job_id = (await guard.call(uris.EXEC, "desk.strict", [], arguments))["job_id"]
        job = await until_ended(guard, job_id)
        children = (await guard.call(uris.JOBS, parent=job_id))["jobs"]

    assert job["state"] == "succeeded"
    assert [each["teams"] for each in children] == [["guards"], ["guards"]]


@contextlib.asynccontextmanager
async def other_rules(node: Node, rules: str) -> AsyncIterator[dict[str, Any]]:
    """The node goes by other *rules* for a while; gives what the reload answered."""
    async with client(node, "right_ops", "operator") as ops:
        node.folder.policy.write_text(with_rules(rules))
        try:
            yield await ops.reload()
        finally:
            node.folder.policy.write_text(with_rules(RULES))
            await ops.reload()


@pytest.mark.capability("Z6")
async def test_rules_are_taken_anew_and_stay_if_there_is_a_mistake(node: Node) -> None:
    async with client(node, "right_all_4") as user:
        async with other_rules(node, RULES.replace("right_all*", "right_some*")):
            with pytest.raises(UnknownTask):
                await user.exec("desk.convert")
        async with other_rules(node, '[[rules]]\nallow = ["everything"]') as answer:
            assert len(answer["mistakes"]) == 1
            assert "roles.toml:" in answer["mistakes"][0]
            await (await user.exec("desk.convert")).result(LIMIT)
        async with other_rules(node, ""):
            assert await user.tasks() == []


@pytest.mark.capability("Z7")
async def test_a_job_does_not_run_again_that_its_owner_may_run_no_more(
    node: Node, tmp_path: Path
) -> None:
    async with client(node, "right_all_5") as user:
        job = await user.exec("desk.flaky", {"marker": str(tmp_path / "go")})
        async for event in job:
            if event.type == "started":
                break
        async with other_rules(node, RULES.replace("right_all*", "right_some*")):
            (tmp_path / "go").touch()
            with pytest.raises(JobCancelled, match="it may not run again"):
                await job.result(LIMIT)
        end = await end_of(job)

    assert (end.data["by"], end.attempt) == ("system", 1)


@pytest.mark.capability("Z4")
async def test_a_limited_session_gets_no_further_than_its_scope(node: Node) -> None:
    async with await enter(node, "right_all_6") as whole:
        mine = (await whole.call(uris.EXEC, "desk.convert"))["job_id"]
        other = (await whole.call(uris.EXEC, "desk.rated"))["job_id"]
        await until_ended(whole, mine)
        await until_ended(whole, other)
    scope = Scope(tasks=("desk.convert",))
    async with await enter(node, "right_all_6", scope=scope) as narrow:
        assert [each["name"] for each in await narrow.call(uris.TASKS)] == ["desk.convert"]
        assert [each["job_id"] for each in (await narrow.call(uris.JOBS))["jobs"]] == [mine]
        assert await outcome(narrow.call(uris.JOB, mine)) == "ok"
        assert await outcome(narrow.call(uris.JOB, other)) == UNKNOWN_JOB
        assert await outcome(narrow.call(uris.CANCEL, other)) == UNKNOWN_JOB
        assert await outcome(narrow.call(uris.CHECK, "desk.rated")) == UNKNOWN_TASK
        assert await outcome(narrow.call(uris.EXEC, "desk.rated")) == UNKNOWN_TASK
        assert await outcome(narrow.call(uris.EVENTS)) == NOT_AUTHORIZED
        assert await outcome(narrow.call(uris.EXEC, "desk.convert")) == "ok"
        after = await outcome(narrow.call(uris.EXEC, "desk.convert", after=[other]))
        assert after == "taskrealm.error.invalid_arguments"


@pytest.mark.capability("Z7")
async def test_schedules_are_judged_by_their_owner_and_its_teams(node: Node) -> None:
    async with client(node, "right_ops", "operator") as ops:
        made = await ops.schedule("right-of-a-team", "run")
        job = await ops.job(made["job_id"]).snapshot()
        with pytest.raises(NotAuthorized, match=r"desk\.rated"):
            await ops.schedule("right-of-nobody", "run")

    assert (job["owner"], job["teams"], job["schedule"]) == (
        "right_clock",
        ["editors"],
        "right-of-a-team",
    )
