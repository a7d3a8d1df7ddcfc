from __future__ import annotations

import pytest

from taskrealm.gateway.dispositions import disposition, headers


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("a.txt", 'filename="a.txt"', id="a plain name"),
        pytest.param("deep/er/a.txt", 'filename="a.txt"', id="in folders"),
        pytest.param(
            'a"; b="c', "filename=\"a__ b=_c\"; filename*=UTF-8''a%22%3B%20b%3D%22c", id="quotes"
        ),
        pytest.param(
            "a\r\nSet-Cookie: x",
            "filename=\"a__Set-Cookie_ x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x",
            id="lines",
        ),
        pytest.param(
            "Brücke.mov", "filename=\"Br_cke.mov\"; filename*=UTF-8''Br%C3%BCcke.mov", id="umlauts"
        ),
        pytest.param(
            "\ud800.txt", "filename=\"_.txt\"; filename*=UTF-8''%3F.txt", id="half a character"
        ),
        pytest.param("folder/", 'filename="file"', id="no name"),
    ],
)
def test_a_name_reaches_the_disk_and_nothing_else(name: str, told: str) -> None:
    assert disposition(name, "text/html", inline=False) == f"attachment; {told}"


@pytest.mark.parametrize(
    ("kind", "is_shown"),
    [
        ("image/png", True),
        ("video/mp4", True),
        ("text/plain", True),
        ("text/html", False),
        ("image/svg+xml", False),
        ("application/xhtml+xml", False),
        ("application/pdf", False),
        ("text/xml", False),
        ("application/octet-stream", False),
    ],
)
def test_only_what_cannot_carry_a_script_is_shown(kind: str, is_shown: bool) -> None:
    told = headers("a", kind, inline=True)

    assert told["Content-Disposition"].startswith("inline" if is_shown else "attachment")
    assert told["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert headers("a", kind)["Content-Disposition"].startswith("attachment")
