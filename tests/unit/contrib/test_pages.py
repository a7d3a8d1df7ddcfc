"""What the bridges to Flask and Django give to pages, with no node to be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import RequestFactory
from flask import Flask, render_template_string
from tests.nodes import free_port

from taskrealm.contrib.flask import TaskRealm
from taskrealm.contrib.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def nowhere() -> str:
    return f"ws://127.0.0.1:{free_port()}/ws"


def flask_app(user: Callable[[], str | None], **config: Any) -> Flask:
    app = Flask(__name__)
    app.config |= {"TASKREALM_URL": nowhere(), "TASKREALM_TOKEN": "tr_none", **config}
    TaskRealm(app, user=user)
    return app


@pytest.fixture(scope="module")
def project() -> RequestFactory:
    """A Django project in this process, of which there can be only one."""
    settings.configure(
        ROOT_URLCONF="taskrealm.contrib.django.urls",
        INSTALLED_APPS=["taskrealm.contrib.django"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        TASKREALM={"url": nowhere(), "token": "tr_none", "user": f"{__name__}.whoever"},
    )
    django.setup()
    return RequestFactory()


def whoever(request: HttpRequest) -> str | None:
    return request.headers.get("Remote-User")


@pytest.mark.parametrize(
    ("url", "page_url"),
    [
        pytest.param("ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080", id="on this machine"),
        pytest.param("wss://a.example/ws", "https://a.example", id="with TLS"),
        pytest.param("wss://a.example/tasks/ws", "https://a.example/tasks", id="below a path"),
    ],
)
def test_browsers_find_the_scripts_where_the_websocket_is(url: str, page_url: str) -> None:
    assert f'src="{page_url}/lib/elements.js"' in Pages(url, "tr_none").tags("/token")


def test_an_address_that_browsers_cannot_reach_needs_another_one() -> None:
    with pytest.raises(ValueError, match="say where they find the node"):
        Pages("unix:/run/node.sock", "tr_none")

    tags = Pages("unix:/run/node.sock", "tr_none", page_url="https://a.example/").tags("/token")
    assert 'src="https://a.example/lib/elements.js"' in tags


def test_an_address_is_no_way_to_put_html_into_a_page() -> None:
    tags = Pages("unix:x", "tr_none", page_url='https://a"><script>').tags('"><script>')

    assert tags.count("<script") == 1


def test_a_flask_template_gets_tags_that_name_the_address_of_the_tokens() -> None:
    app = flask_app(lambda: "ana")
    with app.test_request_context():
        page = render_template_string("{{ taskrealm() }}")

    assert '<meta name="taskrealm-token-url" content="/taskrealm/token">' in page
    assert '/lib/elements.js"></script>' in page


def test_flask_gives_no_token_to_nobody_and_says_when_the_node_is_away() -> None:
    nobody = flask_app(lambda: None).test_client().get("/taskrealm/token")
    somebody = flask_app(lambda: "ana").test_client().get("/taskrealm/token")

    assert (nobody.status_code, somebody.status_code) == (401, 503)


@pytest.mark.parametrize("missing", ["TASKREALM_URL", "TASKREALM_TOKEN"])
def test_flask_needs_to_be_told_of_the_node(missing: str) -> None:
    app = Flask(__name__)
    app.config |= {"TASKREALM_URL": nowhere(), "TASKREALM_TOKEN": "tr_none"}
    del app.config[missing]

    with pytest.raises(KeyError, match=missing):
        TaskRealm(app, user=lambda: "ana")


def test_a_django_template_gets_tags_that_name_the_address_of_the_tokens(
    project: RequestFactory,
) -> None:
    page = Template("{% load taskrealm %}{% taskrealm %}").render(Context())

    assert '<meta name="taskrealm-token-url" content="/token">' in page
    assert '/lib/elements.js"></script>' in page


@pytest.mark.parametrize(("user", "status"), [({}, 401), ({"Remote-User": "ana"}, 503)])
def test_django_gives_no_token_to_nobody_and_says_when_the_node_is_away(
    project: RequestFactory, user: dict[str, str], status: int
) -> None:
    from taskrealm.contrib.django.views import token

    answer = token(project.get("/token", headers=user))

    assert answer.status_code == status
    assert "error" in json.loads(answer.content)
    assert "no-store" in answer["Cache-Control"]
