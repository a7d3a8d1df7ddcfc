"""Secrets of waiting jobs are kept so that only their executor can read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.executor.requests import Request
from taskrealm.executor.vault import SecretsLost, Vault

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {"password": "corréct\nhorse", "empty": ""}


def test_what_is_sealed_is_opened_by_the_next_executor(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "key").seal("job", SECRETS)

    assert Vault(tmp_path / "key").open("job", sealed) == SECRETS
    assert sealed is not None
    assert "horse" not in sealed
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_job_without_secrets_needs_no_key(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "key")

    assert vault.seal("job", {}) is None
    assert vault.open("job", None) == {}
    assert list(tmp_path.iterdir()) == []


def test_equal_secrets_look_different(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "key")

    assert vault.seal("job", SECRETS) != vault.seal("job", SECRETS)


@pytest.mark.parametrize("sealed", ["", "no base 64!", "AAAA", "A" * 200])
def test_what_was_not_sealed_is_not_opened(tmp_path: Path, sealed: str) -> None:
    with pytest.raises(SecretsLost, match="key is not the key that they were sealed with"):
        Vault(tmp_path / "key").open("job", sealed)


def test_the_secrets_of_one_job_open_for_no_other(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "key")
    sealed = vault.seal("job", SECRETS)

    with pytest.raises(SecretsLost):
        vault.open("another", sealed)


def test_another_node_cannot_open_it(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "key").seal("job", SECRETS)

    with pytest.raises(SecretsLost):
        Vault(tmp_path / "other").open("job", sealed)


def test_no_secret_is_in_a_fingerprint() -> None:
    places = frozenset({"password", 1})
    one = Request("login", ("ana", "first"), secrets=places)
    other = Request("login", ("ana", "second"), secrets=places)
    by_name = [Request("login", (), {"password": each}, secrets=places) for each in ("a", "b")]

    assert one.fingerprint() == other.fingerprint()
    assert by_name[0].fingerprint() == by_name[1].fingerprint()
    assert one.fingerprint() != Request("login", ("eve", "first"), secrets=places).fingerprint()
