"""The command line finds the node it is meant for, and gives its token to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from taskrealm.cli.connection import Connection, connects, find_connection, find_node
from taskrealm.cli.exits import Stopped
from taskrealm.settings import NodeFolder

if TYPE_CHECKING:
    from pathlib import Path


def running_node(root: Path) -> NodeFolder:
    """A folder that looks like that of a running node."""
    folder = NodeFolder(root)
    folder.settings_file.touch()
    folder.state.mkdir()
    folder.socket.touch()
    folder.operator_token.write_text("tr_operator\n")
    return folder


def test_an_address_and_a_token_need_no_node() -> None:
    connection = find_connection("ws://example.com/ws", {"token": "tr_x"}, None, None)

    assert connection == Connection("ws://example.com/ws", {"token": "tr_x"}, "taskrealm")


def test_the_node_around_the_current_folder_is_used_as_its_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = running_node(tmp_path)
    (tmp_path / "tasks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "tasks" / "deep")

    own = find_connection(None, {}, None, None)
    anas = find_connection(None, {"token": "tr_ana"}, None, None)

    assert own == Connection(f"unix:{folder.socket}", {"token": "tr_operator"}, "taskrealm")
    assert anas == Connection(f"unix:{folder.socket}", {"token": "tr_ana"}, "taskrealm")


def test_the_realm_is_that_of_the_node(tmp_path: Path) -> None:
    folder = running_node(tmp_path)
    folder.settings_file.write_text('[router]\nrealm = "film_studio"\n')

    assert find_connection(None, {}, None, tmp_path).realm == "film_studio"


def test_a_node_never_gives_its_token_to_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running_node(tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Stopped, match="Who are you at ws://elsewhere/ws"):
        find_connection("ws://elsewhere/ws", {}, None, tmp_path)


def test_a_node_that_does_not_run_is_named_with_what_starts_it(tmp_path: Path) -> None:
    NodeFolder(tmp_path).settings_file.touch()

    with pytest.raises(Stopped, match=f"not running; `taskrealm up {tmp_path}` starts it") as stop:
        find_connection(None, {}, None, tmp_path)

    assert stop.value.code == 7


def test_no_node_at_all_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Stopped, match="name one with --node DIR"):
        find_node(None)


def test_a_folder_that_is_named_is_not_searched_above(tmp_path: Path) -> None:
    running_node(tmp_path)
    (tmp_path / "tasks").mkdir()

    with pytest.raises(Stopped, match=r"has no taskrealm\.toml"):
        find_node(tmp_path / "tasks")


def given(*words: str, **environment: str) -> dict[str, Any]:
    """How a verb joins that was called with these options and variables."""
    told: list[Connection] = []

    @click.command()
    @connects
    def verb(connection: Connection) -> None:
        told.append(connection)

    result = CliRunner().invoke(verb, ["--url", "ws://x/ws", *words], env=environment)
    assert result.exit_code == 0, result.output
    return dict(told[0].access)


def test_a_way_to_join_comes_from_options_or_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from a file\n")

    assert given("--token", "tr_x") == given(TASKREALM_TOKEN="tr_x") == {"token": "tr_x"}
    assert given("--token-file", str(file)) == {"token": "from a file"}
    assert given("--user", "ana", "--password-file", str(file)) == {
        "user": "ana",
        "password": "from a file",
    }
    assert given(TASKREALM_USER="ana", TASKREALM_PASSWORD="word")["password"] == "word"
    assert given("--user", "ana", TASKREALM_SECRET="word") == {"user": "ana", "secret": "word"}
    assert given("--key-file", str(file), "--ca", str(file)) == {"key": file, "ca": file}
    assert given("--anonymous") == {"anonymous": True}


def test_an_option_counts_more_than_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert given("--key-file", str(file), TASKREALM_TOKEN="tr_x") == {"key": file}
    assert given("--anonymous", TASKREALM_TOKEN="tr_x") == {"anonymous": True}
    assert given("--ca", str(file), TASKREALM_TOKEN="tr_x") == {"ca": file, "token": "tr_x"}


def test_a_password_that_is_nowhere_is_asked_for() -> None:
    @click.command()
    @connects
    def verb(connection: Connection) -> None:
        click.echo(connection.access["password"] == "typed")

    result = CliRunner().invoke(verb, ["--url", "ws://x/ws", "--user", "ana"], input="typed\n")

    assert result.stdout == "True\n"
    assert "typed" not in result.stderr
