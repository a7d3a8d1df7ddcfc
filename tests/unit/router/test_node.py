"""A node is prepared for its start, or it is said what stands in the way."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.nodes import free_port

from taskrealm.access.tokens import TokenStore
from taskrealm.router import node
from taskrealm.settings import NodeFolder, RouterSettings, Settings, SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path)
    folder.policy.parent.mkdir()
    shutil.copy(NodeFolder(Path(__file__).parents[3]).policy, folder.policy)
    return folder


@pytest.fixture
def settings() -> Settings:
    return Settings(router=RouterSettings(port=free_port()))


def test_keys_tokens_and_configuration_are_made(folder: NodeFolder, settings: Settings) -> None:
    node.prepare(folder, settings)

    seed = bytes.fromhex(folder.private_key("executor").read_text())
    public = bytes.fromhex(folder.public_key("executor").read_text())
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert key.public_key().public_bytes_raw() == public
    store = TokenStore.open(folder.tokens)
    token = store.find(folder.operator_token.read_text().strip())
    store.close()
    assert token is not None
    assert token.role == "operator"
    assert (folder.crossbar / "config.json").exists()


def test_what_is_there_stays(folder: NodeFolder, settings: Settings) -> None:
    def kept() -> list[str]:
        files = (folder.private_key("executor"), folder.operator_token)
        return [*(file.read_text() for file in files), folder.node_id()]

    node.prepare(folder, settings)
    before = kept()

    node.prepare(folder, settings)

    assert kept() == before


def test_an_operators_token_that_is_no_longer_valid_is_replaced(folder: NodeFolder) -> None:
    node.prepare_state(folder)
    store = TokenStore.open(folder.tokens)
    store.revoke_user("operator")

    node.prepare_state(folder)

    assert store.find(folder.operator_token.read_text().strip()) is not None
    store.close()


def test_the_state_is_closed_to_others_even_if_it_was_open(folder: NodeFolder) -> None:
    folder.state.mkdir(mode=0o755)

    node.prepare_state(folder)

    assert folder.state.stat().st_mode & 0o777 == 0o700


def test_a_port_in_use_is_named_with_its_setting(folder: NodeFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"router\.port: 127\.0\.0\.1:{port}"):
            node.prepare(folder, Settings(router=RouterSettings(port=port)))

    assert not folder.state.exists()


def test_a_node_that_runs_is_not_started_again(folder: NodeFolder, settings: Settings) -> None:
    folder.state.mkdir()
    with socket.socket(socket.AF_UNIX) as running:
        running.bind(str(folder.socket))
        running.listen()
        with pytest.raises(SettingsError, match="running already"):
            node.prepare(folder, settings)


def test_a_node_that_was_killed_is_started_again(folder: NodeFolder, settings: Settings) -> None:
    folder.state.mkdir()
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(folder.socket))

    node.prepare(folder, settings)

    assert (folder.crossbar / "config.json").exists()


def test_without_a_console_it_is_said_how_to_build_one(
    folder: NodeFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "CONSOLE", "not_built")

    with pytest.raises(SettingsError, match="scripts/run"):
        node.prepare(folder, settings)


def test_an_address_of_another_machine_is_named_with_its_setting(folder: NodeFolder) -> None:
    settings = Settings(router=RouterSettings(interface="192.0.2.1", port=free_port()))

    with pytest.raises(SettingsError, match="`interface`"):
        node.prepare(folder, settings)


def test_a_folder_with_too_long_a_name_is_refused(tmp_path: Path, settings: Settings) -> None:
    folder = NodeFolder(tmp_path / ("long" * 25))
    folder.policy.parent.mkdir(parents=True)
    shutil.copy(NodeFolder(Path(__file__).parents[3]).policy, folder.policy)

    with pytest.raises(SettingsError, match="shorter name"):
        node.prepare(folder, settings)


def test_a_folder_without_a_policy_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"roles\.toml does not exist"):
        node.prepare(NodeFolder(tmp_path), settings)


def test_the_id_of_a_node_is_its_own(tmp_path: Path) -> None:
    folders = [NodeFolder(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        folder.state.mkdir(parents=True)

    one, two = (folder.node_id() for folder in folders)

    assert one != two
    assert one == folders[0].node_id()
