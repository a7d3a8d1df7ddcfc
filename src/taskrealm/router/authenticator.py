"""Decides who may join: by token, or for the node's own components by key."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments, InvalidToken, NotAuthorized
from ..protocol.jobs import timestamp
from ..protocol.uris import uid_of
from ..tokens import ROLES, hash_of
from .configuration import EXECUTOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..settings import NodeFolder
    from ..tokens import TokenStore


CLIENT = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""What a client may call itself."""


class Authenticator:
    """
    Answers for each session that wants to join who it is and in which role.

    What a session claims about itself is never looked at: a token or a key decides.
    """

    def __init__(self, folder: NodeFolder, realm: str, tokens: TokenStore) -> None:
        self._folder = folder
        self._realm = realm
        self._tokens = tokens
        self._used_codes: dict[bytes, datetime] = {}

    def admit(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """
        The principal that Crossbar is to welcome, for the *details* that it gives of a session.

        Raises:
            InvalidToken: There is no valid token.
            NotAuthorized: The key is unknown, or the session may not join in this way.
            InvalidArguments: The client gives itself an id that is none.
        """
        method = details["authmethod"]
        if method == "ticket":
            return self._by_token(details["ticket"], details["authextra"])
        if method == "cryptosign":
            return self._by_key(details["authextra"], details["transport"])
        raise NotAuthorized("Sessions join with a token")

    def _by_token(self, ticket: object, extra: object) -> dict[str, Any]:
        if not isinstance(ticket, str) or not ticket:
            raise InvalidToken("Joining needs a token, as the ticket of the method `ticket`")
        token = self._tokens.find(ticket)
        if token is None or token.role not in ROLES:
            raise InvalidToken("The token is not valid or has expired")
        client = _client(extra)
        if token.single_use:
            self._use_up(ticket, token.expires_at)
        return {
            "realm": self._realm,
            "authid": token.authid,
            "role": token.role,
            "extra": {
                "uid": uid_of(token.authid),
                "expires_at": timestamp(token.expires_at),
                **({} if client is None else {"client": client}),
            },
        }

    def _use_up(self, code: str, expires_at: datetime) -> None:
        now = datetime.now(UTC)
        self._used_codes = {used: end for used, end in self._used_codes.items() if end > now}
        if hash_of(code) in self._used_codes:
            raise InvalidToken("The sign-in code was used before")
        self._used_codes[hash_of(code)] = expires_at

    def _by_key(self, extra: object, transport: Mapping[str, Any]) -> dict[str, Any]:
        claimed = extra.get("pubkey") if isinstance(extra, dict) else None
        known = self._folder.public_key(EXECUTOR).read_text(encoding="ascii").strip()
        if (
            not str(transport["peer"]).startswith("unix")
            or not isinstance(claimed, str)
            or not hmac.compare_digest(claimed.encode(), known.encode())
        ):
            raise NotAuthorized("Only the node's own components join with a key")
        return {
            "realm": self._realm,
            "authid": EXECUTOR,
            "role": EXECUTOR,
            "extra": {"uid": uid_of(EXECUTOR)},
            # Crossbar lets the session prove that it holds the private half.
            "pubkey": known,
        }


def _client(extra: object) -> str | None:
    """
    The id by which a client is known in all its sessions, if it has one.

    Raises:
        InvalidArguments: It cannot be one.
    """
    client = extra.get("client") if isinstance(extra, dict) else None
    if client is not None and not (isinstance(client, str) and CLIENT.fullmatch(client)):
        raise InvalidArguments(
            fields={"client": "must be 16 to 64 letters, digits, `-` and `_`, chosen at random"}
        )
    return client
