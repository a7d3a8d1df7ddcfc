"""Secrets, computed choices, tasks in TOML and reloading, on a node of their own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, Watch, the_one
from tests.site import client, make_site

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, UnknownTask

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 60.0  # seconds that anything may take
EXECUTOR = "components/executor.py"
CLEAR = "correct-horse-battery"

KEEPER = '''
from __future__ import annotations

import sys
from typing import Annotated

from pydantic import Field
from taskrealm.tasks import Choices, CommandTask, Secret, Value

CODE = """
import hashlib, json, os, sys
seen = [os.environ["PASSWORD"], sys.stdin.read()]
print(json.dumps([hashlib.sha256(each.encode()).hexdigest() for each in seen]))
"""


def rooms(given, caller):
    return [f"{caller.authid}.{given['house']}"] if "house" in given else []


class Keeper(CommandTask):
    """Take a password, and tell what was received."""

    name = "keeper.open"
    password: Annotated[Secret, Field(min_length=5)]
    note: str = ""
    command = (sys.executable, "-c", CODE, Value("note"))
    environment = {"PASSWORD": Value("password")}
    stdin = Value("password")


class Visit(CommandTask):
    """Visit a room."""

    name = "keeper.visit"
    house: str
    room: Annotated[str, Choices(rooms, after=["house"])]
    command = ("echo", Value("house"), Value("room"))
    roles = {"user"}
'''

FUNCTIONS = """
from __future__ import annotations

import hashlib

from taskrealm.tasks import Secret, task


@task(name="function.version")
def version() -> int:
    return 1


@task(name="function.digest")
def digest(password: Secret) -> str:
    return hashlib.sha256(password.get_secret_value().encode()).hexdigest()
"""

TOML = """\
[tasks."written.greet"]
title = "Greet somebody"
command = ["printf", "%s %s", "hello", "{who}"]
[tasks."written.greet".parameters.who]
type = "choice"
choices.command = ["printf", "ana\\\\nbob\\\\n"]
"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def site() -> Iterator[Node]:
    """A node whose tasks and executor change; it has to answer again after each test."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        (folder.root / "tasks" / "keeper.py").write_text(KEEPER)
        (folder.root / "tasks" / "written.toml").write_text(TOML)
        (folder.root / "tasks" / "functions.py").write_text(FUNCTIONS)
        with Node(folder) as node:
            node.until("READY")
            yield node


def digests(text: str) -> str:
    return json.dumps([hashlib.sha256(text.encode()).hexdigest()] * 2)


def holding(root: Path, text: str) -> list[str]:
    """The files below *root* in which *text* stands, but for those that say so themselves."""
    return [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def taskrealm(site: Node, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Run the command line as the operator of the node: exit code, output, messages."""
    completed = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=site.folder.root,
        timeout=LIMIT,
    )
    return completed.returncode, completed.stdout, completed.stderr


@pytest.mark.capability("A10", "N20")
async def test_a_secret_reaches_the_program_and_is_shown_to_nobody(site: Node) -> None:
    async with client(site, "form_sue") as sue:
        checked = await sue.check("keeper.open", {"password": CLEAR})
        job = await sue.exec("keeper.open", {"password": CLEAR}, key="k", tags=["open"])
        result = await job.result(LIMIT)
        again = await sue.exec("keeper.open", {"password": CLEAR + "2"}, key="k")
        snapshot = await job.snapshot()
        events = [event.as_dict() async for event in job]

    assert result == digests(CLEAR)
    assert again.job_id == job.job_id
    assert snapshot["arguments"] == {"password": "***", "note": ""}
    assert checked["argv"][1:] == ["-c", checked["argv"][2], ""]
    assert (checked["position"], checked["limits"]["processes"]) == (0, 1_000)
    assert CLEAR not in json.dumps([checked, snapshot, events])
    assert holding(site.folder.root, CLEAR) == []


async def test_a_secret_waits_sealed_and_is_there_after_a_crash(site: Node) -> None:
    secret = "battery-staple-horse"
    watcher = await site.user("form_watch")
    async with (
        client(site, "form_sue") as sue,
        client(site, "form_otto", "operator") as otto,
        watcher,
    ):
        await watcher.subscribe(uris.CATALOG)
        await otto.pause()
        await watcher.event()
        job = await sue.exec("keeper.open", {"password": secret})
        waiting = holding(site.folder.root, secret)
        Watch([the_one(site.folder, EXECUTOR)]).kill()
        await watcher.event()
        await otto.resume()
        result = await job.result(LIMIT)
        listed = [each async for each in otto.jobs(owner="form_sue")]

    assert result == digests(secret)
    assert secret not in json.dumps(listed)
    assert waiting == holding(site.folder.root, secret) == []
    assert site.folder.secrets_key.stat().st_mode & 0o777 == 0o600


async def test_a_secret_reaches_a_function_and_nothing_else(site: Node) -> None:
    secret = "horse-battery-correct"
    async with client(site, "form_sue") as sue:
        job = await sue.exec("function.digest", {"password": secret})

        assert await job.result(LIMIT) == hashlib.sha256(secret.encode()).hexdigest()
        assert (await job.snapshot())["arguments"] == {"password": "***"}
    assert holding(site.folder.root, secret) == []


async def test_a_secret_of_the_wrong_length_is_not_repeated(site: Node) -> None:
    async with client(site, "form_sue") as sue:
        with pytest.raises(InvalidArguments) as refused:
            await sue.exec("keeper.open", {"password": "tiny"})

    assert refused.value.fields == {"password": "must have at least 5 characters"}


@pytest.mark.capability("A12")
async def test_choices_depend_on_other_fields_and_on_who_asks(site: Node) -> None:
    async with client(site, "form_sue") as sue, client(site, "form_otto", "operator") as otto:
        offered = await sue.choices("keeper.visit", "room", {"house": "h"})
        nothing = await sue.choices("keeper.visit", "room")
        with pytest.raises(InvalidArguments) as refused:
            await sue.check("keeper.visit", {"house": "h", "room": "bob.h"})
        with pytest.raises(InvalidArguments):
            await sue.exec("keeper.visit", {"house": "h", "room": "bob.h"})
        with pytest.raises(InvalidArguments, match="computes: room"):
            await sue.choices("keeper.visit", "house")
        with pytest.raises(UnknownTask):
            await otto.choices("keeper.visit", "room", {"house": "h"})
        job = await sue.exec("keeper.visit", {"house": "h", "room": "form_sue.h"})

        assert await job.result(LIMIT) == "h form_sue.h"
    assert offered == [{"value": "form_sue.h", "title": "form_sue.h"}]
    assert nothing == []
    assert refused.value.fields == {"room": "must be one of form_sue.h"}


@pytest.mark.capability("A1", "A10")
async def test_a_task_in_toml_runs_like_any_other(site: Node) -> None:
    async with client(site, "form_sue") as sue:
        job = await sue.exec("written.greet", ["bob"])

        assert await job.result(LIMIT) == "hello bob"
        with pytest.raises(InvalidArguments) as refused:
            await sue.exec("written.greet", ["eve"])
    assert refused.value.fields == {"who": "must be one of ana, bob"}


@pytest.mark.capability("N28")
async def test_a_reload_with_mistakes_keeps_the_tasks_and_names_every_mistake(site: Node) -> None:
    file = site.folder.root / "tasks" / "written.toml"
    file.write_text(TOML.replace("title", "titel").replace("{who}", "{whom}"))
    (site.folder.root / "tasks" / "broken.py").write_text("import nothing_like_this\n")
    try:
        code, _, err = await asyncio.to_thread(taskrealm, site, "reload")
        async with client(site, "form_sue") as sue:
            job = await sue.exec("written.greet", ["ana"])
            assert await job.result(LIMIT) == "hello ana"
    finally:
        file.write_text(TOML)
        (site.folder.root / "tasks" / "broken.py").unlink()

    assert code == 2
    assert f"{file}:2:1: tasks.written.greet.titel: is not known here; did you mean 'title'?" in err
    assert f"{site.folder.root}/tasks/broken.py:1: the module cannot be imported" in err
    assert "the node keeps the tasks that it has" in err
    lines = site.folder.log("executor").read_text().splitlines()
    told = [json.loads(line) for line in lines if "The tasks were not reloaded" in line]
    assert len(told[-1]["mistakes"]) == 3


@pytest.mark.capability("N28", "A3")
async def test_a_reload_takes_what_was_written_and_tells_everybody(site: Node) -> None:
    more = site.folder.root / "tasks" / "more.yaml"
    async with client(site, "form_sue") as sue, await site.user("form_watch") as watcher:
        await watcher.subscribe(uris.CATALOG)
        nap = await sue.exec("written.greet", ["ana"], delay=3_600)
        more.write_text("tasks: {more.date: {title: Tell the date, command: [date]}}\n")
        code, out, _ = await asyncio.to_thread(taskrealm, site, "reload", "--json")
        [told] = await watcher.event()
        job = await sue.exec("more.date")
        await job.result(LIMIT)
        more.unlink()
        the_executor = the_one(site.folder, EXECUTOR)
        os.kill(the_executor, signal.SIGHUP)
        names: list[str] = ["more.date"]
        async with asyncio.timeout(LIMIT):
            while "more.date" in names:
                names = [task["name"] for task in await sue.tasks()]
        await nap.cancel()

    assert code == 0
    answer = json.loads(out)
    assert (answer["added"], answer["removed"], answer["mistakes"]) == (["more.date"], [], [])
    assert told["tasks"] == answer["tasks"]


async def test_a_reload_takes_the_code_of_functions_too(site: Node) -> None:
    file = site.folder.root / "tasks" / "functions.py"
    async with client(site, "form_sue") as sue:
        assert await (await sue.exec("function.version")).result(LIMIT) == 1
        file.write_text(FUNCTIONS.replace("return 1", "return 2"))
        assert (await asyncio.to_thread(taskrealm, site, "reload"))[0] == 0

        assert await (await sue.exec("function.version")).result(LIMIT) == 2


async def test_only_operators_reload(site: Node) -> None:
    async with client(site, "form_sue") as sue:
        with pytest.raises(NotAuthorized):
            await sue.reload()
