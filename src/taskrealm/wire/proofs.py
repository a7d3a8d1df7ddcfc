"""How a session proves who it is: one class for each way to join."""

from __future__ import annotations

import base64
import hmac
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..access import derivation
from ..protocol.errors import NotAuthorized
from .outages import Refused

if TYPE_CHECKING:
    from autobahn.wamp import message as wamp

SECRET_METHODS = ("scram", "wampcra")
"""How a secret is used, the better way first."""

CRA_MOST = 1_000_000  # iterations that a router may ask for
SCRAM_MOST = 100  # iterations that a router may ask for
SCRAM_MEMORY_MOST = 262_144  # KiB that a router may ask for


def _unproven(message: str) -> Refused:
    return Refused(NotAuthorized.uri, message)


class Proof:
    """What we say of ourselves in the HELLO, and how we answer a challenge."""

    methods: tuple[str, ...]
    extra: dict[str, Any] | None = None
    unnamed: ClassVar[str | None] = None
    """The authid of who does not claim one."""

    def answer(self, challenge: wamp.Challenge) -> str:
        """
        The answer to *challenge*.

        Raises:
            Refused: There is none.
        """
        raise _unproven(f"The router asks for a proof by {challenge.method}")

    def check(self, welcome: wamp.Welcome) -> None:
        """
        Make sure that the router knows who we are as well, where the method shows that.

        Raises:
            Refused: It does not.
        """


class Ticket(Proof):
    """By a token, or by a password together with an authid."""

    methods = ("ticket",)
    unnamed = ""  # for "the ticket says who we are"

    def __init__(self, ticket: str) -> None:
        self._ticket = ticket

    def answer(self, challenge: wamp.Challenge) -> str:
        return self._ticket


class Key(Proof):
    """By signing with a private key (WAMP-cryptosign), an Ed25519 seed of 32 bytes."""

    methods = ("cryptosign",)

    def __init__(self, key: Path | bytes) -> None:
        """
        Take a seed, or a file with its 64 hexadecimal digits.

        Raises:
            ValueError: It is none.
        """
        try:
            seed = bytes.fromhex(key.read_text().strip()) if isinstance(key, Path) else key
        except ValueError:
            seed = b""
        if len(seed) != 32:
            raise ValueError(
                "The key is no Ed25519 seed: 32 bytes, in a file 64 hexadecimal digits"
            )
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self.extra = {"pubkey": public.hex(), "channel_binding": None}

    def answer(self, challenge: wamp.Challenge) -> str:
        try:
            nonce = bytes.fromhex(challenge.extra["challenge"])
        except (LookupError, TypeError, ValueError):
            raise _unproven("The router's challenge is not understood") from None
        return self._key.sign(nonce).hex() + nonce.hex()


class Secret(Proof):
    """
    By a secret that never travels: WAMP-SCRAM, or WAMP-CRA where the node has only that.

    With WAMP-SCRAM the router proves that it knows us, too.
    """

    def __init__(self, authid: str, secret: str) -> None:
        """
        Take whom we claim to be, and the secret.

        Raises:
            ValueError: There is no authid.
        """
        if not authid:
            raise ValueError("Joining with a secret needs an authid")
        self._authid = authid
        self._secret = secret
        self._nonce = secrets.token_bytes(16)
        self._server_signature: bytes | None = None
        # Crossbar's WAMP-SCRAM takes ASCII names only.
        self.methods = SECRET_METHODS if authid.isascii() else ("wampcra",)
        self.extra = {"nonce": base64.b64encode(self._nonce).decode()}

    def answer(self, challenge: wamp.Challenge) -> str:
        try:
            if challenge.method == "scram":
                return self._scram(challenge.extra)
            return self._cra(challenge.extra)
        except (LookupError, TypeError, ValueError):
            raise _unproven("The router's challenge is not understood") from None

    def check(self, welcome: wamp.Welcome) -> None:
        if self._server_signature is None:
            return
        claimed = str((welcome.authextra or {}).get("scram_server_signature"))
        expected = base64.b64encode(self._server_signature)
        if not hmac.compare_digest(claimed.encode(errors="replace"), expected):
            raise _unproven("The router does not prove that it knows us")

    def _cra(self, extra: dict[str, Any]) -> str:
        key = self._secret.encode()
        if "salt" in extra:
            _require(0 < extra["iterations"] <= CRA_MOST)
            key = derivation.cra_key(
                self._secret, extra["salt"], extra["iterations"], extra["keylen"]
            )
        signature = hmac.digest(key, extra["challenge"].encode(), "sha256")
        return base64.b64encode(signature).decode()

    def _scram(self, extra: dict[str, Any]) -> str:
        nonce, salt = extra["nonce"], extra["salt"]
        iterations, memory = extra["iterations"], extra["memory"]
        _require(extra["kdf"] == "argon2id-13")
        _require(0 < iterations <= SCRAM_MOST and 0 < memory <= SCRAM_MEMORY_MOST)
        _require(base64.b64decode(nonce).startswith(self._nonce))
        own_nonce = base64.b64encode(self._nonce).decode()
        message = (
            f"n={self._authid},r={own_nonce},r={nonce},s={salt},i={iterations},c=,r={nonce}"
        ).encode()
        salted = derivation.scram_key(self._secret, base64.b64decode(salt), iterations, memory)
        server_key = derivation.scram_server_key(salted)
        self._server_signature = hmac.digest(server_key, message, "sha256")
        client_key = derivation.scram_client_key(salted)
        signature = hmac.digest(derivation.scram_stored_key(salted), message, "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return base64.b64encode(proof).decode()


class Certificate(Proof):
    """By the TLS certificate that the connection has shown."""

    methods = ("tls",)


class Anonymous(Proof):
    """By nothing."""

    methods = ("anonymous",)


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError
