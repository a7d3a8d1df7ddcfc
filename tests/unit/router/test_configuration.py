"""Crossbar's configuration follows from the settings, and Crossbar takes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskrealm.access.policy import load_policy
from taskrealm.protocol import uris
from taskrealm.router.configuration import render
from taskrealm.settings import (
    NodeFolder,
    RawSocketSettings,
    RouterSettings,
    Settings,
    TlsSettings,
    load_settings,
)

FOLDER = NodeFolder(Path(__file__).parents[3])
POLICY = load_policy(FOLDER.policy)


def rendered(**router: Any) -> Any:
    return json.loads(render(Settings(router=RouterSettings(**router)), POLICY))


def websocket(configuration: Any) -> Any:
    return configuration["workers"][0]["transports"][1]["paths"]["ws"]


def test_the_committed_configuration_is_what_the_committed_settings_render_to() -> None:
    committed = (FOLDER.crossbar / "config.json").read_text()

    expected = render(load_settings(FOLDER.settings_file), POLICY)
    assert expected == committed, "`taskrealm up` writes the file anew"


def test_crossbar_accepts_the_configuration() -> None:
    crossbar = Path(sys.executable).with_name("crossbar")
    check = subprocess.run(
        [crossbar, "check", "--cbdir", FOLDER.crossbar], capture_output=True, text=True
    )

    assert check.returncode == 0, check.stdout


def test_no_path_in_it_is_absolute() -> None:
    assert '"/' not in render(Settings(), POLICY).replace('"/": {', "")


def test_every_way_in_asks_for_proof() -> None:
    inside, public = rendered()["workers"][0]["transports"]
    ways = [inside, *(path for path in public["paths"].values() if path["type"] == "websocket")]

    assert all(way["auth"] for way in ways)
    assert set(websocket(rendered())["auth"]) == {"ticket"}


def test_pings_come_as_often_as_is_set_and_have_as_long_for_an_answer() -> None:
    options = websocket(rendered(ping_interval=2.5))["options"]

    assert (options["auto_ping_interval"], options["auto_ping_timeout"]) == (2_500, 2_500)


def test_without_tls_nothing_is_said_of_it() -> None:
    assert "tls" not in json.dumps(rendered())


def test_the_certificates_of_both_ports_are_named_relative_to_the_configuration() -> None:
    port = TlsSettings(certificate="tls/node.pem", key="tls/node.key", client_authorities="ca.pem")
    configuration = rendered(tls=port, raw_socket=RawSocketSettings(port=9_001, tls=port))

    _, public, backends = configuration["workers"][0]["transports"]
    assert public["endpoint"]["tls"] == backends["endpoint"]["tls"]
    assert public["endpoint"]["tls"] == {
        "certificate": "../tls/node.pem",
        "key": "../tls/node.key",
        "ca_certificates": ["../ca.pem"],
    }


def test_a_raw_socket_over_tcp_is_opened_only_if_set() -> None:
    raw_socket = RawSocketSettings(interface="192.0.2.1", port=9_001)
    configuration = rendered(max_message_size=100_000, raw_socket=raw_socket)

    _, _, backends = configuration["workers"][0]["transports"]
    assert backends["type"] == "rawsocket"
    assert backends["endpoint"]["interface"] == "192.0.2.1"
    assert backends["endpoint"]["port"] == 9_001
    assert backends["serializers"] == ["cbor", "msgpack", "json"]
    assert backends["options"]["max_message_size"] == 100_000
    assert len(rendered()["workers"][0]["transports"]) == 2


def test_the_nodes_own_origins_are_those_under_which_browsers_find_it() -> None:
    port = TlsSettings(certificate="node.pem", key="node.key")
    options = websocket(
        rendered(interface="192.0.2.1", port=8_443, tls=port, origin="https://tasks.example.org")
    )["options"]

    assert options["allowed_origins"] == [
        "https://127.0.0.1:8443",
        "https://localhost:8443",
        "https://192.0.2.1:8443",
        "https://tasks.example.org:443",
    ]


def test_roles_from_outside_are_left_to_the_authorizer() -> None:
    roles = {role["name"]: role for role in rendered()["workers"][0]["realms"][0]["roles"]}

    assert roles.keys() == {"system", "executor", "gateway", "user", "backend", "operator"}
    for name in ("user", "backend", "operator"):
        assert roles[name] == {"name": name, "authorizer": uris.AUTHORIZE}


def test_the_settings_arrive_in_it() -> None:
    configuration = rendered(
        realm="shop",
        interface="192.0.2.1",
        port=9_000,
        max_message_size=100_000,
        max_connections=50,
    )

    router, *_ = configuration["workers"]
    public = router["transports"][1]
    assert router["realms"][0]["name"] == router["components"][0]["realm"] == "shop"
    assert public["endpoint"]["interface"] == "192.0.2.1"
    assert public["endpoint"]["port"] == 9_000
    assert public["max_connections"] == 50
    assert websocket(configuration)["options"]["max_message_size"] == 100_000


@pytest.mark.parametrize(
    ("origin", "compared"),
    [
        ("https://app.example.com", "https://app.example.com:443"),
        ("http://app.example.com", "http://app.example.com:80"),
        ("http://app.example.com:8081", "http://app.example.com:8081"),
    ],
)
def test_origins_are_compared_with_their_port(origin: str, compared: str) -> None:
    options = websocket(rendered(port=9_000, allowed_origins=(origin,)))["options"]

    assert options["allowed_origins"] == [
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        compared,
    ]
    assert options["allow_null_origin"] is False
