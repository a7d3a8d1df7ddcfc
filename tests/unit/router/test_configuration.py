"""Crossbar's configuration follows from the settings, and Crossbar takes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskrealm.protocol import uris
from taskrealm.router.configuration import render
from taskrealm.router.policy import load_policy
from taskrealm.settings import NodeFolder, RouterSettings, Settings, load_settings

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


def test_the_authority_is_told_for_how_long_sessions_may_idle() -> None:
    def told(configuration: Any) -> Any:
        return configuration["workers"][0]["components"][0]["extra"]["idle_timeout"]

    assert [told(rendered()), told(rendered(idle_timeout=90.0))] == [None, 90.0]


def test_roles_from_outside_are_left_to_the_authorizer() -> None:
    roles = {role["name"]: role for role in rendered()["workers"][0]["realms"][0]["roles"]}

    assert roles.keys() == {"system", "executor", "user", "backend", "operator"}
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

    router, _ = configuration["workers"]
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
