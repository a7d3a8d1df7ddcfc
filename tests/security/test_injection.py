"""What clients send stays what it is: one argument, one header, one line of a log, one record."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import Node
from tests.plain import Closed, Refused
from tests.security.web import ask, say
from tests.site import client, make_site, session
from tests.site.jobs import LIMIT

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

MALLORY = "mallory_of_injections"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Node]:
    """A node where nobody was refused yet: too many refusals are counted, not recorded."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path, Node(make_site(Path(path))) as node:
        node.until("READY")
        yield node


# Arguments of programs ------------------------------------------------------------------------------

HARMLESS = (
    *("; touch pwned", "&& touch pwned", "| touch pwned", "$(touch pwned)", "`touch pwned`"),
    *("${IFS}", "$HOME", "%s%n%x", "a\nb", "a\r\nb", "\t", " ", "", "'", '"', "\\", "\\'"),
    *("* ? [a]", "~root", "> pwned", "< /etc/passwd", "!!", "#", "{a,b}", "a=b", "--x".strip("-")),
    *("\x1b[2J", "\u202egnp.exe", "\ufeff", "é", "👾", "\u2028", "%00", "../../etc/passwd"),
    "x" * 50_000,
)
OPTIONS = ("-", "--", "-rf", "--output=/tmp/pwned", "--output", "-o/tmp/pwned", "-x\n--y", "-$(id)")


@pytest.mark.capability("A3", "D5")
@pytest.mark.parametrize("value", HARMLESS, ids=lambda each: ascii(each)[:40])
async def test_a_value_arrives_as_one_argument_and_as_it_is(site: Node, value: str) -> None:
    arguments = {"text": value, "tag": value, "words": [value, value], "dashed": value}
    async with client(site, MALLORY) as mallory:
        job = await mallory.exec("probe.arguments", arguments)
        argv = await job.result(LIMIT)

    assert argv == ["constant", value, "7", "0.5", "true", "--tag", value, value, value, value]


@pytest.mark.capability("A3", "D5")
@pytest.mark.parametrize("value", OPTIONS, ids=ascii)
async def test_a_value_becomes_no_option(site: Node, value: str) -> None:
    token = site.issue(MALLORY)
    async with client(site, MALLORY) as mallory:
        for name, given in (("text", value), ("words", ["x", value])):
            with pytest.raises(InvalidArguments, match=name):
                await mallory.exec("probe.arguments", {name: given})
            body = {"task": "probe.arguments", "kwargs": {name: given}}
            answer = await ask(site, "POST", "/api/jobs", token=token, body=body)
            assert (answer.status, answer.problem["code"]) == (422, "invalid_arguments")
        job = await mallory.exec("probe.arguments", {"glued": value, "dashed": value, "tag": value})
        argv = await job.result(LIMIT)

    assert argv[5:] == ["--tag", value, f"--glued={value}", value]


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


WRONG = (5, 1.5, True, ["x"], {"a": "b"}, nested(30), {"$ne": ""}, b"bytes", "a\0b", "\0")


@pytest.mark.capability("D5")
@pytest.mark.parametrize("value", WRONG, ids=lambda each: ascii(each)[:40])
async def test_a_value_of_another_kind_is_refused_by_its_name(site: Node, value: Any) -> None:
    peer = await session(site, MALLORY)
    for name in ("text", "tag", "dashed"):
        with pytest.raises(InvalidArguments, match=name):
            await peer.call(uris.EXEC, "probe.arguments", [], {name: value})
    for wrong in (value, [value], [["x", value]]):
        with pytest.raises(InvalidArguments):
            await peer.call(uris.EXEC, "probe.arguments", [], {"number": wrong, "text": wrong})
    await peer.leave()


@pytest.mark.capability("D5")
async def test_a_huge_value_is_refused(site: Node) -> None:
    peer = await session(site, MALLORY)
    with pytest.raises(TooLarge, match="text"):
        await peer.call(uris.EXEC, "probe.arguments", ["x" * 131_072])
    with pytest.raises(TooLarge):
        await peer.call(uris.EXEC, "probe.arguments", [], {"words": ["x" * 100_000] * 11})
    for name in ("--tag", "text ", "__class__", "self", "command", "text\0", "-rf", FORGED):
        with pytest.raises(InvalidArguments):
            await peer.call(uris.EXEC, "probe.arguments", [], {name: "x"})
    await peer.leave()


@pytest.mark.capability("A3", "D5")
async def test_no_task_of_the_gallery_takes_a_text_for_an_option(site: Node) -> None:
    """Every text parameter of every task, with each of the values; what would run is looked at."""
    peer = await session(site, "root_of_injections", "operator")
    for task in await peer.call(uris.TASKS):
        if not task["name"].startswith(GALLERY):
            continue
        for name, schema in task["parameters"].get("properties", {}).items():
            if "string" not in json.dumps(schema) or task["name"] in BY_POSITION:
                continue
            for value in (*OPTIONS, "$(touch pwned)", "; touch pwned", "a\0b", "../../etc/passwd"):
                try:
                    told = await peer.call(uris.CHECK, task["name"], [], {name: value})
                except InvalidArguments:
                    continue
                assert value not in OPTIONS or value not in told["argv"], (task["name"], told)
    await peer.leave()

    assert not list(site.folder.root.rglob("pwned"))


BY_POSITION = {"demo.fail"}
"""Those whose own programs know no options."""
GALLERY = ("archive.", "date", "demo.", "git.", "images.", "text.", "video.", "table.", "overview")

# Headers and logs -----------------------------------------------------------------------------------

FORGED = '\r\n{"event": "forged", "level": "critical"}\n\x1b[2J\u202e\u2028{"action": "forged"}'
ONE_LINE = "x\x1b]0;forged\x07\u202e\u2028forged"


def executors(site: Node) -> list[dict[str, Any]]:
    """The lines of the executor's log, each of which must be one object."""
    text = site.folder.log("executor").read_bytes()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def whole(site: Node) -> None:
    """Make sure that each record of each log is one, and that nothing in them steers a terminal."""
    assert "forged" not in {line["event"] for line in executors(site)}
    for log in site.folder.logs.iterdir():
        text = log.read_bytes().decode()
        assert not re.search(r'^\{?"(event|action)": "forged"', text, re.MULTILINE), log
        assert not [char for char in text if not (char.isprintable() or char == "\n")], log


@pytest.mark.capability("O3", "N26")
async def test_names_reasons_keys_and_tags_forge_nothing(site: Node) -> None:
    who = 'mallory", "event": "forged'
    async with await site.user(who) as peer:
        for procedure, args, kwargs in (
            (uris.EXEC, [FORGED], {}),
            (uris.EXEC, ["date"], {"key": FORGED, "tags": [FORGED[:90]]}),
            (uris.EXEC, ["date"], {"on_behalf_of": FORGED}),
            (uris.EXEC, ["date"], {"traceparent": FORGED}),
            (uris.EXEC, ["date"], {FORGED: 1}),
            (uris.EXEC, ["date", [FORGED]], {}),
            (uris.CANCEL, [FORGED, FORGED], {}),
            (uris.ANSWER, [FORGED, FORGED, FORGED], {}),
            (uris.OUTPUT, [FORGED, FORGED], {}),
            (uris.SEARCH, [FORGED, FORGED], {}),
            (uris.ARTIFACT, [FORGED, FORGED], {}),
            (uris.UPLOAD_BEGIN, [FORGED, 1], {}),
            (uris.UPLOAD_FINISH, [FORGED], {}),
            (uris.TOKEN, [FORGED], {}),
            (uris.MINT, [FORGED], {"tasks": [FORGED]}),
            (uris.JOBS, [FORGED], {"task": FORGED}),
            (uris.CHOICES, [FORGED, FORGED], {}),
        ):
            with contextlib.suppress(Refused):
                await peer.call(procedure, *args, **kwargs)
    for attempt in ("call", "subscribe", "publish", "register"):
        async with await site.user(who) as peer:
            with pytest.raises((Refused, Closed)):
                await getattr(peer, attempt)(FORGED)
    async with await site.outside() as stranger:
        with pytest.raises((Refused, Closed)):
            await stranger.join("tr_" + 43 * "x", authid=FORGED, authextra={"client": FORGED})

    whole(site)


HEADERS = (
    "User-Agent",
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "Referer",
    "traceparent",
    "Origin",
    "Last-Event-ID",
    "Idempotency-Key",
    "Upload-Metadata",
    "Content-Type",
)
CONTROL = "x\x1b[2J\x07forged\x85\x9b2J"


@pytest.mark.capability("O3")
@pytest.mark.parametrize("header", HEADERS)
async def test_headers_forge_nothing(site: Node, header: str) -> None:
    token = site.issue(MALLORY)
    trace = f"00-{'1' * 32}-{'2' * 16}-01"
    for value in (CONTROL, f"{trace}\x1b[2J", f'{trace}", "event": "forged'):
        for method, path, body in (
            ("POST", "/api/jobs", {"task": "date"}),
            ("GET", "/api/x", None),
        ):
            try:
                answer = await ask(
                    site, method, path, token=token, headers={header: value}, body=body
                )
            except IndexError:
                continue  # the connection was closed
            assert answer.status < 500
            assert not [name for name in answer.headers if "forged" in name]
    folded = f"GET /api/jobs HTTP/1.1\r\nHost: x\r\n{header}: a\r\n forged: b\r\nConnection: close\r\n\r\n"
    bare = f"GET /api/jobs HTTP/1.1\r\nHost: x\r\n{header}: a\nX-Forged: b\rX: c\r\nConnection: close\r\n\r\n"
    for request in (folded, bare):
        assert all(400 <= each.status < 500 for each in await say(site, request.encode()))

    whole(site)


@pytest.mark.capability("N26", "O3")
async def test_the_audit_log_can_be_exported_whatever_is_in_it(quiet: Node) -> None:
    who = 'mallory_exports", "actor": "root'
    formula = '=cmd|"/c calc"!A1'
    async with await quiet.user(who) as peer:
        for name in (FORGED, formula, ONE_LINE, ',,,\n""', '\\",\n'):
            with pytest.raises(Refused):
                await peer.call(uris.EXEC, name)
        await peer.call(uris.UPLOAD_BEGIN, "=1+1.txt", 1)
    async with await quiet.user("overseer_of_exports", "operator") as overseer:
        told = await overseer.call(uris.AUDIT, actor=who, limit=100)

    records = told["records"]
    assert {each["actor"] for each in records} == {who}
    assert {FORGED, formula, ONE_LINE} <= {each["object"] for each in records}
    lines = exported(quiet, "--by", who, "--json").splitlines()
    table = exported(quiet, "--by", who, "--csv")
    assert [each["id"] for each in map(json.loads, lines)][: len(records)] == sorted(
        each["id"] for each in records
    )
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) >= len(records)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "\r", "\t"))]
    for text in (*lines, table):
        assert "\x1b" not in text


def exported(site: Node, *words: str) -> str:
    """What the command line prints of the audit log."""
    command = (sys.executable, "-m", "taskrealm", "audit", *words)
    done = subprocess.run(
        command, cwd=site.folder.root, capture_output=True, timeout=LIMIT, check=True
    )
    return done.stdout.decode()
