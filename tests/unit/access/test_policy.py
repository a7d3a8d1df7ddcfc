"""What each role may do, rule by rule, and which policies are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.access.identity import ROLES
from taskrealm.access.policy import load_policy
from taskrealm.protocol import uris
from taskrealm.settings import NodeFolder, SettingsError

POLICY = load_policy(NodeFolder(Path(__file__).parents[3]).policy)

OWN = f"{uris.USER_PREFIX}{uris.uid_of('alice')}."
OTHER = f"{uris.USER_PREFIX}{uris.uid_of('bob')}."


def decide(role: str, action: str, uri: str, match: str = "exact", **options: Any) -> bool:
    return POLICY.decide("alice", role, {}, uri, action, match, options)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("procedure", [*uris.PROCEDURES, uris.RUN_PREFIX + "video.transcode"])
def test_every_role_may_call_every_procedure(role: str, procedure: str) -> None:
    assert decide(role, "call", procedure)


@pytest.mark.parametrize("procedure", uris.ADMIN_PROCEDURES)
def test_only_operators_may_call_the_procedures_of_administration(procedure: str) -> None:
    assert [role for role in ROLES if decide(role, "call", procedure)] == ["operator"]


@pytest.mark.parametrize(
    ("match", "topic", "roles"),
    [
        pytest.param("exact", OWN + "jobs", ROLES, id="own jobs"),
        pytest.param("exact", OWN + "output.0190", ROLES, id="own output"),
        pytest.param("exact", OWN + "queue", ROLES, id="own places in the queue"),
        pytest.param("prefix", OWN, ROLES, id="everything own"),
        pytest.param("prefix", OWN + "output.", ROLES, id="all own output"),
        pytest.param("exact", "taskrealm.catalog", ROLES, id="catalogue"),
        pytest.param("exact", OTHER + "jobs", ("backend", "operator"), id="jobs of another"),
        pytest.param("prefix", OTHER, ("backend", "operator"), id="everything of another"),
        pytest.param("prefix", "taskrealm.user.", ("backend", "operator"), id="all users"),
        pytest.param("prefix", OWN[:-1], ("backend", "operator"), id="a prefix without its dot"),
        pytest.param("prefix", "taskrealm.user.u", ("backend", "operator"), id="part of a uid"),
        pytest.param("prefix", "taskrealm.catalog", (), id="catalogue by prefix"),
        pytest.param("prefix", "taskrealm.user", (), id="users without the dot"),
        pytest.param("prefix", "taskrealm.", (), id="all of TaskRealm"),
        pytest.param("prefix", "", (), id="everything"),
        pytest.param("wildcard", OWN + "jobs", (), id="own jobs as a wildcard"),
        pytest.param("wildcard", "taskrealm.user..jobs", (), id="jobs of everybody"),
        pytest.param("regex", OWN + "jobs", (), id="an unknown way to match"),
        pytest.param("", OWN + "jobs", (), id="no way to match"),
        pytest.param("exact", "wamp.session.on_join", (), id="who joins"),
        pytest.param("exact", "taskrealm.system.authorize", (), id="the router's own"),
        pytest.param("exact", "", (), id="nothing"),
    ],
)
def test_topics_are_for_those_who_may_have_them(
    match: str, topic: str, roles: tuple[str, ...]
) -> None:
    allowed = tuple(role for role in ROLES if decide(role, "subscribe", topic, match))

    assert allowed == roles


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("uri", [OWN + "jobs", "taskrealm.catalog", "taskrealm.exec", "x.y", ""])
@pytest.mark.parametrize("action", ["publish", "register", "", "CALL", "anything"])
def test_nothing_but_calling_and_subscribing_is_ever_allowed(
    role: str, action: str, uri: str
) -> None:
    assert not decide(role, action, uri)


@pytest.mark.parametrize("role", ["", "anonymous", "executor", "system", "trusted", "every_role"])
def test_a_role_without_rules_may_do_nothing(role: str) -> None:
    assert not decide(role, "call", uris.TASKS)


@pytest.mark.parametrize("action", ["call", "subscribe"])
def test_who_claims_another_sender_may_do_nothing(action: str) -> None:
    forged = [{"session": 1, "authid": "root", "authrole": "operator"}]

    assert not decide("operator", action, uris.TASKS, forward_for=forged)
    assert not decide("operator", action, uris.CATALOG, forward_for=forged)


@given(
    authid=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20),
    other=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20),
    rest=st.sampled_from(["", ".", ".jobs", ".output.", ".output.0190"]),
    match=st.sampled_from(["exact", "prefix"]),
)
def test_no_user_ever_sees_topics_of_another(
    authid: str, other: str, rest: str, match: str
) -> None:
    topic = uris.USER_PREFIX + uris.uid_of(other) + rest

    if authid != other:
        assert not POLICY.decide(authid, "user", {}, topic, "subscribe", match, {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("[executor]", "executor: only these tables", id="a role of the node's own"),
        pytest.param("user = 1", "user: only these tables", id="no table"),
        pytest.param("[user]\npublish = []", "user.publish: a role has", id="no such action"),
        pytest.param('[user]\ncall = "x"', "user.call: must be a list", id="no list"),
        pytest.param("[user]\ncall = [1]", "roles.toml:2:9: user.call.0: 1 must be", id="no text"),
        pytest.param('[user]\ncall = ["wamp."]', "below `taskrealm.`", id="the meta API"),
        pytest.param('[user]\ncall = ["taskrealm."]', "below `taskrealm.`", id="everything"),
        pytest.param('[user]\ncall = [""]', "below `taskrealm.`", id="nothing"),
        pytest.param('[user]\ncall = ["taskrealm..x"]', "below `taskrealm.`", id="a wildcard"),
        pytest.param(
            '[user]\ncall = ["taskrealm.system.authorize"]', "not below", id="the router's own"
        ),
        pytest.param('[user]\ncall = ["taskrealm.system."]', "not below", id="all of it"),
        pytest.param(
            '[user]\nsubscribe = ["taskrealm.user.{uid}x"]', "whole part", id="a part of a uid"
        ),
        pytest.param('[user]\nsubscribe = ["taskrealm.{who}."]', "whole part", id="a typo"),
        pytest.param("[user", "roles.toml:1:6: is no TOML: Expected ']'", id="no TOML"),
        pytest.param("[usr]", "did you mean 'user'?", id="a misspelt role"),
    ],
)
def test_a_wrong_policy_is_refused_by_file_and_entry(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(text)

    with pytest.raises(SettingsError) as refusal:
        load_policy(path)

    assert str(refusal.value).startswith(str(path))
    assert complaint in str(refusal.value)


def test_a_missing_policy_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="taskrealm init"):
        load_policy(tmp_path / "router" / "roles.toml")
