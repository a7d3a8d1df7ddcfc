"""Names and media types of files: made harmless, and told by name and by the first bytes."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

NAME_LIMIT = 200  # bytes of a name; file systems take 255
NAMELESS = "file"  # the name of a file whose own name has nothing that can be kept
HEAD = 512  # bytes at the beginning of a file that tell its kind
UNKNOWN = "application/octet-stream"

MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-msdownload"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
_BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"heic": "image/heic"}
_BRANDS |= {b"mif1": "image/heif", b"avif": "image/avif"}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo"}


def clean_name(name: str) -> str:
    """
    *name* as a file in a folder may be called: without folders, without anything unseen.

    It never begins with a dot or a dash, and has at most `NAME_LIMIT` bytes; its extension
    is kept.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(each if each.isprintable() else " " for each in last)
    text = " ".join(seen.split()).lstrip(".- ").rstrip(". ") or NAMELESS
    stem, dot, extension = text.rpartition(".")
    if not dot or len(extension.encode()) > 20:
        stem, dot, extension = text, "", ""
    room = NAME_LIMIT - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + extension


def media_type_of(name: str) -> str:
    """The media type that the extension of *name* stands for."""
    guessed, encoding = mimetypes.guess_type(f"x{name}", strict=False)
    if encoding is not None:
        return f"application/{'gzip' if encoding == 'gzip' else 'x-' + encoding}"
    return guessed or UNKNOWN


def kind_of(head: bytes) -> str | None:
    """The media type of which the first bytes of a file, *head*, speak; None if of none."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return next((kind for start, kind in _BEGINNINGS if head.startswith(start)), None)
