"""Who may join, decided without a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken, NotAuthorized
from taskrealm.router.authenticator import Authenticator
from taskrealm.router.node import prepare_state
from taskrealm.settings import NodeFolder
from taskrealm.tokens import TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIX = {"peer": "unix:/tmp/x"}
TCP = {"peer": "tcp4:127.0.0.1:4711"}


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path)
    prepare_state(folder)
    return folder


@pytest.fixture
def store(folder: NodeFolder) -> Iterator[TokenStore]:
    store = TokenStore.open(folder.tokens)
    yield store
    store.close()


@pytest.fixture
def authenticator(folder: NodeFolder, store: TokenStore) -> Authenticator:
    return Authenticator(folder, "taskrealm", store)


def by_ticket(ticket: object) -> dict[str, Any]:
    return {"authmethod": "ticket", "ticket": ticket, "authextra": None, "transport": TCP}


def by_key(public: object, transport: dict[str, str]) -> dict[str, Any]:
    extra = {"pubkey": public}
    return {"authmethod": "cryptosign", "authextra": extra, "transport": transport}


def test_a_token_gives_authid_role_and_uid(authenticator: Authenticator, store: TokenStore) -> None:
    token = store.issue("Zoë d'Arc", "backend", lifetime=60)

    principal = authenticator.admit(by_ticket(token))

    assert principal["realm"] == "taskrealm"
    assert (principal["authid"], principal["role"]) == ("Zoë d'Arc", "backend")
    assert principal["extra"]["uid"] == uris.uid_of("Zoë d'Arc")


@pytest.mark.parametrize("ticket", ["", "tr_wrong", None, 42, ["tr_"], b"tr_"], ids=repr)
def test_whatever_is_no_valid_token_is_refused(
    authenticator: Authenticator, ticket: object
) -> None:
    with pytest.raises(InvalidToken):
        authenticator.admit(by_ticket(ticket))


def test_a_sign_in_code_serves_once(authenticator: Authenticator, store: TokenStore) -> None:
    code = store.issue("alice", "user", lifetime=60, single_use=True)
    authenticator.admit(by_ticket(code))

    with pytest.raises(InvalidToken, match="used before"):
        authenticator.admit(by_ticket(code))


def test_two_sign_in_codes_do_not_disturb_each_other(
    authenticator: Authenticator, store: TokenStore
) -> None:
    codes = [store.issue("alice", "user", lifetime=60, single_use=True) for _ in range(2)]

    assert [authenticator.admit(by_ticket(code))["authid"] for code in codes] == ["alice"] * 2


def test_the_nodes_key_gives_the_role_executor(
    authenticator: Authenticator, folder: NodeFolder
) -> None:
    public = folder.public_key("executor").read_text().strip()

    principal = authenticator.admit(by_key(public, UNIX))

    assert (principal["authid"], principal["role"]) == ("executor", "executor")
    assert principal["pubkey"] == public


def test_the_nodes_key_is_refused_from_elsewhere(
    authenticator: Authenticator, folder: NodeFolder
) -> None:
    public = folder.public_key("executor").read_text().strip()

    with pytest.raises(NotAuthorized):
        authenticator.admit(by_key(public, TCP))


@pytest.mark.parametrize("public", [64 * "0", "", None, 42, "ü"], ids=repr)
def test_another_key_is_refused(authenticator: Authenticator, public: object) -> None:
    with pytest.raises(NotAuthorized):
        authenticator.admit(by_key(public, UNIX))


@pytest.mark.parametrize("method", ["anonymous", "wampcra", "scram", ""])
def test_another_method_is_refused(authenticator: Authenticator, method: str) -> None:
    with pytest.raises(NotAuthorized):
        authenticator.admit({"authmethod": method, "authextra": {}, "transport": UNIX})
