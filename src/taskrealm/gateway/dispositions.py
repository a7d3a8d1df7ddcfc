"""How a browser is to take a file: as one to keep, under its name, and never as a page of ours."""

from __future__ import annotations

from urllib.parse import quote

SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"),
        *("audio/mpeg", "audio/ogg", "audio/mp4", "audio/flac", "audio/x-wav", "audio/webm"),
        *("video/mp4", "video/webm", "video/ogg", "video/quicktime"),
        "text/plain",
    }
)
"""Media types that a browser may show by itself: none of them can carry a script."""

UNKNOWN = "application/octet-stream"

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-()+,=@~")


def disposition(name: str, media_type: str, *, inline: bool) -> str:
    """
    The `Content-Disposition` of the file *name* (RFC 6266), to be kept unless it may be shown.

    *name* may have folders, of which only the last part is told.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1] or "file"
    kind = "inline" if inline and media_type in SHOWN else "attachment"
    plain = "".join(each if each in _SAFE else "_" for each in last)
    told = f'{kind}; filename="{plain}"'
    if plain == last:
        return told
    return f"{told}; filename*=UTF-8''{quote(last.encode('utf-8', 'replace'), safe='')}"


def headers(name: str, media_type: str, *, inline: bool = False) -> dict[str, str]:
    """
    The headers with which the file *name* is given out.

    Whatever it is, a browser neither guesses another type nor lets it act in our origin.
    """
    text = media_type.startswith("text/")
    return {
        "Content-Type": f"{media_type}; charset=utf-8" if text else media_type,
        "Content-Disposition": disposition(name, media_type, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
