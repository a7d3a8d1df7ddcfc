"""
Live jobs for whoever has signed in, as a whole project in one file.

    python app.py migrate
    python app.py createsuperuser
    TASKREALM_TOKEN=… python app.py runserver
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import execute_from_command_line

FOLDER = Path(__file__).resolve().parent

settings.configure(
    DEBUG=True,
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for trying it out"),
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "taskrealm.contrib.django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"},
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [FOLDER / "templates"],
        }
    ],
    LOGIN_URL="/sign-in",
    LOGIN_REDIRECT_URL="/",
    TASKREALM={
        "url": os.environ.get("TASKREALM_URL", "ws://127.0.0.1:8080/ws"),
        "token": os.environ.get("TASKREALM_TOKEN", ""),
    },
)
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

from taskrealm.contrib.django import client  # noqa: E402


@login_required
def page(request):
    return render(request, "page.html")


@login_required
def job(request, job_id):
    return render(request, "job.html", {"job_id": job_id})


@login_required
@require_POST
def count(request):
    """Makes a job by the application itself, for its user."""
    user = request.user.get_username()
    job = client().exec("demo.count", {"to": 5}, on_behalf_of=user)
    return redirect(f"/job/{job.job_id}")


urlpatterns = [
    path("", page),
    path("job/<job_id>", job),
    path("count", count),
    path("sign-in", LoginView.as_view(template_name="sign-in.html")),
    path("taskrealm/", include("taskrealm.contrib.django.urls")),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
