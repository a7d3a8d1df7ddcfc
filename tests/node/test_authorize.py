"""The site's own `authorize`: what it is asked, and that nothing it does opens a door."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node
from tests.plain import Refused
from tests.site import client
from tests.site.jobs import LIMIT
from tests.site.rights import (
    ABOUT_JOBS,
    ANSWERED,
    ASKING,
    NOT_AUTHORIZED,
    UNKNOWN_JOB,
    UNKNOWN_TASK,
    enter,
    outcome,
    until_ended,
    write_ruled_site,
)

from taskrealm.cli.mistakes import find_mistakes
from taskrealm.client import JobFailed
from taskrealm.protocol import uris

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrealm.settings import NodeFolder

HOOK = """
import asyncio
import json
import time
from pathlib import Path

FOLDER = Path(__file__).parent


def note(request):
    told = {
        "authid": request.caller.authid,
        "role": request.caller.role,
        "teams": list(request.caller.teams),
        "submitted_by": request.caller.submitted_by,
        "right": request.right,
        "task": request.task,
        "arguments": request.arguments,
        "owner": request.owner,
        "job_id": request.job_id,
    }
    with (FOLDER / "asked").open("a") as file:
        file.write(json.dumps(told) + "\\n")


def authorize(request):
    note(request)
    mode = (FOLDER / "mode").read_text()
    if mode == "hangs":
        time.sleep(600)
    if mode == "never":
        return asyncio.Event().wait()
    if mode == "raises":
        raise RuntimeError("the password is swordfish")
    if mode == "exits":
        raise SystemExit(0)
    if mode == "interrupts":
        raise KeyboardInterrupt
    if mode == "cancels":
        raise asyncio.CancelledError
    if mode == "generates":
        return (each for each in [True])
    if mode == "looks at arguments":
        return request.right != "run" or request.arguments["preset"] != "4k"
    return {"agrees": True, "refuses": False, "none": None, "one": 1, "text": "True"}[mode]
"""

BAD = (
    *("refuses", "none", "one", "text", "hangs", "never", "raises", "exits", "interrupts"),
    *("cancels", "generates"),
)

RULES = """
[[rules]]
allow = ["see", "run", "output", "cancel"]
tasks = ["desk.*"]

[[delegation]]
backends = ["hook_shop"]
"""


def write_site(
    root: Path, *, rules: str = RULES, hook: str = "router/rights.py:authorize"
) -> NodeFolder:
    """A site with these rules, that asks a hook."""
    access = f'\n[access]\nauthorize = "{hook}"\nauthorize_limit = 0.5\n'
    folder = write_ruled_site(root, rules, settings=access)
    (folder.policy.parent / "rights.py").write_text(HOOK)
    (folder.policy.parent / "mode").write_text("agrees")
    return folder


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node whose site has a function of its own."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(write_site(Path(path))) as node:
            node.until("READY")
            yield node


@pytest.fixture(autouse=True)
def agrees(node: Node) -> None:
    """At first it agrees to everything, and has been asked nothing."""
    answer(node, "agrees")
    (node.folder.policy.parent / "asked").write_text("")


def answer(node: Node, mode: str) -> None:
    (node.folder.policy.parent / "mode").write_text(mode)


def asked(node: Node) -> list[dict[str, Any]]:
    lines = (node.folder.policy.parent / "asked").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.capability("Z5")
async def test_it_is_asked_who_wants_what_with_which_arguments_and_for_whom(node: Node) -> None:
    async with (
        await enter(node, "hook_ana", teams=("editors",)) as ana,
        await enter(node, "hook_shop", "backend") as backend,
    ):
        job_id = (await ana.call(uris.EXEC, "desk.convert", ["4k"]))["job_id"]
        await until_ended(ana, job_id)
        of_exec = asked(node)
        await ana.call(uris.OUTPUT, job_id)
        of_output = asked(node)[-1]
        await backend.call(uris.EXEC, "desk.convert", on_behalf_of="hook_ana")
        of_delegation = [each for each in asked(node) if each["submitted_by"] == "hook_shop"]

    ana_asks = {
        "authid": "hook_ana",
        "role": "user",
        "teams": ["editors"],
        "submitted_by": "hook_ana",
        "task": "desk.convert",
        "owner": "hook_ana",
    }
    arguments = {"preset": "4k", "room": None}
    assert of_exec[:2] == [
        {**ana_asks, "right": "see", "arguments": None, "job_id": None},
        {**ana_asks, "right": "run", "arguments": arguments, "job_id": None},
    ]
    assert of_output == {**ana_asks, "right": "output", "arguments": arguments, "job_id": job_id}
    assert {(each["authid"], each["role"]) for each in of_delegation} == {("hook_ana", "user")}


@pytest.mark.capability("Z5")
async def test_it_is_not_asked_what_the_rules_forbid(node: Node) -> None:
    async with await enter(node, "hook_ben") as ben:
        assert await outcome(ben.call(uris.EXEC, "probe.required", ["x"])) == UNKNOWN_TASK
        assert await outcome(ben.call(uris.OUTPUT, 32 * "0")) == UNKNOWN_JOB

    assert asked(node) == []


@pytest.mark.capability("Z5")
async def test_it_may_judge_arguments_and_children(node: Node) -> None:
    answer(node, "looks at arguments")
    async with client(node, "hook_cleo") as cleo, await enter(node, "hook_cleo") as peer:
        await (await cleo.exec("desk.convert")).result(LIMIT)
        assert await outcome(peer.call(uris.EXEC, "desk.convert", ["4k"])) == NOT_AUTHORIZED
        # What the task makes of its arguments is judged, too.
        assert await outcome(peer.call(uris.EXEC, "desk.convert", ["best"])) == NOT_AUTHORIZED
        # This one has no such argument: the function fails, and that refuses.
        assert await outcome(peer.call(uris.EXEC, "desk.rated")) == NOT_AUTHORIZED


@pytest.mark.capability("Z7")
async def test_it_judges_the_children_of_batches(node: Node) -> None:
    async with client(node, "hook_dora") as dora:
        arguments = {"presets": ["720p"], "marker": str(node.folder.root / "go")}
        job = await dora.exec("desk.slow_bundle", arguments)
        async for event in job:
            if event.type == "started":
                break
        answer(node, "refuses")
        (node.folder.root / "go").touch()
        with pytest.raises(
            JobFailed, match=r"Child 1 .* is refused: You may not run desk\.convert"
        ):
            await job.result(LIMIT)


@pytest.mark.capability("Z6", "S6")
@pytest.mark.parametrize("mode", BAD)
async def test_anything_but_true_refuses_and_tells_nothing(node: Node, mode: str) -> None:
    async with (
        await enter(node, "hook_eve") as eve,
        await enter(node, "hook_ops", "operator") as ops,
        await enter(node, "hook_shop", "backend") as backend,
    ):
        job_id = (await eve.call(uris.EXEC, "desk.convert"))["job_id"]
        await until_ended(eve, job_id)
        answer(node, mode)
        try:
            tasks = await eve.call(uris.TASKS)
            texts = []
            found = {}
            for name, asking in ASKING.items():
                try:
                    await asking(eve)
                    found[name] = "ok"
                except Refused as refusal:
                    found[name] = refusal.uri
                    texts.append(refusal.text)
            own = {name: await outcome(call(eve, job_id)) for name, (_, call) in ABOUT_JOBS.items()}
            foreign = await outcome(backend.call(uris.JOB, job_id))
            over = {
                name: await outcome(call(ops, job_id)) for name, (_, call) in ABOUT_JOBS.items()
            }
        finally:
            answer(node, "agrees")

    assert tasks == []
    assert found == dict.fromkeys(ASKING, UNKNOWN_TASK) | {"upload.begin": "ok"}
    assert "swordfish" not in "".join(texts)
    assert own == {
        name: "ok" if right == "see" else NOT_AUTHORIZED for name, (right, _) in ABOUT_JOBS.items()
    }
    assert foreign == UNKNOWN_JOB
    # Nothing keeps an operator from seeing and steering.
    assert over == {name: ANSWERED.get(name, "ok") for name in ABOUT_JOBS}


@pytest.mark.capability("Z6")
async def test_why_it_failed_is_in_the_log(node: Node) -> None:
    answer(node, "raises")
    async with await enter(node, "hook_fay") as fay:
        await outcome(fay.call(uris.EXEC, "desk.convert"))

    assert "authorize failed" in node.folder.log("executor").read_text()


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ("router/missing.py:authorize", "FileNotFoundError"),
        ("router/rights.py:missing", "AttributeError"),
        ("router/rights.py:FOLDER", "is no function"),
        ("no_such_module:authorize", "ModuleNotFoundError"),
    ],
)
@pytest.mark.capability("Z6")
def test_a_node_whose_function_is_missing_says_so_and_does_not_start(
    short_path: Path, hook: str, reason: str
) -> None:
    folder = write_site(short_path, hook=hook)

    [mistake] = find_mistakes(folder)
    executor = subprocess.run(
        [sys.executable, folder.root / "components" / "executor.py"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert "access.authorize" in mistake
    assert reason in mistake
    assert executor.returncode != 0
    assert f"access.authorize: '{hook}'" in executor.stderr


@pytest.mark.capability("Z6")
def test_a_node_without_rules_is_told_what_is_missing(short_path: Path) -> None:
    [mistake] = find_mistakes(write_site(short_path, rules=""))

    assert mistake.startswith(str(short_path / "router" / "roles.toml"))
    assert "[[rules]]" in mistake
    assert "taskrealm init" in mistake
