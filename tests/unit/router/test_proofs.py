"""Sessions end with the proofs by which they have joined, without a router."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.access.credentials import CredentialStore, Method
from taskrealm.access.tokens import TokenStore
from taskrealm.protocol import uris
from taskrealm.protocol.jobs import timestamp
from taskrealm.router.proofs import BLIND_LIMIT, INTERVAL, Proofs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(eq=False)
class Joined:
    """A session as Crossbar holds it."""

    _authid: str = "live_ana"
    _authrole: str = "user"
    _authextra: dict[str, Any] | None = None


class Hall:
    """Proofs with sessions that come and go, at a time of its own."""

    def __init__(self, path: Path) -> None:
        self.now = datetime.now(UTC)
        self.ended: list[tuple[Joined, str]] = []
        self.store = TokenStore.open(path / "tokens.sqlite")
        self.elsewhere = TokenStore.open(path / "tokens.sqlite")
        self.credentials = CredentialStore.open(path / "credentials.sqlite")
        self.credentials_elsewhere = CredentialStore.open(path / "credentials.sqlite")
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self.proofs = Proofs(
            self.store,
            self.credentials,
            end=lambda session, reason, _: self.ended.append((session, reason)),
            later=lambda seconds, call: self.timers.append((seconds, call)),
            now=lambda: self.now,
        )

    def enter(self, **extra: Any) -> Joined:
        session = Joined(_authextra=extra)
        self.proofs.enter(session)
        return session

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def close(self) -> None:
        self.store.close()
        self.elsewhere.close()
        self.credentials.close()
        self.credentials_elsewhere.close()


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    hall = Hall(tmp_path)
    yield hall
    hall.close()


def test_a_session_ends_at_the_moment_when_its_proof_expires(hall: Hall) -> None:
    session = hall.enter(expires_at=(hall.now + timedelta(seconds=60)).isoformat())
    hall.proofs.look()
    hall.advance(60 - INTERVAL / 2)
    hall.proofs.look()
    ((seconds, fire),) = hall.timers
    hall.advance(seconds)
    fire()

    assert seconds == pytest.approx(INTERVAL / 2)
    assert hall.ended == [(session, uris.EXPIRED)]


def test_it_ends_at_once_when_the_clock_is_set_forward(hall: Hall) -> None:
    session = hall.enter(expires_at=(hall.now + timedelta(hours=1)).isoformat())
    hall.advance(7_200)
    hall.proofs.look()

    assert hall.ended == [(session, uris.EXPIRED)]


def test_it_goes_on_when_the_clock_was_set_back_before_its_timer_fires(hall: Hall) -> None:
    hall.enter(expires_at=(hall.now + timedelta(seconds=INTERVAL / 2)).isoformat())
    ((_, fire),) = hall.timers
    hall.advance(-3_600)
    fire()
    hall.proofs.look()

    assert hall.ended == []


def test_a_timer_of_a_session_that_has_left_does_nothing(hall: Hall) -> None:
    session = hall.enter(expires_at=(hall.now + timedelta(seconds=INTERVAL / 2)).isoformat())
    hall.proofs.leave(session)
    hall.advance(1)
    ((_, fire),) = hall.timers
    fire()

    assert hall.ended == []


def test_a_session_ends_when_its_token_is_revoked_elsewhere(hall: Hall) -> None:
    kept, revoked = (
        hall.store.find(hall.store.issue("live_ana", "user", lifetime=60)) for _ in range(2)
    )
    assert kept is not None
    assert revoked is not None
    hall.enter(token=kept.id)
    session = hall.enter(token=revoked.id)
    hall.proofs.look()
    assert hall.ended == []

    hall.elsewhere.revoke(revoked.id)
    hall.proofs.look()

    assert hall.ended == [(session, uris.REVOKED)]


def test_one_that_was_revoked_while_it_joined_ends_too(hall: Hall) -> None:
    hall.proofs.look()
    token = hall.store.find(hall.store.issue("live_ana", "user", lifetime=60))
    assert token is not None
    hall.elsewhere.revoke(token.id)
    hall.proofs.look()
    session = hall.enter(token=token.id)
    hall.proofs.look()

    assert hall.ended == [(session, uris.REVOKED)]


def test_without_a_token_what_counts_is_when_its_user_was_revoked(hall: Hall) -> None:
    before = hall.enter(since=(hall.now - timedelta(seconds=1)).isoformat())
    hall.proofs.look()
    hall.elsewhere.revoke_user("live_ana")
    after = hall.enter(since=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    hall.proofs.look()

    assert [session for session, _ in hall.ended] == [before]
    assert after not in dict(hall.ended)


def test_the_nodes_own_sessions_need_no_token(hall: Hall) -> None:
    own = Joined("executor", "executor", {"expires_at": hall.now.isoformat()})
    hall.proofs.enter(own)
    hall.proofs.look()

    assert hall.ended == []


def test_who_cannot_be_looked_up_goes_on_for_a_while_only(hall: Hall) -> None:
    session = hall.enter()
    hall.store.close()
    hall.proofs.look()
    before = list(hall.ended)
    hall.advance(BLIND_LIMIT + 1)
    hall.proofs.look()

    assert before == []
    assert hall.ended == [(session, uris.REVOKED)]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda store: store.set_password("live_ana", "another password"), id="replaced"
        ),
        pytest.param(lambda store: store.remove_credentials("live_ana"), id="removed"),
        pytest.param(lambda store: store.remove_user("live_ana"), id="gone with its user"),
        pytest.param(lambda store: store.add_user("live_ana", "operator"), id="of another role"),
        pytest.param(lambda store: store.add_user("live_ana", teams=("a",)), id="of other teams"),
    ],
)
def test_a_session_ends_when_its_credential_is_changed(
    hall: Hall, change: Callable[[CredentialStore], object]
) -> None:
    hall.credentials_elsewhere.add_user("live_ana")
    hall.credentials_elsewhere.set_password("live_ana", "correct horse")
    found = hall.credentials.find(Method.PASSWORD, "live_ana")
    assert found is not None
    session = hall.enter(since=timestamp(hall.now), credential=found.id)
    hall.proofs.look()
    hall.credentials_elsewhere.add_user("live_ana")
    hall.proofs.look()

    assert hall.ended == []
    change(hall.credentials_elsewhere)
    hall.proofs.look()
    assert hall.ended == [(session, uris.REVOKED)]
