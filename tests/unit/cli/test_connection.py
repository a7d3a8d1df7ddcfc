"""The command line finds the node it is meant for, and gives its token to nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.cli.connection import Connection, find_connection, find_node
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
    connection = find_connection("ws://example.com/ws", "tr_x", None, None)

    assert connection == Connection("ws://example.com/ws", "tr_x", "taskrealm")


def test_the_node_around_the_current_folder_is_used_as_its_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = running_node(tmp_path)
    (tmp_path / "tasks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "tasks" / "deep")

    own = find_connection(None, None, None, None)
    anas = find_connection(None, "tr_ana", None, None)

    assert own == Connection(f"unix:{folder.socket}", "tr_operator", "taskrealm")
    assert anas == Connection(f"unix:{folder.socket}", "tr_ana", "taskrealm")


def test_the_realm_is_that_of_the_node(tmp_path: Path) -> None:
    folder = running_node(tmp_path)
    folder.settings_file.write_text('[router]\nrealm = "film_studio"\n')

    assert find_connection(None, None, None, tmp_path).realm == "film_studio"


def test_a_node_never_gives_its_token_to_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running_node(tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Stopped, match="Who are you at ws://elsewhere/ws"):
        find_connection("ws://elsewhere/ws", None, None, tmp_path)


def test_a_node_that_does_not_run_is_named_with_what_starts_it(tmp_path: Path) -> None:
    NodeFolder(tmp_path).settings_file.touch()

    with pytest.raises(Stopped, match=f"not running; `taskrealm up {tmp_path}` starts it") as stop:
        find_connection(None, None, None, tmp_path)

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
