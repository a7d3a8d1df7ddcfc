"""Credentials verify whoever has them, and give nothing away."""

from __future__ import annotations

import base64
import sqlite3
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from autobahn.wamp.types import Challenge

from taskrealm.access import credentials as module
from taskrealm.access import derivation
from taskrealm.access.credentials import CredentialStore, Method
from taskrealm.access.passwords import hash_password, is_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = 64 * "a"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CredentialStore]:
    with closing(CredentialStore.open(tmp_path / "credentials.sqlite")) as store:
        store.add_user("ana", "operator", ("editors",))
        store.add_user("bob")
        yield store


def test_only_its_owner_can_read_the_file(tmp_path: Path, store: CredentialStore) -> None:
    assert (tmp_path / "credentials.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_credential_says_who_joins_with_it(store: CredentialStore) -> None:
    store.add_key("ana", KEY)
    found = store.find(Method.CRYPTOSIGN, KEY)

    assert found is not None
    identity = found.identity()
    assert (identity.authid, identity.role, identity.teams) == ("ana", "operator", ("editors",))
    assert (identity.method, identity.credential) == ("cryptosign", found.id)


def test_no_password_and_no_secret_is_in_the_file(tmp_path: Path, store: CredentialStore) -> None:
    store.set_password("ana", "correct horse")
    secret = store.new_secret("ana")
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert b"correct horse" not in written
    assert secret.encode() not in written


def test_a_password_is_known_by_its_hash_alone(store: CredentialStore) -> None:
    store.set_password("ana", "correct horse")
    found = store.find(Method.PASSWORD, "ana")

    assert found is not None
    assert found.data["hash"].startswith("$argon2id$")
    assert is_password(found.data["hash"], "correct horse")
    assert not is_password(found.data["hash"], "wrong horse")
    assert not is_password(None, "the password of nobody")
    assert not is_password("no hash", "correct horse")


@pytest.mark.parametrize("password", ["short", "tr_looks_like_a_token", "x" * 1_025])
def test_what_can_be_no_password_is_said(password: str) -> None:
    with pytest.raises(ValueError, match="A password"):
        hash_password(password)


@pytest.mark.parametrize("way", ["password", "secret"])
def test_what_is_set_anew_ends_what_was_before(store: CredentialStore, way: str) -> None:
    def set_anew() -> str:
        if way == "password":
            store.set_password("ana", "correct horse")
        else:
            store.new_secret("ana")
        found = store.find(Method.PASSWORD if way == "password" else Method.SCRAM, "ana")
        assert found is not None
        return found.id

    first = set_anew()
    assert store.valid([first]) == {first}
    second = set_anew()

    assert store.valid([first, second]) == {second}


def test_a_user_goes_with_all_credentials(store: CredentialStore) -> None:
    store.set_password("ana", "correct horse")
    store.add_key("ana", KEY)

    assert store.remove_user("ana")
    assert store.find(Method.PASSWORD, "ana") is None
    assert store.find(Method.CRYPTOSIGN, KEY) is None
    assert not store.remove_user("ana")


def test_a_key_belongs_to_one_user(store: CredentialStore) -> None:
    store.add_key("ana", KEY.upper())
    store.add_key("ana", KEY)

    with pytest.raises(ValueError, match="that of ana"):
        store.add_key("bob", KEY)
    assert not store.remove_key("bob", KEY)
    assert store.remove_key("ana", KEY)
    store.add_key("bob", KEY)


@pytest.mark.parametrize("text", ["", "a", 63 * "a", 64 * "g", 65 * "a"])
def test_what_is_no_key_and_no_fingerprint_is_said(store: CredentialStore, text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.add_key("ana", text)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.add_certificate("ana", text)


def test_a_fingerprint_may_be_written_with_colons(store: CredentialStore) -> None:
    store.add_certificate("ana", ":".join(32 * ["AB"]))

    assert store.find(Method.CERTIFICATE, 32 * "ab") is not None


def test_nobody_unknown_gets_a_credential(store: CredentialStore) -> None:
    for give in (store.new_secret, lambda name: store.set_password(name, "correct horse")):
        with pytest.raises(ValueError, match="There is no user 'eve'"):
            give("eve")


def test_a_change_by_another_process_is_noticed(tmp_path: Path, store: CredentialStore) -> None:
    before = store.version()
    with closing(CredentialStore.open(tmp_path / "credentials.sqlite")) as other:
        other.set_password("ana", "correct horse")

    assert store.version() != before


def test_a_look_up_does_not_wait_for_long(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite"
    CredentialStore.open(path).close()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        closing(CredentialStore.open(path, patience=0.01)) as store,
    ):
        writer.execute("begin exclusive")

        assert store.find(Method.PASSWORD, "ana") is None  # readers never wait for a writer
        with pytest.raises(sqlite3.OperationalError):
            store.add_user("ana")


def test_autobahn_derives_the_same_keys_of_a_secret(store: CredentialStore) -> None:
    secret = store.new_secret("ana")
    found = store.find(Method.SCRAM, "ana")
    assert found is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library of autobahn's asks for an old module
        from autobahn.wamp.auth import AuthScram
    own = AuthScram(authid="ana", password=secret)
    nonce = own.authextra["nonce"]
    challenge = {
        "nonce": nonce,
        "kdf": "argon2id-13",
        "salt": base64.b64encode(bytes.fromhex(found.data["salt"])).decode(),
        "iterations": module.SCRAM_ITERATIONS,
        "memory": module.SCRAM_MEMORY,
    }
    own.on_challenge(None, Challenge("scram", challenge))

    server_key = derivation.scram_server_key(own._salted_password)
    stored_key = derivation.scram_stored_key(own._salted_password)
    assert server_key.hex() == found.data["server_key"]
    assert stored_key.hex() == found.data["stored_key"]
