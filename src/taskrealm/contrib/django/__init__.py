"""
Live jobs in the pages of a Django project.

    INSTALLED_APPS += ["taskrealm.contrib.django"]
    TASKREALM = {"url": "ws://127.0.0.1:8080/ws", "token": "tr_…"}  # of role backend
    urlpatterns += [path("taskrealm/", include("taskrealm.contrib.django.urls"))]

In a template, `{% load taskrealm %}{% taskrealm %}` gives a page its elements: `<taskrealm-form>`
and its kin. Jobs belong to the signed-in user, by the name that `get_username()` tells.

The settings may also have `page_url`, where browsers find the node at another address;
`minutes` for which the tokens of pages are good; and as `user` and `teams` functions, or their
dotted names, of a request: who makes it, None for nobody, and in which teams they are. It needs
Django: `pip install "taskrealm[django]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .site import pages

if TYPE_CHECKING:
    from ...client import BlockingClient

__all__ = ["client"]


def client() -> BlockingClient:
    """
    The client of this process, with the project's own token.

    Raises:
        Refused: The node does not let us in.
        Unavailable: The node cannot be reached.
    """
    return pages().client
