"""
Live jobs in the pages of a Flask application.

It needs Flask: `pip install "taskrealm[flask]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from flask import Blueprint, abort, current_app, url_for
    from markupsafe import Markup
except ImportError as error:
    raise ImportError('Flask is missing: pip install "taskrealm[flask]"') from error

from ..client import Disconnected
from ..protocol.errors import Unavailable
from .pages import MINUTES, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask import Flask

    from ..client import BlockingClient

EXTENSION = "taskrealm"
"""By what it is known among the extensions, blueprints and configuration of an application."""


class TaskRealm:
    """
    Tokens for the elements in a page, for whoever has signed in to the application.

        tasks = TaskRealm(app, user=lambda: session.get("user"))

    In a template, `{{ taskrealm() }}` gives a page its elements: `<taskrealm-form>` and its kin.
    The configuration has `TASKREALM_URL`, where the node's WebSocket is; `TASKREALM_TOKEN`, a
    token of role backend; where browsers find the node at another address,
    `TASKREALM_PAGE_URL`; and in `TASKREALM_MINUTES` for how long the tokens of pages are good.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        user: Callable[[], str | None],
        teams: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """*user* is who makes the present request, None for nobody, and *teams* are theirs."""
        self._user = user
        self._teams = teams
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """
        Add the address of the tokens, `/taskrealm/token`, and the function for templates.

        Raises:
            KeyError: The configuration says not where the node is, or not by which token to join.
        """
        blueprint = Blueprint(EXTENSION, __name__, url_prefix=f"/{EXTENSION}")
        blueprint.add_url_rule("/token", "token", self._token)
        app.register_blueprint(blueprint)
        app.jinja_env.globals[EXTENSION] = self._tags
        app.extensions[EXTENSION] = Pages(
            app.config["TASKREALM_URL"],
            app.config["TASKREALM_TOKEN"],
            page_url=app.config.get("TASKREALM_PAGE_URL"),
            minutes=app.config.get("TASKREALM_MINUTES", MINUTES),
        )

    @property
    def client(self) -> BlockingClient:
        """
        The client of this process, with the application's own token.

        Raises:
            Refused: The node does not let us in.
            Unavailable: The node cannot be reached.
        """
        return self._pages.client

    @property
    def _pages(self) -> Pages:
        pages: Pages = current_app.extensions[EXTENSION]
        return pages

    def _token(self) -> Any:
        user = self._user()
        if user is None:
            abort(401)
        try:
            token = self._pages.token(user, self._teams())
        except (Unavailable, Disconnected):
            abort(503)
        return {"token": token}, {"Cache-Control": "no-store"}

    def _tags(self) -> Markup:
        return Markup(self._pages.tags(url_for(f"{EXTENSION}.token")))
