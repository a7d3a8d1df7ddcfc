"""The keys that verify the tokens of a site: a secret, a PEM key, or a set of keys (RFC 7517)."""

from __future__ import annotations

import json
import ssl
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from ..settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

SECRET_SIZE = 32  # bytes that the secret of HS256 has at least (RFC 7518 §3.2)
RSA_SIZE = 2_048  # bits that a key of RS256 has at least (RFC 7518 §3.3)
SIZE_LIMIT = 1_048_576  # bytes of a file or document with keys
KEYS_LIMIT = 100  # of one set

FETCH_LIMIT = 5.0  # seconds that a key set may take to come
FRESH = 300.0  # seconds for which a key set is not asked for again unless a key is missing
STALE = 3_600.0  # seconds for which the last one serves while there is no newer one to be had
PAUSE = 15.0  # seconds between two questions for a key set


class KeysUnavailable(Exception):
    """There are no keys to be had just now."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key, for one algorithm alone: what a token says of its own algorithm never decides."""

    algorithm: str
    key: Any
    id: str | None = None
    """The `kid` by which tokens name it."""


class Keys(Protocol):
    """Wherever keys come from."""

    def find(self, key_id: str | None) -> Sequence[VerifyingKey]:
        """
        The keys that a token may be signed with which names *key_id*.

        Raises:
            KeysUnavailable: That cannot be told just now.
        """


class KeyFile:
    """The keys in a file, which is read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        """
        Read the file.

        Raises:
            SettingsError: It cannot be read, or there are no keys in it.
        """
        self._path = path
        self._stamp: tuple[int, ...] = ()
        self._keys: tuple[VerifyingKey, ...] = ()
        self._read()

    @property
    def algorithms(self) -> set[str]:
        """Those of the keys."""
        return {key.algorithm for key in self._keys}

    def find(self, key_id: str | None) -> Sequence[VerifyingKey]:
        """The keys that a token may be signed with which names *key_id*."""
        try:
            self._read()
        except SettingsError as error:
            raise KeysUnavailable(str(error)) from error
        return _fitting(self._keys, key_id)

    def _read(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            if status.st_size > SIZE_LIMIT:
                raise SettingsError(f"{self._path} is larger than {SIZE_LIMIT} bytes")
            content = self._path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{self._path} cannot be read: {error.strerror}") from None
        try:
            self._keys = keys_of(content)
        except ValueError as error:
            raise SettingsError(f"{self._path}: {error}") from None
        self._stamp = stamp


class KeyAddress:
    """
    The key set at an https address, kept for a while.

    A token that names a key which is not in it makes it be asked for again, though not more
    often than every `PAUSE` seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch or _fetch
        self._clock = clock
        self._keys: tuple[VerifyingKey, ...] = ()
        self._fetched: float | None = None
        self._asked: float | None = None
        self._failure: Exception | None = None
        self._lock = threading.Lock()

    def find(self, key_id: str | None) -> Sequence[VerifyingKey]:
        """The keys that a token may be signed with which names *key_id*."""
        with self._lock:
            if self._age(self._fetched) > FRESH or not _fitting(self._keys, key_id):
                self._ask()
            if self._age(self._fetched) > STALE:
                raise KeysUnavailable(f"There is no key set at {self._url}: {self._failure}")
            return _fitting(self._keys, key_id)

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment

    def _ask(self) -> None:
        if self._age(self._asked) < PAUSE:
            return
        self._asked = self._clock()
        try:
            keys = _key_set(self._fetch(self._url))
            if any(key.algorithm == "HS256" for key in keys):
                raise ValueError("It holds a secret, for everybody to read")
        except Exception as error:
            self._failure = error
        else:
            self._keys, self._fetched = keys, self._asked


def keys_of(content: bytes) -> tuple[VerifyingKey, ...]:
    """
    The keys in *content*: a key set as JSON, a public key or certificate as PEM, or a secret.

    Raises:
        ValueError: There are none, or one is too weak.
    """
    text = content.strip()
    if text.startswith(b"{"):
        return _key_set(text)
    if text.startswith(b"-----BEGIN"):
        return (_of_pem(text),)
    if len(text) < SECRET_SIZE:
        raise ValueError(f"A secret has at least {SECRET_SIZE} bytes")
    return (VerifyingKey("HS256", text),)


def _of_pem(text: bytes) -> VerifyingKey:
    if b"PRIVATE KEY" in text:
        raise ValueError("It is a private key, which belongs to who signs: give its public half")
    try:
        if b"BEGIN CERTIFICATE" in text:
            key: Any = load_pem_x509_certificate(text).public_key()
        else:
            key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("There is no public key in it") from None
    return VerifyingKey(_algorithm(key), key)


def _key_set(content: bytes) -> tuple[VerifyingKey, ...]:
    """
    The keys of a set that serve for signatures which are known here.

    Raises:
        ValueError: It is no key set, or has none.
    """
    document = json.loads(content)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > KEYS_LIMIT:
        raise ValueError(f"It is no key set (RFC 7517) of up to {KEYS_LIMIT} keys")
    keys = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            # The algorithm is named here only to have the key read; the key itself decides.
            parsed = jwt.PyJWK(
                entry, algorithm=_CURVES.get((str(entry.get("kty")), entry.get("crv")))
            )
            key = parsed.key
            algorithm = "HS256" if isinstance(key, bytes) else _algorithm(key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # a kind of key that is none of ours
        if isinstance(key, bytes) and len(key) < SECRET_SIZE:
            raise ValueError(f"A secret in it has fewer than {SECRET_SIZE} bytes")
        name = entry.get("kid")
        if entry.get("alg", algorithm) == algorithm and (name is None or isinstance(name, str)):
            keys.append(VerifyingKey(algorithm, key, name))
    if not keys:
        raise ValueError("No key in it verifies RS256, ES256, EdDSA or HS256")
    return tuple(keys)


_CURVES = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
    ("oct", None): "HS256",
}


def _algorithm(key: object) -> str:
    """
    The one algorithm that *key* is for.

    Raises:
        ValueError: There is none, or the key is too weak for it.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_SIZE:
            raise ValueError(f"An RSA key has at least {RSA_SIZE} bits")
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    raise ValueError("The key is none of RSA, P-256 and Ed25519")


def _fitting(keys: Iterable[VerifyingKey], key_id: str | None) -> list[VerifyingKey]:
    return [key for key in keys if key_id is None or key.id is None or key.id == key_id]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Stays where the settings say; a redirect could lead to a place without TLS."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _fetch(url: str) -> bytes:
    opener = urllib.request.build_opener(
        _NoRedirects(), urllib.request.HTTPSHandler(context=ssl.create_default_context())
    )
    try:
        with opener.open(url, timeout=FETCH_LIMIT) as answer:
            content: bytes = answer.read(SIZE_LIMIT + 1)
    except HTTPError as error:
        error.close()  # it would keep the connection open
        raise ValueError(f"The answer was {error.code} {error.reason}") from None
    if len(content) > SIZE_LIMIT:
        raise ValueError(f"It is larger than {SIZE_LIMIT} bytes")
    return content
