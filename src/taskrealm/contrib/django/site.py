"""What the settings of a Django project say of its node."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

try:
    from django.conf import settings
    from django.utils.module_loading import import_string
except ImportError as error:
    raise ImportError('Django is missing: pip install "taskrealm[django]"') from error

from ..pages import MINUTES, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest


def pages() -> Pages:
    """
    The project's end of its node.

    Raises:
        KeyError: The settings say not where the node is, or not by which token to join.
    """
    said: dict[str, Any] = settings.TASKREALM
    return _pages(said["url"], said["token"], said.get("page_url"), said.get("minutes", MINUTES))


def user_of(request: HttpRequest) -> str | None:
    """Who makes *request*; None for nobody."""
    user: str | None = _function("user", _signed_in)(request)
    return user


def teams_of(request: HttpRequest) -> Iterable[str]:
    """The teams of whoever makes *request*."""
    teams: Iterable[str] = _function("teams", lambda _: ())(request)
    return teams


@lru_cache(maxsize=1)
def _pages(url: str, token: str, page_url: str | None, minutes: float) -> Pages:
    return Pages(url, token, page_url=page_url, minutes=minutes)


def _function(name: str, usual: Callable[[Any], Any]) -> Callable[[Any], Any]:
    said = settings.TASKREALM.get(name, usual)
    function: Callable[[Any], Any] = import_string(said) if isinstance(said, str) else said
    return function


def _signed_in(request: Any) -> str | None:
    user = request.user
    return user.get_username() if user.is_authenticated else None
