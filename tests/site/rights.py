"""A node whose rules over tasks and jobs are a test's own, and who may do what on it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.nodes import ROOT, Node
from tests.plain import Refused, WebSocket
from tests.site import make_site
from tests.site.jobs import LIMIT

from taskrealm.access.tokens import TokenStore
from taskrealm.protocol import uris
from taskrealm.protocol.jobs import new_job_id
from taskrealm.protocol.scope import WHOLE, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from taskrealm.settings import NodeFolder

UNKNOWN_TASK = "taskrealm.error.unknown_task"
UNKNOWN_JOB = "taskrealm.error.unknown_job"
NOT_AUTHORIZED = "taskrealm.error.not_authorized"


def with_rules(rules: str) -> str:
    """The policy of this repository's node with other rules over tasks and jobs."""
    own = (ROOT / "router" / "roles.toml").read_text()
    return own[: own.index("[[rules]]")] + rules


def write_ruled_site(root: Path, rules: str, *, settings: str = "") -> NodeFolder:
    """Write a site with the tasks of the desk and these *rules* into the empty folder *root*."""
    folder = make_site(root, settings=settings)
    shutil.copy(Path(__file__).with_name("desk.py"), folder.root / "tasks")
    folder.policy.write_text(with_rules(rules))
    return folder


@contextlib.contextmanager
def ruled_node(rules: str, *, settings: str = "") -> Iterator[Node]:
    """A running node with such a site."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        with Node(write_ruled_site(Path(path), rules, settings=settings)) as node:
            node.until("READY")
            yield node


async def enter(
    node: Node,
    authid: str,
    role: str = "user",
    *,
    teams: tuple[str, ...] = (),
    scope: Scope = WHOLE,
) -> WebSocket:
    """A session of *authid*, who is in *teams* and limited to *scope*."""
    with contextlib.closing(TokenStore.open(node.folder.tokens)) as store:
        token = store.issue(authid, role, lifetime=10 * LIMIT, teams=teams, scope=scope)
    peer = await node.outside()
    await peer.join(token)
    return peer


async def outcome(answer: Awaitable[Any]) -> str:
    """How a call ended: `ok`, or the URI of its error."""
    try:
        await answer
    except Refused as refusal:
        return refusal.uri
    return "ok"


async def until_ended(peer: WebSocket, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""
    async with asyncio.timeout(LIMIT):
        while True:
            job: dict[str, Any] = await peer.call(uris.JOB, job_id)
            if job["ended_at"] is not None:
                return job
            await asyncio.sleep(0.05)


async def cancel_among_others(peer: WebSocket, job_id: str) -> None:
    """Cancel the job by a call about others too; raises that this one is refused."""
    told = await peer.call(uris.CANCEL_MANY, [new_job_id(), job_id, new_job_id()])
    assert len(told["answers"]) + len(told["refused"]) == 3
    if job_id in told["refused"]:
        raise Refused(told["refused"][job_id]["error"], told["refused"][job_id]["message"])


ASKING: dict[str, Callable[[WebSocket], Awaitable[Any]]] = {
    "choices": lambda peer: peer.call(uris.CHOICES, "desk.convert", "room"),
    "check": lambda peer: peer.call(uris.CHECK, "desk.convert"),
    "exec": lambda peer: peer.call(uris.EXEC, "desk.convert"),
    "exec_many": lambda peer: peer.call(uris.EXEC_MANY, [{"task": "desk.convert"}]),
    "run": lambda peer: peer.call(f"{uris.RUN_PREFIX}desk.convert"),
    "upload.begin": lambda peer: peer.call(uris.UPLOAD_BEGIN, "a.txt", 1),
}
"""Each procedure about a task."""

ABOUT_JOBS: dict[str, tuple[str, Callable[[WebSocket, str], Awaitable[Any]]]] = {
    "job": ("see", lambda peer, job_id: peer.call(uris.JOB, job_id)),
    "events": ("see", lambda peer, job_id: peer.call(uris.EVENTS, job_id=job_id)),
    "children": ("see", lambda peer, job_id: peer.call(uris.JOBS, parent=job_id)),
    "output": ("output", lambda peer, job_id: peer.call(uris.OUTPUT, job_id)),
    "search": ("output", lambda peer, job_id: peer.call(uris.SEARCH, job_id, "a")),
    "artifacts": ("output", lambda peer, job_id: peer.call(uris.ARTIFACTS, job_id)),
    "artifact": ("output", lambda peer, job_id: peer.call(uris.ARTIFACT, job_id, "film.txt")),
    "cancel": ("cancel", lambda peer, job_id: peer.call(uris.CANCEL, job_id)),
    "cancel_many": ("cancel", lambda peer, job_id: cancel_among_others(peer, job_id)),
    "answer": ("cancel", lambda peer, job_id: peer.call(uris.ANSWER, job_id, "1", True)),
}
"""Each procedure about a job, and the right that it needs."""

ANSWERED = {"answer": "taskrealm.error.unknown_question"}
"""What is answered to those who may, as the job asks nothing."""
