"""Keys that are made of a secret, for the methods WAMP-CRA and WAMP-SCRAM."""

from __future__ import annotations

import base64
import hashlib
import hmac


def cra_key(secret: str, salt: str, iterations: int, size: int) -> bytes:
    """The key with which WAMP-CRA signs: PBKDF2 (RFC 8018) with SHA-256, as base64 text."""
    key = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt.encode(), iterations, size)
    return base64.b64encode(key)


def scram_key(secret: str, salt: bytes, iterations: int, memory: int) -> bytes:
    """
    The salted password of WAMP-SCRAM by Argon2id, *memory* in KiB.

    Autobahn takes the base64 text without padding for the key, hence so does everybody.
    """
    from argon2.low_level import Type, hash_secret_raw

    raw = hash_secret_raw(
        secret.encode(),
        salt,
        time_cost=iterations,
        memory_cost=memory,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
        version=19,
    )
    return base64.b64encode(raw).rstrip(b"=")


def scram_client_key(salted: bytes) -> bytes:
    """`ClientKey` of SCRAM (RFC 5802)."""
    return hmac.digest(salted, b"Client Key", "sha256")


def scram_stored_key(salted: bytes) -> bytes:
    """`StoredKey` of SCRAM (RFC 5802)."""
    return hashlib.sha256(scram_client_key(salted)).digest()


def scram_server_key(salted: bytes) -> bytes:
    """`ServerKey` of SCRAM (RFC 5802)."""
    return hmac.digest(salted, b"Server Key", "sha256")
