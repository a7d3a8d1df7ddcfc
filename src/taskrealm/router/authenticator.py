"""Decides who may join: in which ways, and as whom."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..access.addresses import Proxies, address_of, vouched_address
from ..access.credentials import (
    CRA_ITERATIONS,
    CRA_SIZE,
    SCRAM_ITERATIONS,
    SCRAM_MEMORY,
    CredentialStore,
    Method,
)
from ..access.identity import AUTHID_LIMIT, ROLES, Identity
from ..access.passwords import LONGEST
from ..access.signed import looks_signed
from ..access.throttle import Throttle
from ..access.tokens import PREFIX, TokenStore, hash_of
from ..protocol.errors import InvalidArguments, InvalidToken, NotAuthorized
from ..protocol.jobs import timestamp
from ..protocol.uris import uid_of
from .configuration import EXECUTOR, GATEWAY
from .doorkeeper import JWT, PASSWORD, SITE, unpacked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..access.credentials import Credential
    from ..settings import NodeFolder, Settings

    Ask = Callable[..., Awaitable[Any]]

CLIENT = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""What a client may call itself."""

TICKET_LIMIT = 16_384  # characters; far more than any token has
ANONYMOUS = "anonymous"
"""The team of all that join without proof, and what their authids begin with."""

# Wrong passwords in a row; then the wait is a second, and twice as long each time.
FREE_PER_USER, LONGEST_PER_USER = 5, 60.0  # seconds; it also keeps out the user
FREE_PER_ADDRESS, LONGEST_PER_ADDRESS = 20, 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a session that wants to join says of itself, and what is known without its saying."""

    authid: str | None
    extra: Mapping[str, Any]
    client: str | None
    address: str | None
    transport: Mapping[str, Any]
    """How it is connected, in Crossbar's words."""


class Authenticator:
    """
    Answers for each session that wants to join who it is and in which role.

    What a session claims about itself never decides: what it proves does.
    """

    def __init__(
        self,
        folder: NodeFolder,
        settings: Settings,
        tokens: TokenStore,
        credentials: CredentialStore,
        ask: Ask,
    ) -> None:
        """*ask* puts a question to a doorkeeper: its kind, and what it is about."""
        self._folder = folder
        self._access = settings.access
        self._realm = settings.router.realm
        self._proxies = Proxies(settings.router.trusted_proxies)
        self._tokens = tokens
        self._credentials = credentials
        self._ask = ask
        self._secret = folder.authenticator_secret.read_bytes()
        self._gateway_secret = folder.gateway_secret.read_text(encoding="ascii").strip()
        self._used_codes: dict[bytes, datetime] = {}
        self._users = Throttle(free=FREE_PER_USER, longest=LONGEST_PER_USER)
        self._addresses = Throttle(free=FREE_PER_ADDRESS, longest=LONGEST_PER_ADDRESS)

    async def admit(self, authid: str | None, details: Mapping[str, Any]) -> dict[str, Any]:
        """
        The principal that Crossbar is to welcome, for the *details* that it gives of a session.

        With a challenge, Crossbar welcomes it only if it then proves what the principal says.

        Raises:
            InvalidToken: There is no valid token.
            NotAuthorized: The proof is not taken, or the session may not join in this way.
            InvalidArguments: The client gives itself an id that is none.
            RateLimited: There were too many wrong passwords.
            Unavailable: That cannot be decided just now.
        """
        visitor = self._visitor(authid, details)
        match details["authmethod"]:
            case "ticket":
                return await self._by_ticket(details["ticket"], visitor)
            case "cryptosign":
                return self._by_key(visitor)
            case "wampcra" if self._access.wampcra:
                return self._by_cra(visitor)
            case "scram" if self._access.scram:
                return self._by_scram(visitor)
            case "tls" if self._access.certificates:
                return self._by_certificate(visitor)
            case "anonymous" if self._access.anonymous:
                return self._as_anybody(visitor)
        raise NotAuthorized("Sessions do not join in this way")

    def address_of(self, transport: Mapping[str, Any], extra: object) -> str | None:
        """Where a session comes from that says *extra* over *transport*; None for this machine."""
        if _is_inside(transport):
            return vouched_address(extra, self._gateway_secret)
        return address_of(transport, self._proxies)

    def _visitor(self, authid: str | None, details: Mapping[str, Any]) -> Visitor:
        transport = details["transport"]
        extra = details["authextra"]
        extra = extra if isinstance(extra, dict) else {}
        address = self.address_of(transport, extra)
        return Visitor(authid, extra, _client(extra), address, transport)

    async def _by_ticket(self, ticket: object, visitor: Visitor) -> dict[str, Any]:
        if not isinstance(ticket, str) or not ticket:
            raise InvalidToken("Joining needs a token, as the ticket of the method `ticket`")
        if len(ticket) > TICKET_LIMIT:
            raise InvalidToken("The token is not valid or has expired")
        if ticket.startswith(PREFIX):
            identity = self._by_token(ticket)
        elif self._access.jwt is not None and looks_signed(ticket):
            identity = await self._by_signature(ticket)
        elif self._access.passwords and visitor.authid:
            identity = await self._by_password(visitor.authid, ticket, visitor)
        elif self._access.authenticate is not None:
            identity = unpacked(await self._ask(SITE, ticket))
        else:
            raise InvalidToken("The token is not valid or has expired")
        return self._welcome(identity, visitor)

    def _by_token(self, ticket: str) -> Identity:
        token = self._tokens.find(ticket)
        if token is None or token.role not in ROLES:
            raise InvalidToken("The token is not valid or has expired")
        if token.single_use:
            self._use_up(ticket, token.expires_at)
        elif token.uses is not None and not self._tokens.use(ticket):
            raise InvalidToken("The token is used up")
        return token.identity()

    def _use_up(self, code: str, expires_at: datetime) -> None:
        now = datetime.now(UTC)
        self._used_codes = {used: end for used, end in self._used_codes.items() if end > now}
        if hash_of(code) in self._used_codes:
            raise InvalidToken("The sign-in code was used before")
        self._used_codes[hash_of(code)] = expires_at

    async def _by_signature(self, ticket: str) -> Identity:
        answer = await self._ask(JWT, ticket)
        identity = unpacked(answer)
        revoked_at = self._tokens.revoked_at(identity.authid)
        if revoked_at is not None and answer["issued_at"] <= revoked_at.timestamp():
            raise InvalidToken("The token was revoked")
        return identity

    async def _by_password(self, authid: str, password: str, visitor: Visitor) -> Identity:
        if len(password) > LONGEST or len(authid) > AUTHID_LIMIT:
            raise InvalidToken("Name or password is wrong")
        if visitor.address is not None:
            self._addresses.attempt(visitor.address)
        self._users.attempt(authid)
        credential = self._find(Method.PASSWORD, authid)
        hashed = None if credential is None else credential.data["hash"]
        # The same work for everybody, so that nobody learns who is known here.
        if not await self._ask(PASSWORD, password, hash=hashed) or credential is None:
            raise InvalidToken("Name or password is wrong")
        self._users.forget(authid)
        if visitor.address is not None:
            self._addresses.succeed(visitor.address)
        return credential.identity(self._sign_in_end())

    def _by_key(self, visitor: Visitor) -> dict[str, Any]:
        claimed = visitor.extra.get("pubkey")
        if not isinstance(claimed, str):
            raise NotAuthorized("The key is not known here")
        component = self._component(claimed)
        if component is not None and _is_inside(visitor.transport):
            return {
                "realm": self._realm,
                "authid": component,
                "role": component,
                "extra": {"uid": uid_of(component), "method": "cryptosign"},
                # Crossbar lets the session prove that it holds the private half.
                "pubkey": claimed,
            }
        credential = None
        if self._access.cryptosign and component is None:
            credential = self._find(Method.CRYPTOSIGN, claimed.lower())
        if credential is None:
            raise NotAuthorized("The key is not known here")
        return {**self._welcome(credential.identity(), visitor), "pubkey": claimed.lower()}

    def _component(self, public_key: str) -> str | None:
        """The component of the node whose key that is; None if it is of somebody else."""
        for component in (EXECUTOR, GATEWAY):
            known = self._folder.public_key(component).read_text(encoding="ascii").strip()
            if hmac.compare_digest(public_key.encode(errors="replace"), known.encode()):
                return component
        return None

    def _by_cra(self, visitor: Visitor) -> dict[str, Any]:
        authid, credential = self._claimed(Method.WAMPCRA, visitor)
        data = {"key": secrets.token_hex(16), "salt": self._salt(authid).hex()}
        if credential is not None:
            data = credential.data
        return {
            **self._challenged(authid, credential, visitor),
            "secret": data["key"],
            "derivation": {
                "salt": data["salt"],
                "iterations": CRA_ITERATIONS,
                "keylen": CRA_SIZE,
            },
        }

    def _by_scram(self, visitor: Visitor) -> dict[str, Any]:
        authid, credential = self._claimed(Method.SCRAM, visitor)
        data = {"salt": self._salt(authid).hex()}
        data |= {key: secrets.token_hex(32) for key in ("stored_key", "server_key")}
        if credential is not None:
            data = credential.data
        return {
            **self._challenged(authid, credential, visitor),
            "kdf": "argon2id-13",
            "salt": data["salt"],
            "iterations": SCRAM_ITERATIONS,
            "memory": SCRAM_MEMORY,
            "stored-key": data["stored_key"],
            "server-key": data["server_key"],
        }

    def _claimed(self, method: Method, visitor: Visitor) -> tuple[str, Credential | None]:
        """Who the visitor says it is, and what it must prove for that; None if it never can."""
        if not visitor.authid or len(visitor.authid) > AUTHID_LIMIT:
            raise NotAuthorized("Joining by a challenge needs an authid")
        return visitor.authid, self._find(method, visitor.authid)

    def _challenged(
        self, authid: str, credential: Credential | None, visitor: Visitor
    ) -> dict[str, Any]:
        """
        Whom Crossbar is to challenge.

        Somebody unknown gets a challenge like any other: there is only no answer to it.
        """
        if credential is None:
            return {"realm": self._realm, "authid": authid, "role": ROLES[0], "extra": {}}
        return self._welcome(credential.identity(), visitor)

    def _salt(self, name: str) -> bytes:
        """A salt that nobody can tell from a real one, always the same for *name*."""
        return hmac.digest(self._secret, b"salt:" + name.encode(errors="replace"), "sha256")[:16]

    def _by_certificate(self, visitor: Visitor) -> dict[str, Any]:
        certificate = visitor.transport.get("peer_cert") or {}
        fingerprint = str(certificate.get("sha256", "")).replace(":", "").lower()
        credential = self._find(Method.CERTIFICATE, fingerprint)
        if credential is None or certificate.get("expired") is not False:
            raise NotAuthorized("The certificate is not known here")
        ends = datetime.strptime(certificate["not_after"], "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        return self._welcome(credential.identity(ends), visitor)

    def _as_anybody(self, visitor: Visitor) -> dict[str, Any]:
        # Whoever comes back as the same client is the same nobody, and finds its jobs.
        token = secrets.token_bytes(16) if visitor.client is None else visitor.client.encode()
        name = hmac.digest(self._secret, b"anonymous:" + token, "sha256")[:8].hex()
        identity = Identity(f"{ANONYMOUS}_{name}", "user", (ANONYMOUS,), method=ANONYMOUS)
        return self._welcome(identity, visitor)

    def _find(self, method: Method, key: str) -> Credential | None:
        """The credential, unless everything of its user was revoked since it was made."""
        credential = self._credentials.find(method, key)
        if credential is None:
            return None
        revoked_at = self._tokens.revoked_at(credential.authid)
        return None if revoked_at is not None and credential.created <= revoked_at else credential

    def _sign_in_end(self) -> datetime:
        ends = datetime.now(UTC).timestamp() + self._access.sign_in_hours * 3_600
        return datetime.fromtimestamp(ends, UTC)

    def _welcome(self, identity: Identity, visitor: Visitor) -> dict[str, Any]:
        extra = {**identity.extra(), "since": timestamp(datetime.now(UTC))}
        if visitor.address is not None:
            extra["address"] = visitor.address
        if visitor.client is not None:
            extra["client"] = visitor.client
        return {
            "realm": self._realm,
            "authid": identity.authid,
            "role": identity.role,
            "extra": extra,
        }


def _is_inside(transport: Mapping[str, Any]) -> bool:
    """Whether that is the Unix socket, which only the node's user can reach."""
    return str(transport["peer"]).startswith("unix")


def _client(extra: Mapping[str, Any]) -> str | None:
    """
    The id by which a client is known in all its sessions, if it has one.

    Raises:
        InvalidArguments: It cannot be one.
    """
    client = extra.get("client")
    if client is not None and not (isinstance(client, str) and CLIENT.fullmatch(client)):
        raise InvalidArguments(
            fields={"client": "must be 16 to 64 letters, digits, `-` and `_`, chosen at random"}
        )
    return client
