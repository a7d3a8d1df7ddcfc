"""The address of the tokens for pages: `path("taskrealm/", include(…))`."""

from __future__ import annotations

from django.urls import path

from .views import token

urlpatterns = [path("token", token, name="taskrealm-token")]
