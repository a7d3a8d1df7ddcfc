"""Passwords: kept as Argon2id hashes (RFC 9106), and compared in the same time for everybody."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .tokens import PREFIX

SHORTEST = 8  # characters
LONGEST = 1_024  # characters

_hasher = PasswordHasher()


def require_password(password: str) -> None:
    """
    Make sure that *password* can be one.

    Raises:
        ValueError: It cannot; the message says what must be.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"A password has {SHORTEST} to {LONGEST} characters")
    if password.startswith(PREFIX):
        raise ValueError(f"A password cannot begin with {PREFIX}, as tokens do")


def hash_password(password: str) -> str:
    """
    What is kept of *password*.

    Raises:
        ValueError: It cannot be one.
    """
    require_password(password)
    return _hasher.hash(_bytes(password))


def is_password(hashed: str | None, password: str) -> bool:
    """
    Whether *hashed* was made of *password*; with None there is none, which takes as long.

    It takes tens of milliseconds and 64 MiB, on purpose.
    """
    try:
        matches = _hasher.verify(_nobodys() if hashed is None else hashed, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and hashed is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("the password of nobody")


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
