"""Tokens that the site's own web application signs: JSON Web Tokens (RFC 7519, RFC 8725)."""

from __future__ import annotations

import json
import math
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt

from ..protocol.errors import InvalidToken
from ..settings import SettingsError
from .identity import Identity
from .keys import KeyAddress, KeyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jwt.types import Options

    from ..settings import JwtSettings
    from .keys import Keys, VerifyingKey

SIZE_LIMIT = 16_384  # characters of a token
_SIGNATURE_ALONE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
TRIES = 8  # keys that are tried on one token which does not name its own


@dataclass(frozen=True, slots=True)
class Signed:
    """Who joins with a token, and since when it may have existed."""

    identity: Identity
    issued_at: datetime


def looks_signed(ticket: str) -> bool:
    """Whether *ticket* is a signed token by its form: three parts, the first a JSON object."""
    return ticket.count(".") == 2 and _header(ticket) is not None


class SignedTokens:
    """
    Verifies tokens with the keys and by the rules of the settings.

    The key decides by which algorithm it verifies, never the token. A token must end, be
    meant for us, and live no longer than is set.
    """

    def __init__(
        self, settings: JwtSettings, keys: Keys, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    def verify(self, token: str) -> Signed:
        """
        Who joins with *token*.

        Raises:
            InvalidToken: It is refused.
            KeysUnavailable: There are no keys to be had just now.
        """
        claims = self._claims(token)
        now = self._clock()
        settings = self._settings
        ends = _moment(claims, "exp")
        if ends is None:
            raise InvalidToken("The token never expires, and only one that does is taken")
        if ends <= now - settings.leeway:
            raise InvalidToken("The token has expired")
        begins = _moment(claims, "nbf")
        issued = _moment(claims, "iat")
        if any(each is not None and each > now + settings.leeway for each in (begins, issued)):
            raise InvalidToken("The token is not valid yet")
        if ends - (now if issued is None else issued) > settings.longest + settings.leeway:
            raise InvalidToken(f"The token lives longer than the {settings.longest:g} s allowed")
        if issued is None:
            issued = ends - settings.longest
        self._require_meant_for_us(claims)
        try:
            identity = Identity(
                claims.get(settings.user_claim),  # type: ignore[arg-type]
                self._role(claims),
                self._teams(claims),
                expires_at=datetime.fromtimestamp(ends, UTC),
                method="jwt",
            )
        except ValueError:
            raise InvalidToken("The token names no user, role or teams that can be") from None
        return Signed(identity, datetime.fromtimestamp(issued, UTC))

    def _claims(self, token: str) -> Mapping[str, Any]:
        """What *token* says, once its signature is verified."""
        if len(token) > SIZE_LIMIT or not token.isascii():
            raise InvalidToken("The token is not valid")
        header = _header(token)
        if header is None or "crit" in header:
            raise InvalidToken("The token is not valid")
        name = header.get("kid")
        if name is not None and not isinstance(name, str):
            raise InvalidToken("The token is not valid")
        candidates = [
            key
            for key in self._keys.find(name)
            if key.algorithm == header.get("alg") and key.algorithm in self._settings.algorithms
        ]
        for key in candidates[:TRIES]:
            claims = _verified(token, key)
            if claims is not None:
                return claims
        raise InvalidToken("The token is not signed by a key and an algorithm that are known here")

    def _require_meant_for_us(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._settings.audience not in audiences:
            raise InvalidToken("The token is meant for somebody else")
        if self._settings.issuer is not None and claims.get("iss") != self._settings.issuer:
            raise InvalidToken("The token was issued by somebody else")

    def _role(self, claims: Mapping[str, Any]) -> str:
        claim = self._settings.role_claim
        role = "user" if claim is None else claims.get(claim, "user")
        if not isinstance(role, str) or role not in self._settings.roles:
            raise InvalidToken("The token names a role that such tokens cannot give")
        return role

    def _teams(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        claim = self._settings.teams_claim
        teams = [] if claim is None else claims.get(claim, [])
        if not isinstance(teams, list):
            raise InvalidToken("The token names no user, role or teams that can be")
        return tuple(teams)


def open_keys(settings: JwtSettings, root: Path) -> Keys:
    """
    The keys that *settings* of the node in *root* name; an address is not asked yet.

    Raises:
        SettingsError: They cannot serve for the algorithms that are set.
    """
    if "://" in settings.keys:
        if not settings.keys.startswith("https://"):
            raise SettingsError("access.jwt.keys: keys come from a file or by https only")
        if "HS256" in settings.algorithms:
            raise SettingsError("access.jwt.algorithms: HS256 needs a secret, and so a file")
        return KeyAddress(settings.keys)
    try:
        keys = KeyFile(root / settings.keys)
    except SettingsError as error:
        raise SettingsError(f"access.jwt.keys: {error}") from None
    if not keys.algorithms & set(settings.algorithms):
        raise SettingsError(
            f"access.jwt.algorithms: {root / settings.keys} is for {_listed(keys.algorithms)},"
            f" not for {_listed(settings.algorithms)}"
        )
    return keys


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))


def _header(token: str) -> dict[str, Any] | None:
    """What *token* says about itself; None if it is no signed token."""
    first = token[:SIZE_LIMIT].partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def _verified(token: str, key: VerifyingKey) -> Mapping[str, Any] | None:
    """What *token* says, if *key* has signed it."""
    try:
        # Times and names are looked at more strictly than PyJWT does.
        claims: dict[str, Any] = jwt.decode(
            token, key.key, algorithms=[key.algorithm], options=_SIGNATURE_ALONE
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return claims


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """
    The time that a claim gives, in seconds since 1970; None if it is not there.

    Raises:
        InvalidToken: It gives none.
    """
    if name not in claims:
        return None
    value: Any = claims[name]
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < 1e11:
        raise InvalidToken(f"The token's `{name}` is no time")
    return float(value)
