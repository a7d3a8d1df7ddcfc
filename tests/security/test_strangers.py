"""Whatever belongs to another does not exist: not for any procedure, by any id, guessed or known."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.plain import Refused
from tests.security.evidence import NO_SUCH_PROCEDURE, NOT_AUTHORIZED, Evidence
from tests.site import client, session
from tests.site.jobs import LIMIT, until

from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidArguments,
    InvalidToken,
    NotAuthorized,
    UnknownJob,
    UnknownTask,
    UnknownUpload,
)
from taskrealm.protocol.jobs import EventType, new_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.nodes import Node

VICTIM, MALLORY = "victim_of_strangers", "mallory_stranger"
SECRET = "what only the victim knows"

Asked = tuple[list[Any], dict[str, Any]]


@dataclass(frozen=True)
class Belongings:
    """What the victim has."""

    done: str
    """A job that has ended, with output, a result and a file."""
    running: str
    file: str
    """An upload."""
    code: str
    """A sign-in code."""
    session: int
    token: str
    """The id of the token of that session."""

    @property
    def jobs(self) -> tuple[str, str]:
        """The ids of the jobs."""
        return self.done, self.running


@pytest_asyncio.fixture
async def hers(site: Node) -> AsyncIterator[Belongings]:
    """Jobs and files of the victim."""
    async with client(site, VICTIM) as victim:
        file = await victim.upload(SECRET.encode(), name="secret.txt")
        script = f"echo {SECRET}; echo {SECRET} > out.txt"
        done = await victim.exec("papers.leave", [script])
        await done.result(LIMIT)
        running = await victim.exec("probe.nap")
        await until(running, EventType.STARTED)
        [here] = await victim.sessions()
        try:
            yield Belongings(
                done.job_id,
                running.job_id,
                str(file),
                site.issue(VICTIM, lifetime=60, code=True),
                here["session"],
                here["token"],
            )
            assert [each["is_current"] for each in await victim.sessions()] == [True]
            assert (await running.snapshot())["state"] == "running"
        finally:
            await running.cancel(now=True)


def each_job(*more: Any, **options: Any) -> Callable[[Belongings], list[Asked]]:
    """The procedure asked about each job of the victim."""
    return lambda hers: [([job_id, *more], options) for job_id in hers.jobs]


ATTEMPTS: dict[str, tuple[Callable[[Belongings], list[Asked]], type[Exception] | str | None]] = {
    # What is not about anybody's jobs is answered; the tests below look at the answers.
    uris.TASKS: (lambda _: [([], {})], None),
    uris.CHOICES: (lambda _: [(["probe.operators", "text"], {})], UnknownTask),
    uris.CHECK: (
        lambda hers: [
            (["papers.leave", ["true", hers.file]], {}),
            (["probe.printed", ["x"]], {"after": [hers.done]}),
        ],
        InvalidArguments,
    ),
    uris.EXEC: (
        lambda hers: [
            (["papers.leave", ["cat $1", hers.file]], {}),
            (["papers.leave", [], {"script": "cat $1", "source": hers.file}], {}),
            (["probe.printed", ["x"]], {"after": [hers.done]}),
            (["probe.printed", ["x"]], {"after": [hers.running]}),
            (["probe.printed", ["x"]], {"owner": VICTIM}),
        ],
        InvalidArguments,
    ),
    uris.EXEC_MANY: (
        lambda hers: [
            ([[{"task": "papers.leave", "args": ["cat $1", hers.file]}]], {}),
            ([[{"task": "probe.printed", "args": ["x"], "after": [hers.running]}]], {}),
            ([[{"task": "probe.printed", "args": ["x"], "owner": VICTIM}]], {}),
        ],
        InvalidArguments,
    ),
    uris.CANCEL: (each_job("mine now", now=True), UnknownJob),
    uris.CANCEL_MANY: (lambda hers: [([list(hers.jobs), "mine now", True], {})], None),
    uris.ANSWER: (each_job("question", "answer"), UnknownJob),
    uris.JOB: (each_job(), UnknownJob),
    uris.JOBS: (
        lambda hers: [
            ([], {"owner": VICTIM}),
            ([], {"owner": VICTIM, "state": "running"}),
            ([], {"owner": VICTIM, "before": hers.running}),
        ],
        NotAuthorized,
    ),
    uris.EVENTS: (
        lambda hers: [
            *(([None, 0, 10, job_id], {}) for job_id in hers.jobs),
            *(([], {"job_id": job_id, "owner": VICTIM}) for job_id in hers.jobs),
        ],
        UnknownJob,
    ),
    uris.OUTPUT: (
        lambda hers: [
            ([job_id, stream, 0, 100], {})
            for job_id in hers.jobs
            for stream in ("stdout", "stderr", "result")
        ],
        UnknownJob,
    ),
    uris.SEARCH: (
        lambda hers: [
            *(([job_id, "a"], {}) for job_id in hers.jobs),
            *(([job_id, SECRET], {"stream": "stderr"}) for job_id in hers.jobs),
        ],
        UnknownJob,
    ),
    uris.TOKEN: (lambda hers: [([hers.code], {})], InvalidToken),
    uris.MINT: (lambda _: [([], {"authid": VICTIM, "minutes": 5})], "not registered or refused"),
    uris.OUTCOMES: (lambda _: [(["probe.operators"], {})], UnknownTask),
    uris.OWN_SESSIONS: (lambda _: [([], {"user": VICTIM})], InvalidArguments),
    uris.OWN_TOKENS: (lambda _: [([], {"user": VICTIM})], InvalidArguments),
    uris.END_OWN_SESSION: (lambda hers: [([hers.session], {})], InvalidArguments),
    uris.REVOKE_OWN: (lambda hers: [([hers.token], {})], InvalidArguments),
    uris.UPLOAD_BEGIN: (lambda _: [(["a.txt", 5], {"owner": VICTIM})], InvalidArguments),
    uris.UPLOAD_APPEND: (lambda hers: [([hers.file, 0, b"mine"], {})], UnknownUpload),
    uris.UPLOAD_STATUS: (lambda hers: [([hers.file], {})], UnknownUpload),
    uris.UPLOAD_FINISH: (lambda hers: [([hers.file], {})], UnknownUpload),
    uris.UPLOAD_REMOVE: (lambda hers: [([hers.file], {})], UnknownUpload),
    uris.ARTIFACTS: (each_job(), UnknownJob),
    uris.ARTIFACT: (each_job("out.txt"), UnknownJob),
}
"""What a stranger asks each procedure for, and how that is refused."""


def test_every_procedure_has_been_tried() -> None:
    assert set(ATTEMPTS) == set(uris.PROCEDURES)


@pytest.mark.capability("D1", "C3", "Z8")
@pytest.mark.parametrize("procedure", [uri for uri, (_, error) in ATTEMPTS.items() if error])
async def test_what_is_anothers_does_not_exist(
    site: Node, hers: Belongings, procedure: str
) -> None:
    attempts, expected = ATTEMPTS[procedure]
    evidence = Evidence(site)
    authid = f"{MALLORY}_of_{procedure.removeprefix('taskrealm.')}"
    peer = await session(site, authid)
    for args, kwargs in attempts(hers):
        with pytest.raises(Exception) as refusal:  # noqa: PT011
            await peer.call(procedure, *args, **kwargs)

        if isinstance(expected, type):
            assert isinstance(refusal.value, expected), (args, kwargs, refusal.value)
        assert SECRET not in str(refusal.value)
        assert VICTIM not in str(refusal.value) or VICTIM in str((args, kwargs))
    await peer.leave()

    if procedure != uris.MINT:
        await evidence.shows(f'"{authid}".*"Call refused"|"Call refused".*"{authid}"')


@pytest.mark.capability("D1")
async def test_what_may_be_asked_for_tells_nothing_of_others(site: Node, hers: Belongings) -> None:
    peer = await session(site, MALLORY)
    told = [
        await peer.call(uris.TASKS),
        await peer.call(uris.JOBS),
        await peer.call(uris.JOBS, limit=200, children=True),
        await peer.call(uris.EVENTS),
        await peer.call(uris.CHECK, "probe.printed", ["x"]),
        await peer.call(uris.OUTCOMES),
        await peer.call(uris.OUTCOMES, "papers.leave"),
        await peer.call(uris.OWN_SESSIONS),
        await peer.call(uris.OWN_TOKENS),
    ]
    await peer.leave()

    for answer in told:
        text = str(answer)
        assert not any(each in text for each in (VICTIM, SECRET, *hers.jobs, hers.file, hers.token))


@pytest.mark.capability("D1", "N22")
async def test_many_jobs_are_refused_each_like_one_that_does_not_exist(
    site: Node, hers: Belongings
) -> None:
    evidence = Evidence(site)
    authid = "mallory_of_many"
    peer = await session(site, authid)
    unknown = new_job_id()
    told = await peer.call(uris.CANCEL_MANY, [hers.done, unknown, hers.running], "mine now", True)
    await peer.leave()

    assert told["answers"] == {}
    assert list(told["refused"]) == [hers.done, unknown, hers.running]
    assert {each["error"] for each in told["refused"].values()} == {UnknownJob.uri}
    sentences = {each["message"].replace(id, "…") for id, each in told["refused"].items()}
    assert len(sentences) == 1
    assert VICTIM not in str(told)
    await evidence.shows(f'"{authid}".*"Call refused"|"Call refused".*"{authid}"')


GUESSES = [
    pytest.param("", id="nothing"),
    pytest.param("0" * 32, id="zeros"),
    pytest.param(new_job_id(), id="a new id"),
    pytest.param(str(uuid.uuid4()), id="another kind of id"),
    pytest.param("%", id="a pattern of SQL"),
    pytest.param("' or '1'='1", id="a piece of SQL"),
    pytest.param("../" * 8 + "etc/passwd", id="a path"),
    pytest.param("x" * 100_000, id="a long text"),
    pytest.param("a\0b", id="a NUL"),
    pytest.param("\n\x1b[2J", id="control characters"),
]


@pytest.mark.parametrize("guess", GUESSES)
async def test_a_guessed_id_is_answered_like_that_of_anothers_job(
    site: Node, hers: Belongings, guess: str
) -> None:
    peer = await session(site, MALLORY)
    for procedure, more in (
        (uris.JOB, []),
        (uris.CANCEL, []),
        (uris.OUTPUT, []),
        (uris.SEARCH, ["a"]),
        (uris.ARTIFACTS, []),
        (uris.ARTIFACT, ["out.txt"]),
        (uris.ANSWER, ["q", 1]),
        (uris.EVENTS, [None, 0, 10, ...]),
        (uris.JOBS, [None, None, None, ...]),
    ):
        answers = []
        for job_id in (guess, hers.done):
            args = [job_id if each is ... else each for each in more]
            args = args if ... in more else [job_id, *more]
            with pytest.raises(UnknownJob) as refusal:
                await peer.call(procedure, *args)
            message = refusal.value.message.replace(repr(job_id), "…")
            answers.append(message.replace(f"no job {job_id};", "no job …;"))

        assert answers[0] == answers[1], procedure
    await peer.leave()


@pytest.mark.parametrize(
    "wrong", [None, 5, 1.5, True, b"bytes", ["list"], {"a": "mapping"}], ids=repr
)
async def test_an_id_of_the_wrong_kind_is_refused_as_such(site: Node, wrong: Any) -> None:
    peer = await session(site, MALLORY)
    for procedure, more in (
        (uris.JOB, []),
        (uris.CANCEL, []),
        (uris.OUTPUT, []),
        (uris.SEARCH, ["a"]),
        (uris.ARTIFACTS, []),
        (uris.ARTIFACT, ["out.txt"]),
        (uris.ANSWER, ["q", 1]),
    ):
        with pytest.raises(InvalidArguments):
            await peer.call(procedure, wrong, *more)
    await peer.leave()


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ["user", "backend"])
@pytest.mark.parametrize("procedure", uris.ADMIN_PROCEDURES)
async def test_only_operators_reach_what_is_for_operators(
    site: Node, role: str, procedure: str
) -> None:
    async with await site.user("mallory_no_operator", role) as mallory:
        for arguments in ([], ["x"], [0], [None, None]):
            with pytest.raises(Refused) as refusal:
                await mallory.call(procedure, *arguments)

            assert refusal.value.uri == NOT_AUTHORIZED


@pytest.mark.capability("C3")
@pytest.mark.parametrize("verb", [uris.CANCEL, uris.ANSWER])
async def test_a_backend_steers_only_what_it_has_submitted(
    site: Node, hers: Belongings, verb: str
) -> None:
    peer = await session(site, "mallory_backend", "backend")
    more = [] if verb == uris.CANCEL else ["question", 1]
    with pytest.raises(NotAuthorized):
        await peer.call(verb, hers.running, *more)
    await peer.leave()


@pytest.mark.capability("Z8")
@pytest.mark.parametrize("role", ["user", "backend", "operator"])
async def test_the_routers_own_procedures_are_nobodys(site: Node, role: str) -> None:
    async with await site.user(MALLORY, role) as mallory:
        for procedure in META:
            for arguments in ([], [mallory.session], [mallory.session, "x", {}]):
                with pytest.raises(Refused) as refusal:
                    await mallory.call(procedure, *arguments)

                assert refusal.value.uri in (NOT_AUTHORIZED, NO_SUCH_PROCEDURE), procedure
        assert await mallory.call(uris.TASKS)


META = (
    *(
        f"wamp.session.{each}"
        for each in (
            *("count", "list", "get", "kill", "kill_all", "kill_by_authid", "kill_by_authrole"),
            *("add_testament", "flush_testaments", "count_testaments", "modify_details"),
        )
    ),
    *(
        f"wamp.registration.{each}"
        for each in (
            *("list", "lookup", "match", "get", "list_callees", "count_callees", "remove_callee"),
        )
    ),
    *(
        f"wamp.subscription.{each}"
        for each in (
            *("list", "lookup", "match", "get", "list_subscribers", "count_subscribers"),
            *("remove_subscriber", "get_events"),
        )
    ),
    *("crossbar.get_info", "crossbar.shutdown", "crossbar.worker.router.get_router_realms"),
    *("wamp.schema.describe", "wamp.reflect.list", "wamp.broker.stats", "wamp"),
    *(uris.AUTHENTICATE, uris.AUTHORIZE, uris.END, uris.RECORD),
)
