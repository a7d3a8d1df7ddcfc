"""What a scope leaves of what a role may call and subscribe to: it only ever takes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.access.identity import ROLES
from taskrealm.access.policy import load_policy
from taskrealm.protocol import uris
from taskrealm.settings import NodeFolder

POLICY = load_policy(NodeFolder(Path(__file__).parents[3]).policy)

JOB, OTHER_JOB = (f"01a1fedcef7e79e6b4ab0aff6cb3f73{last}" for last in "de")
OWN = f"{uris.USER_PREFIX}{uris.uid_of('ana')}."
RUN = uris.RUN_PREFIX + "video.transcode"
RUN_OTHER = uris.RUN_PREFIX + "date"

ONE_TASK = {"tasks": ["video.transcode"]}
ONE_JOB = {"jobs": [JOB]}
LOOKING = {"read_only": True}
SCOPES = {
    "one task": ONE_TASK,
    "one job": ONE_JOB,
    "looking": LOOKING,
    "one task, looking": ONE_TASK | LOOKING,
    "one job, looking": ONE_JOB | LOOKING,
    "one job of a task": ONE_TASK | ONE_JOB,
    "nothing": {"tasks": []},
}
NARROW = [name for name in SCOPES if name != "looking"]


def decide(
    action: str, uri: str, scope: object, *, role: str = "user", match: str = "exact"
) -> bool:
    extra = {"uid": uris.uid_of("ana"), "scope": scope}
    return POLICY.decide("ana", role, extra, uri, action, match, {})


LOOKS = frozenset(
    (
        *(uris.TASKS, uris.CHOICES, uris.CHECK, uris.JOB, uris.JOBS, uris.EVENTS, uris.OUTPUT),
        *(uris.SEARCH, uris.ARTIFACTS, uris.ARTIFACT, uris.TOKEN, uris.OUTCOMES),
        # The executor tells a limited session of itself alone.
        *(uris.OWN_SESSIONS, uris.OWN_TOKENS),
    )
)
STEERS = LOOKS | {uris.CANCEL, uris.CANCEL_MANY, uris.ANSWER}
RUNS = STEERS | {
    *(uris.EXEC, uris.EXEC_MANY, uris.UPLOAD_BEGIN, uris.UPLOAD_APPEND, uris.UPLOAD_STATUS),
    *(uris.UPLOAD_FINISH, uris.UPLOAD_REMOVE),
}


@pytest.mark.capability("N24")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        pytest.param("one task", RUNS | {RUN}, id="one task"),
        pytest.param("one job", STEERS, id="one job"),
        pytest.param("looking", LOOKS, id="looking"),
        pytest.param("one task, looking", LOOKS, id="one task, looking"),
        pytest.param("one job, looking", LOOKS, id="one job, looking"),
        pytest.param("one job of a task", STEERS, id="one job of a task"),
        pytest.param("nothing", RUNS, id="nothing"),  # the executor knows no task for it
    ],
)
def test_a_scope_leaves_these_procedures_and_no_others(
    role: str, scope: str, allowed: frozenset[str]
) -> None:
    procedures = [*uris.PROCEDURES, *uris.ADMIN_PROCEDURES, RUN, RUN_OTHER, uris.RUN_PREFIX]

    left = {uri for uri in procedures if decide("call", uri, SCOPES[scope], role=role)}
    assert left == allowed


@pytest.mark.capability("N24", "D4")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", NARROW)
@pytest.mark.parametrize(
    ("topic", "match"),
    [
        pytest.param(OWN + "jobs", "exact", id="the events of all jobs"),
        pytest.param(OWN + "queue", "exact", id="the places of all jobs"),
        pytest.param(OWN, "prefix", id="everything of the user"),
        pytest.param(OWN + "output.", "prefix", id="all output"),
        pytest.param(OWN + "output." + JOB, "prefix", id="the own output as a prefix"),
        pytest.param(OWN + "output." + JOB[:-1], "prefix", id="output of ids that begin so"),
        pytest.param(OWN + "output." + JOB, "wildcard", id="the own output as a wildcard"),
        pytest.param(OWN + "output.", "exact", id="output of no job"),
        pytest.param(OWN + "output." + JOB + ".x", "exact", id="below the own output"),
        pytest.param(OWN + "output." + JOB.upper(), "exact", id="an id in capitals"),
        pytest.param(OWN + "output.x", "exact", id="what is no id"),
        pytest.param(uris.job_topic("ana", JOB), "prefix", id="the own job as a prefix"),
        pytest.param(uris.job_topic("ana", ""), "prefix", id="all single jobs"),
        pytest.param(uris.job_topic("ana", JOB), "wildcard", id="the own job as a wildcard"),
        pytest.param(uris.JOB_PREFIX + "." + JOB, "wildcard", id="that job of anybody"),
        pytest.param(uris.job_topic("bob", JOB), "exact", id="a job of another"),
        pytest.param(uris.output_topic("bob", JOB), "exact", id="output of another"),
        pytest.param(uris.jobs_topic("bob"), "exact", id="jobs of another"),
        pytest.param(uris.USER_PREFIX, "prefix", id="all users"),
        pytest.param(uris.JOB_PREFIX, "prefix", id="all jobs of all users"),
        pytest.param(uris.CATALOG, "prefix", id="the catalogue as a prefix"),
        pytest.param("", "prefix", id="everything"),
        pytest.param("wamp.session.on_join", "exact", id="who joins"),
    ],
)
def test_a_narrow_scope_leaves_no_topic_of_more_than_one_own_job(
    role: str, scope: str, topic: str, match: str
) -> None:
    assert not decide("subscribe", topic, SCOPES[scope], role=role, match=match)


@pytest.mark.capability("N24")
def test_a_narrow_scope_leaves_the_topics_of_single_jobs_in_it() -> None:
    for topic in (uris.job_topic("ana", JOB), uris.output_topic("ana", JOB)):
        assert decide("subscribe", topic, ONE_TASK)
        assert decide("subscribe", topic, ONE_JOB)
    for topic in (uris.job_topic("ana", OTHER_JOB), uris.output_topic("ana", OTHER_JOB)):
        assert decide(
            "subscribe", topic, ONE_TASK
        )  # whether it is of that task, the executor knows
        assert not decide("subscribe", topic, ONE_JOB)
        assert not decide("subscribe", topic, ONE_JOB | ONE_TASK)
    assert decide("subscribe", uris.CATALOG, ONE_JOB)


@pytest.mark.capability("N24")
def test_whoever_may_only_look_may_look_at_everything_of_the_user() -> None:
    assert decide("subscribe", OWN + "jobs", LOOKING)
    assert decide("subscribe", OWN, LOOKING, match="prefix")
    assert not decide("subscribe", uris.jobs_topic("bob"), LOOKING)


@pytest.mark.parametrize(
    "scope",
    [
        *(None, [], "", "all", 0, True, {"tasks": "date"}, {"tasks": [1]}, {"tasks": {}}),
        *({"jobs": JOB}, {"jobs": None, "more": 1}, {"read_only": 1}, {"read_only": None}),
        *({"Tasks": []}, {1: 2}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("role", ROLES)
def test_a_scope_that_is_not_understood_leaves_nothing(role: str, scope: object) -> None:
    assert not decide("call", uris.TASKS, scope, role=role)
    assert not decide("subscribe", uris.CATALOG, scope, role=role)


@pytest.mark.parametrize("extra", [None, [], "", 1, ("scope",)], ids=repr)
def test_a_session_of_which_nothing_is_known_may_do_nothing(extra: object) -> None:
    assert not POLICY.decide("ana", "user", extra, uris.TASKS, "call", "exact", {})


names = st.sampled_from(["date", "video.transcode", JOB, OTHER_JOB, ""])
scopes = st.fixed_dictionaries(
    {},
    optional={
        "tasks": st.lists(names, max_size=3),
        "jobs": st.lists(names, max_size=3),
        "read_only": st.booleans(),
    },
)
everything = st.sampled_from(
    [
        *(*uris.PROCEDURES, *uris.ADMIN_PROCEDURES, RUN, RUN_OTHER, uris.AUTHORIZE, ""),
        *(uris.job_topic("ana", JOB), uris.job_topic("ana", OTHER_JOB), uris.job_topic("ana", "")),
        *(uris.output_topic("ana", JOB), uris.output_topic("bob", JOB), uris.job_topic("bob", JOB)),
        *(OWN, OWN + "jobs", OWN + "queue", uris.USER_PREFIX, uris.JOB_PREFIX, uris.CATALOG),
    ]
)


@given(
    uri=everything,
    action=st.sampled_from(["call", "subscribe", "publish", "register"]),
    match=st.sampled_from(["exact", "prefix", "wildcard"]),
    role=st.sampled_from(ROLES),
    scope=scopes,
    taken=scopes,
)
def test_the_more_a_scope_takes_away_the_less_is_left(
    uri: str, action: str, match: str, role: str, scope: dict[str, Any], taken: dict[str, Any]
) -> None:
    inner = _within(scope, taken)

    whole = POLICY.decide("ana", role, {}, uri, action, match, {})
    outer = decide(action, uri, scope, role=role, match=match)
    assert whole or not outer
    assert outer or not decide(action, uri, inner, role=role, match=match)


def _within(scope: dict[str, Any], taken: dict[str, Any]) -> dict[str, Any]:
    """A scope that takes away what both do."""
    inner = dict(scope)
    for kind in ("tasks", "jobs"):
        if kind in scope and kind in taken:
            inner[kind] = [each for each in scope[kind] if each in taken[kind]]
        elif kind in taken:
            inner[kind] = taken[kind]
    if taken.get("read_only"):
        inner["read_only"] = True
    return inner
