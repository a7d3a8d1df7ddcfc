"""What the page of the console says of its node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from taskrealm.access.policy import load_policy
from taskrealm.router.configuration import configuration
from taskrealm.router.inscriptions import TITLE, inscribed
from taskrealm.settings import AccessSettings, ConsoleSettings, NodeFolder, Settings

ROOT = Path(__file__).parents[3]


def said(settings: Settings) -> Any:
    policy = load_policy(NodeFolder(ROOT).policy)
    [router, *_] = configuration(settings, policy)["workers"]
    (public,) = [each for each in router["transports"] if each["id"] == "public"]
    return public["paths"]["/"]["extra"]


def test_a_node_is_called_what_its_settings_say_and_stands_under_a_strip() -> None:
    console = ConsoleSettings(name="Media lab", environment="Production", colour="red")

    assert said(Settings(console=console, access=AccessSettings(passwords=True))) == {
        "name": "Media lab",
        "passwords": "yes",
        "environment": "Production",
        "environment-colour": "red",
    }


def test_without_such_settings_there_is_no_strip() -> None:
    assert said(Settings()) == {"name": "TaskRealm", "passwords": "no"}


def test_what_settings_say_stays_text_in_the_page() -> None:
    page = f"<head>{TITLE}</head>"

    shown = inscribed(page, {"name": '<script>"', "environment": '" onload="x'})

    assert "<script>" not in shown
    assert "<title>&lt;script&gt;&quot;</title>" in shown
    assert 'content="&quot; onload=&quot;x"' in shown


def test_the_page_as_it_is_built_has_the_title_that_is_replaced() -> None:
    assert TITLE in (ROOT / "web" / "console" / "index.html").read_text()
