"""Gives the elements in a page their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ...client import Disconnected
from ...protocol.errors import Unavailable
from .site import pages, teams_of, user_of

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe  # type: ignore[untyped-decorator]
@never_cache  # type: ignore[untyped-decorator]
def token(request: HttpRequest) -> JsonResponse:
    """A token for the signed-in user; 401 for nobody, 503 while the node is away."""
    user = user_of(request)
    if user is None:
        return JsonResponse({"error": "Nobody has signed in"}, status=401)
    try:
        return JsonResponse({"token": pages().token(user, teams_of(request))})
    except (Unavailable, Disconnected):
        return JsonResponse({"error": "The node cannot be reached just now"}, status=503)
