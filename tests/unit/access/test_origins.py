"""Pages may talk to the node if they are its own, or named in the settings."""

from __future__ import annotations

import pytest

from taskrealm.access.origins import Origins
from taskrealm.settings import RouterSettings, TlsSettings

ALLOWED = Origins(
    RouterSettings(port=8080, allowed_origins=("https://shop.example", "https://*.example:8443"))
)


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "https://shop.example",
        "https://shop.example:443",
        "https://a.b.example:8443",
    ],
)
def test_own_pages_and_those_of_the_settings_are_allowed(origin: str) -> None:
    assert ALLOWED.allow(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://*.example:8443",
        "http://localhost",
        "https://localhost:8080",
        "http://localhost:8080.evil.example",
        "http://shop.example",
        "https://shop.example:8443.evil.example",
        "https://shop.example.evil.test",
        "https://example:8443",
        "file://",
    ],
)
def test_all_others_are_not(origin: str) -> None:
    assert not ALLOWED.allow(origin)


def test_with_tls_own_pages_come_by_https() -> None:
    tls = TlsSettings(certificate="a.pem", key="b.pem")
    origins = Origins(RouterSettings(port=8080, tls=tls))

    assert origins.allow("https://localhost:8080")
    assert not origins.allow("http://localhost:8080")
