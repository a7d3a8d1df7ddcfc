"""The command line finds mistakes in who may join, and keeps users and what they join by."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from taskrealm.access.credentials import CredentialStore, Method
from taskrealm.access.tokens import TokenStore
from taskrealm.cli import main
from taskrealm.cli.template import write_node
from taskrealm.settings import NodeFolder

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse"


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    root = tmp_path / "node"
    write_node(root)
    return NodeFolder(root)


def taskrealm(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, words, input=stdin)


def user(folder: NodeFolder, *words: str, stdin: str = "") -> Result:
    return taskrealm("user", *words, "--node", str(folder.root), stdin=stdin)


@pytest.mark.capability("Z6")
@pytest.mark.parametrize("verb", ["check", "up"])
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        pytest.param(
            'authenticate = "site.py:authenticate"',
            "access.authenticate: 'site.py:authenticate' cannot be loaded",
            id="no file",
        ),
        pytest.param(
            'authenticate = "no.such.module:authenticate"',
            "access.authenticate: 'no.such.module:authenticate' cannot be loaded",
            id="no module",
        ),
        pytest.param(
            'authenticate = "string:digits"',
            "access.authenticate: 'string:digits' is no function",
            id="no function",
        ),
        pytest.param(
            'jwt = {keys = "keys.json", algorithms = ["EdDSA"], audience = "here"}',
            "access.jwt.keys:",
            id="no keys",
        ),
        pytest.param(
            'jwt = {keys = "http://example.org", algorithms = ["EdDSA"], audience = "here"}',
            "access.jwt.keys: keys come from a file or by https only",
            id="keys without TLS",
        ),
    ],
)
def test_a_way_to_join_that_cannot_work_is_named_with_file_and_setting(
    folder: NodeFolder, verb: str, settings: str, named: str
) -> None:
    with folder.settings_file.open("a") as file:
        file.write(f"\n[access]\n{settings}\n")

    result = taskrealm(verb, str(folder.root))

    assert result.exit_code != 0
    assert f"{folder.settings_file}: {named}" in result.stderr


def test_a_user_is_added_listed_changed_and_removed(folder: NodeFolder) -> None:
    user(folder, "add", "ana", "--team", "editors", "--team", "print")
    user(folder, "password", "ana", stdin=f"{PASSWORD}\n")
    user(folder, "add", "ana", "--role", "operator")
    (listed,) = user(folder, "ls", "--json").stdout.splitlines()

    assert json.loads(listed) == {
        "user": "ana",
        "role": "operator",
        "teams": [],
        "credentials": [{"method": "password"}],
    }
    assert "password" in user(folder, "ls").stdout
    assert user(folder, "rm", "ana").exit_code == 0
    assert user(folder, "ls", "--json").stdout == ""
    assert user(folder, "rm", "ana").exit_code == 5


def test_a_new_password_ends_what_was_signed_in_with_the_old_one(folder: NodeFolder) -> None:
    user(folder, "add", "ana")
    user(folder, "password", "ana", stdin=f"{PASSWORD}\n")
    with closing(TokenStore.open(folder.tokens)) as tokens:
        tokens.issue("ana", "user", lifetime=60, issued_by="ana")
        tokens.issue("bob", "user", lifetime=60)
        user(folder, "password", "ana", stdin="another password\n")

        assert [each.authid for each in tokens.tokens() if each.authid != "operator"] == ["bob"]


@pytest.mark.parametrize("verb", ["rm", "revoke"])
def test_who_is_revoked_has_nothing_left(folder: NodeFolder, verb: str) -> None:
    user(folder, "add", "ana")
    user(folder, "password", "ana", stdin=f"{PASSWORD}\n")
    user(folder, "secret", "ana")
    user(folder, verb, "ana")

    with closing(CredentialStore.open(folder.credentials)) as credentials:
        assert credentials.find(Method.PASSWORD, "ana") is None
        assert credentials.find(Method.SCRAM, "ana") is None
    with closing(TokenStore.open(folder.tokens)) as tokens:
        assert tokens.revoked_at("ana") is not None


def test_a_secret_is_shown_once_and_kept_nowhere(folder: NodeFolder) -> None:
    user(folder, "add", "shop", "--role", "backend")
    secret = user(folder, "secret", "shop").stdout.strip()

    assert len(secret) >= 40
    for file in folder.state.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("password", "eve"), f"{PASSWORD}\n", "There is no user 'eve'"),
        (("secret", "eve"), "", "There is no user 'eve'"),
        (("password", "ana"), "short\n", "A password has 8 to"),
        (("password", "ana"), "", "A password has 8 to"),
        (("add", ""), "", "An authid has"),
        (("add", "bob", "--team", "No Team"), "", "Teams are"),
        (("add", "bob", "--role", "executor"), "", "executor"),
        (("key", "add", "ana"), "", "Give the public key, or --new"),
        (("key", "add", "ana", "123"), "", "64 hexadecimal digits"),
        (("key", "rm", "ana", 64 * "a"), "", "no key of ana"),
        (("certificate", "rm", "ana", 64 * "a"), "", "no certificate of ana"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    folder: NodeFolder, words: tuple[str, ...], stdin: str, said: str
) -> None:
    user(folder, "add", "ana")
    result = user(folder, *words, stdin=stdin)

    assert result.exit_code != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_without_a_certificate_is_named(folder: NodeFolder) -> None:
    user(folder, "add", "ana")
    result = user(folder, "certificate", "add", "ana", str(folder.settings_file))

    assert "There is no certificate in" in result.stderr


def test_a_file_that_is_there_is_never_overwritten_by_a_key(folder: NodeFolder) -> None:
    user(folder, "add", "ana")
    before = folder.settings_file.read_text()
    result = user(folder, "key", "add", "ana", "--new", str(folder.settings_file))

    assert "cannot be written" in result.stderr
    assert folder.settings_file.read_text() == before
