"""Tokens: issued, found, exchanged, revoked, forgotten."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.access.identity import AUTHID_LIMIT, ROLES
from taskrealm.access.tokens import TokenStore
from taskrealm.protocol.errors import InvalidToken
from taskrealm.protocol.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[TokenStore]:
    store = TokenStore.open(path)
    yield store
    store.close()


@pytest.mark.parametrize("role", ROLES)
def test_a_token_says_who_its_bearer_is(store: TokenStore, role: str) -> None:
    token = store.find(store.issue("Zoë d'Arc", role, lifetime=60))

    assert token is not None
    assert (token.authid, token.role, token.single_use) == ("Zoë d'Arc", role, False)
    assert token.expires_at - token.created == timedelta(seconds=60)


def test_no_two_tokens_are_the_same(store: TokenStore) -> None:
    tokens = {store.issue("alice", "user", lifetime=60) for _ in range(50)}

    assert len(tokens) == 50


@pytest.mark.parametrize("token", ["", "tr_", "tr_unknown", "x" * 100_000, "\ud800", "\0"])
def test_an_unknown_token_is_not_found(store: TokenStore, token: str) -> None:
    store.issue("alice", "user", lifetime=60)

    assert store.find(token) is None


def test_an_expired_token_is_not_found(store: TokenStore) -> None:
    token = store.issue("alice", "user", lifetime=1e-6)

    assert store.find(token) is None


def test_the_file_holds_no_token_and_is_for_its_owner_alone(store: TokenStore, path: Path) -> None:
    token = store.issue("alice", "user", lifetime=60)

    files = list(path.parent.glob("tokens.sqlite*"))
    assert token.encode() not in b"".join(file.read_bytes() for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize(
    "authid",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * (AUTHID_LIMIT + 1), id="too long"),
        pytest.param("al\nice", id="a line feed"),
        pytest.param("alice\0", id="a zero byte"),
        pytest.param("\u202ealice", id="a direction mark"),
        pytest.param("al\ud800ice", id="half a surrogate pair"),
    ],
)
def test_an_authid_is_a_short_printable_text(store: TokenStore, authid: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        store.issue(authid, "user", lifetime=60)


@pytest.mark.parametrize("role", ["", "executor", "system", "trusted", "rlink", "gateway", "User"])
def test_a_token_gives_no_other_role(store: TokenStore, role: str) -> None:
    with pytest.raises(ValueError, match="one of the roles"):
        store.issue("alice", role, lifetime=60)


@pytest.mark.parametrize("lifetime", [0.0, -1.0, float("nan")])
def test_a_token_is_valid_for_some_time(store: TokenStore, lifetime: float) -> None:
    with pytest.raises(ValueError, match="some time"):
        store.issue("alice", "user", lifetime=lifetime)


def test_a_code_is_exchanged_for_an_ordinary_token(store: TokenStore) -> None:
    code = store.issue("alice", "operator", lifetime=60, single_use=True)

    token, expires_at = store.redeem(code, lifetime=3_600)

    found = store.find(token)
    assert found is not None
    assert (found.authid, found.role, found.single_use) == ("alice", "operator", False)
    assert found.expires_at == expires_at
    assert expires_at > datetime.now(UTC) + timedelta(minutes=59)


def test_a_code_is_exchanged_only_once(store: TokenStore) -> None:
    code = store.issue("alice", "user", lifetime=60, single_use=True)
    store.redeem(code, lifetime=60)

    with pytest.raises(InvalidToken):
        store.redeem(code, lifetime=60)

    assert store.find(code) is None


def test_an_expired_code_is_not_exchanged(store: TokenStore) -> None:
    code = store.issue("alice", "user", lifetime=1e-6, single_use=True)

    with pytest.raises(InvalidToken):
        store.redeem(code, lifetime=60)


def test_an_ordinary_token_is_not_exchanged_and_stays_valid(store: TokenStore) -> None:
    token = store.issue("alice", "user", lifetime=60)

    with pytest.raises(InvalidToken):
        store.redeem(token, lifetime=60)

    assert store.find(token) is not None


def test_all_tokens_of_a_user_are_revoked(store: TokenStore) -> None:
    first, second = (store.issue("alice", "user", lifetime=60) for _ in range(2))
    other = store.issue("bob", "user", lifetime=60)

    assert store.revoke_user("alice") == 2

    assert (store.find(first), store.find(second)) == (None, None)
    assert store.find(other) is not None


def test_expired_tokens_are_forgotten(store: TokenStore) -> None:
    store.issue("alice", "user", lifetime=1e-6)
    valid = store.issue("alice", "user", lifetime=60)

    assert store.prune() == 1

    assert store.find(valid) is not None


def test_reading_goes_on_while_another_writes(store: TokenStore, path: Path) -> None:
    token = store.issue("alice", "user", lifetime=60)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("delete from token")
    reader = TokenStore.open(path, patience=0)

    assert reader.find(token) is not None

    writer.close()
    reader.close()


def test_what_one_process_issues_another_finds(store: TokenStore, path: Path) -> None:
    other = TokenStore.open(path)

    token = other.issue("alice", "user", lifetime=60)

    assert store.find(token) is not None
    other.close()


@pytest.mark.capability("N24")
def test_a_token_ends_no_later_than_it_may(store: TokenStore) -> None:
    until = datetime.now(UTC) + timedelta(seconds=5)
    tokens = [store.issue("ana", "user", lifetime=seconds, until=until) for seconds in (60, 1)]
    ends = [found.expires_at for each in tokens if (found := store.find(each)) is not None]

    assert ends[0] == until
    assert ends[1] < until


@pytest.mark.capability("N24")
@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"scope": Scope(jobs=("0" * 32,), read_only=True)}, id="a scope"),
        pytest.param({"issued_by": "shop"}, id="made at a request"),
    ],
)
def test_what_a_limited_code_is_exchanged_for_is_as_limited_and_ends_with_it(
    store: TokenStore, limits: dict[str, Any]
) -> None:
    code = store.issue("ana", "user", lifetime=30, single_use=True, teams=("staff",), **limits)
    before = store.find(code)
    token, expires_at = store.redeem(code, lifetime=3_600)
    after = store.find(token)

    assert before is not None
    assert after is not None
    assert expires_at == after.expires_at == before.expires_at
    assert (after.scope, after.teams, after.issued_by) == (
        before.scope,
        before.teams,
        before.issued_by,
    )


def test_used_up_tokens_are_known_until_they_expire(store: TokenStore) -> None:
    token = store.issue("ana", "user", lifetime=60, uses=1)
    found = store.find(token)
    assert found is not None
    assert [store.use(token), store.use(token)] == [True, False]
    assert store.prune() == 0

    assert store.find(token) is None
    assert store.valid([found.id]) == {found.id}
    known = store.one(found.id)
    assert known is not None
    assert known.uses == 0


def test_tokens_are_counted_by_who_had_them_made(store: TokenStore) -> None:
    for user in ("ana", "bob"):
        store.issue(user, "user", lifetime=60, issued_by="shop")
    store.issue("ana", "user", lifetime=1e-6, issued_by="shop")
    store.issue("shop", "backend", lifetime=60)

    assert [store.issued(by) for by in ("shop", "ana")] == [2, 0]


@pytest.mark.capability("N24")
def test_with_a_user_ends_what_it_has_had_made_for_others(store: TokenStore) -> None:
    made = store.issue("ana", "user", lifetime=60, issued_by="shop")
    kept = store.issue("ana", "user", lifetime=60)
    store.issue("shop", "backend", lifetime=60)

    assert store.revoke_user("shop") == 2
    assert store.find(made) is None
    assert store.find(kept) is not None


def test_what_fails_while_the_store_is_kept_changes_nothing(store: TokenStore) -> None:
    def fail() -> None:
        with store.alone():
            store.issue("ana", "user", lifetime=60)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()

    assert store.tokens() == []


def test_a_token_says_when_it_was_used_last(store: TokenStore) -> None:
    token = store.issue("ana", "user", lifetime=60)
    other = store.issue("ana", "user", lifetime=60)
    found = store.find(token)
    assert found is not None
    assert found.used_at is None
    later, earlier = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=1)

    store.note_uses({found.id: later})
    store.note_uses({found.id: earlier, "0" * 16: later})

    used = store.find(token)
    unused = store.find(other)
    assert used is not None
    assert used.used_at == later
    assert unused is not None
    assert unused.used_at is None
