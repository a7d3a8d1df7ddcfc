"""By what a client proves who it is, and whom it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.errors import Unavailable
from ..wire import Tls

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable

    Token = str | Callable[[], str | Awaitable[str]]
    AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    One way to join.

    A *token* may be a function or coroutine function that gives one for each new connection.
    *password* and *secret* are those of a *user*. *key* is a file with a private Ed25519 key,
    *certificate* one for TLS with its *certificate_key*, and *ca* one with the authorities to
    trust instead of the usual ones; these are files in PEM.

    Raises:
        ValueError: It is no way to join, or more than one.
    """

    token: Token | None = None
    user: str | None = None
    password: str | None = None
    secret: str | None = None
    key: AnyPath | None = None
    certificate: AnyPath | None = None
    certificate_key: AnyPath | None = None
    ca: AnyPath | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        ways = [self.token, self.password, self.secret, self.key]
        if sum(way is not None for way in ways) + self.anonymous > 1:
            raise ValueError("Join by one of token, password, secret, key and anonymous")
        if not any((*(way is not None for way in ways), self.certificate, self.anonymous)):
            raise ValueError(
                "Joining needs one of token, password, secret, key and certificate, or anonymous"
            )
        if (self.user is None) != (self.password is None and self.secret is None):
            raise ValueError("A user goes with a password or a secret, and these with a user")
        if self.anonymous and self.certificate is not None:
            raise ValueError("Whoever shows a certificate is not anonymous")

    async def options(self) -> dict[str, Any]:
        """
        What `join` is to be told of it, for the next connection.

        Raises:
            Unavailable: There is no token to be had just now.
        """
        options: dict[str, Any] = {"authid": self.user or "", "secret": self.secret}
        options["ticket"] = self.password if self.token is None else await self._next_token()
        if self.key is not None:
            options["key"] = Path(self.key)
        if self.ca is not None or self.certificate is not None:
            options["tls"] = Tls(
                _path(self.ca), _path(self.certificate), _path(self.certificate_key)
            )
        return options

    async def _next_token(self) -> str:
        try:
            token = self._token()
            return token if isinstance(token, str) else await token
        except OSError as error:
            raise Unavailable(f"There is no token to be had just now: {error}") from error

    def _token(self) -> str | Awaitable[str]:
        assert self.token is not None
        return self.token if isinstance(self.token, str) else self.token()


def _path(file: AnyPath | None) -> Path | None:
    return None if file is None else Path(file)
