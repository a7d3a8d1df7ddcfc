"""Who may join, decided without a router."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.access.addresses import proof_of
from taskrealm.access.credentials import CredentialStore
from taskrealm.access.tokens import TokenStore
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken, NotAuthorized, RateLimited, Unavailable
from taskrealm.router.authenticator import Authenticator
from taskrealm.router.node import prepare_state
from taskrealm.settings import AccessSettings, JwtSettings, NodeFolder, RouterSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIX = {"peer": "unix:/tmp/x"}
TCP = {"peer": "tcp4:127.0.0.1:4711"}


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path)
    prepare_state(folder)
    return folder


@pytest.fixture
def store(folder: NodeFolder) -> Iterator[TokenStore]:
    store = TokenStore.open(folder.tokens)
    yield store
    store.close()


@pytest.fixture
def credentials(folder: NodeFolder) -> Iterator[CredentialStore]:
    credentials = CredentialStore.open(folder.credentials)
    yield credentials
    credentials.close()


class Maker:
    """Makes authenticators of the node with other settings, and with a doorkeeper's answer."""

    def __init__(self, folder: NodeFolder, store: TokenStore, credentials: CredentialStore) -> None:
        self._parts = store, credentials
        self._folder = folder
        self.asked: list[tuple[str, str]] = []

    def __call__(
        self, access: dict[str, Any] | None = None, answer: Any = None, **router: Any
    ) -> Authenticator:
        async def ask(kind: str, secret: str, **_: Any) -> Any:
            self.asked.append((kind, secret))
            if isinstance(answer, Exception):
                raise answer
            return answer

        settings = Settings(
            access=AccessSettings(**(access or {})), router=RouterSettings(**router)
        )
        return Authenticator(self._folder, settings, *self._parts, ask)


@pytest.fixture
def make(folder: NodeFolder, store: TokenStore, credentials: CredentialStore) -> Maker:
    return Maker(folder, store, credentials)


@pytest.fixture
def authenticator(make: Maker) -> Authenticator:
    return make()


def by_ticket(ticket: object) -> dict[str, Any]:
    return {"authmethod": "ticket", "ticket": ticket, "authextra": None, "transport": TCP}


def by_key(public: object, transport: dict[str, str]) -> dict[str, Any]:
    extra = {"pubkey": public}
    return {"authmethod": "cryptosign", "authextra": extra, "transport": transport}


async def test_a_token_gives_authid_role_and_uid(
    authenticator: Authenticator, store: TokenStore
) -> None:
    token = store.issue("Zoë d'Arc", "backend", lifetime=60)

    principal = await authenticator.admit(None, by_ticket(token))

    assert principal["realm"] == "taskrealm"
    assert (principal["authid"], principal["role"]) == ("Zoë d'Arc", "backend")
    assert principal["extra"]["uid"] == uris.uid_of("Zoë d'Arc")


@pytest.mark.parametrize("ticket", ["", "tr_wrong", None, 42, ["tr_"], b"tr_"], ids=repr)
async def test_whatever_is_no_valid_token_is_refused(
    authenticator: Authenticator, ticket: object
) -> None:
    with pytest.raises(InvalidToken):
        await authenticator.admit(None, by_ticket(ticket))


async def test_a_sign_in_code_serves_once(authenticator: Authenticator, store: TokenStore) -> None:
    code = store.issue("alice", "user", lifetime=60, single_use=True)
    await authenticator.admit(None, by_ticket(code))

    with pytest.raises(InvalidToken, match="used before"):
        await authenticator.admit(None, by_ticket(code))


async def test_two_sign_in_codes_do_not_disturb_each_other(
    authenticator: Authenticator, store: TokenStore
) -> None:
    codes = [store.issue("alice", "user", lifetime=60, single_use=True) for _ in range(2)]

    assert [(await authenticator.admit(None, by_ticket(code)))["authid"] for code in codes] == [
        "alice"
    ] * 2


async def test_the_nodes_key_gives_the_role_executor(
    authenticator: Authenticator, folder: NodeFolder
) -> None:
    public = folder.public_key("executor").read_text().strip()

    principal = await authenticator.admit(None, by_key(public, UNIX))

    assert (principal["authid"], principal["role"]) == ("executor", "executor")
    assert principal["pubkey"] == public


async def test_the_nodes_key_is_refused_from_elsewhere(
    authenticator: Authenticator, folder: NodeFolder
) -> None:
    public = folder.public_key("executor").read_text().strip()

    with pytest.raises(NotAuthorized):
        await authenticator.admit(None, by_key(public, TCP))


@pytest.mark.parametrize("public", [64 * "0", "", None, 42, "ü"], ids=repr)
async def test_another_key_is_refused(authenticator: Authenticator, public: object) -> None:
    with pytest.raises(NotAuthorized):
        await authenticator.admit(None, by_key(public, UNIX))


@pytest.mark.parametrize("method", ["anonymous", "wampcra", "scram", ""])
async def test_another_method_is_refused(authenticator: Authenticator, method: str) -> None:
    with pytest.raises(NotAuthorized):
        await authenticator.admit(None, {"authmethod": method, "authextra": {}, "transport": UNIX})


FOUND = {
    "authid": "ana",
    "role": "user",
    "teams": [],
    "expires_at": None,
    "method": "hook",
    "issued_at": 0.0,
}
SIGNED = "eyJhbGciOiJIUzI1NiJ9.e30.x"
EVERY_TICKET = {
    "passwords": True,
    "authenticate": "site.py:authenticate",
    "jwt": JwtSettings(keys="keys", algorithms=("HS256",), audience="here"),
}


@pytest.mark.parametrize(
    ("authid", "ticket", "kind"),
    [
        pytest.param(None, SIGNED, "jwt", id="a signed token"),
        pytest.param("anybody", SIGNED, "jwt", id="a signed token and a claim"),
        pytest.param(None, "something", "site", id="something else"),
        pytest.param("", "something", "site", id="something else with an empty claim"),
        pytest.param("join_ana", "something", "password", id="something else and a claim"),
    ],
)
async def test_what_a_ticket_is_decides_who_is_asked(
    make: Maker, credentials: CredentialStore, authid: str | None, ticket: str, kind: str
) -> None:
    credentials.add_user("join_ana")
    credentials.set_password("join_ana", "correct horse")
    await make(EVERY_TICKET, FOUND).admit(authid, by_ticket(ticket))

    assert make.asked == [(kind, ticket)]


async def test_what_looks_like_a_token_of_the_node_is_shown_to_nobody_else(make: Maker) -> None:
    with pytest.raises(InvalidToken):
        await make(EVERY_TICKET, FOUND).admit("join_ana", by_ticket("tr_unknown"))

    assert make.asked == []


async def test_a_ticket_that_is_far_too_long_is_not_even_looked_at(make: Maker) -> None:
    for ticket in (20_000 * "x", SIGNED + 20_000 * "x"):
        with pytest.raises(InvalidToken):
            await make(EVERY_TICKET, FOUND).admit(None, by_ticket(ticket))

    assert make.asked == []


@pytest.mark.parametrize("ticket", [SIGNED, "something"])
async def test_without_the_setting_nobody_is_asked(make: Maker, ticket: str) -> None:
    for authid in (None, "join_ana"):
        with pytest.raises(InvalidToken):
            await make({}, FOUND).admit(authid, by_ticket(ticket))

    assert make.asked == []


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    "answer",
    [
        Unavailable("Nobody answers"),
        {**FOUND, "role": "executor"},
        {**FOUND, "authid": ""},
        {},
        None,
        "ana",
    ],
    ids=repr,
)
@pytest.mark.parametrize("ticket", [SIGNED, "something"])
async def test_no_answer_of_a_doorkeeper_but_a_fair_one_lets_anybody_in(
    make: Maker, ticket: str, answer: Any
) -> None:
    with pytest.raises((Unavailable, ValueError, TypeError, LookupError)):
        await make(EVERY_TICKET, answer).admit(None, by_ticket(ticket))


async def test_what_was_signed_before_its_user_was_revoked_is_refused(
    make: Maker, store: TokenStore
) -> None:
    store.revoke_user("ana")
    later = {**FOUND, "issued_at": datetime.now(UTC).timestamp() + 1}

    with pytest.raises(InvalidToken, match="revoked"):
        await make(EVERY_TICKET, FOUND).admit(None, by_ticket(SIGNED))
    assert (await make(EVERY_TICKET, later).admit(None, by_ticket(SIGNED)))["authid"] == "ana"


async def test_a_password_of_somebody_unknown_costs_as_much_as_any(make: Maker) -> None:
    with pytest.raises(InvalidToken):
        await make(EVERY_TICKET, False).admit("join_nobody", by_ticket("something"))

    assert make.asked == [("password", "something")]


async def test_even_if_its_hash_fits_nobody_unknown_has_a_password(make: Maker) -> None:
    with pytest.raises(InvalidToken):
        await make(EVERY_TICKET, True).admit("join_nobody", by_ticket("something"))


async def test_an_address_that_guesses_for_many_users_must_wait(make: Maker) -> None:
    authenticator = make(EVERY_TICKET, False)
    outcomes = []
    for number in range(25):
        with pytest.raises((InvalidToken, RateLimited)) as refusal:
            await authenticator.admit(f"join_{number}", by_ticket("something"))
        outcomes.append(refusal.type)

    assert outcomes[:20] == [InvalidToken] * 20
    assert outcomes[20:] == [RateLimited] * 5
    assert len(make.asked) == 20


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("cryptosign", "cryptosign"),
        ("wampcra", "wampcra"),
        ("scram", "scram"),
        ("tls", "certificates"),
    ],
)
async def test_a_credential_serves_if_its_way_is_open_and_nothing_was_revoked_since(
    make: Maker, store: TokenStore, credentials: CredentialStore, method: str, setting: str
) -> None:
    key = 64 * "a"
    credentials.add_user("join_shop", "backend")
    credentials.new_secret("join_shop")
    credentials.add_key("join_shop", key)
    credentials.add_certificate("join_shop", key)
    certificate = {"sha256": key.upper(), "expired": False, "not_after": "29991231235959Z"}
    details = {
        "authmethod": method,
        "authextra": {"pubkey": key},
        "transport": {**TCP, "peer_cert": certificate},
    }
    with pytest.raises(NotAuthorized):
        await make({}).admit("join_shop", details)
    principal = await make({setting: True}).admit("join_shop", details)

    assert (principal["authid"], principal["role"]) == ("join_shop", "backend")
    assert "credential" in principal["extra"]
    store.revoke_user("join_shop")
    try:
        refused = await make({setting: True}).admit("join_shop", details)
    except NotAuthorized:
        return
    # A challenge to which there is no answer.
    assert refused["extra"] == {}
    assert refused["role"] == "user"


async def test_a_certificate_that_is_over_or_not_there_is_refused(
    make: Maker, credentials: CredentialStore
) -> None:
    key = 64 * "a"
    credentials.add_user("join_shop", "backend")
    credentials.add_certificate("join_shop", key)
    over = {"sha256": key, "expired": True, "not_after": "20000101000000Z"}
    for certificate in (over, {"sha256": key}, {}, None):
        details = {
            "authmethod": "tls",
            "authextra": None,
            "transport": {**TCP, "peer_cert": certificate},
        }
        with pytest.raises(NotAuthorized):
            await make({"certificates": True}).admit(None, details)


async def test_where_a_session_comes_from_is_what_trusted_proxies_say(make: Maker) -> None:
    def address(transport: dict[str, Any], extra: Any = None, **router: Any) -> str | None:
        return make(**router).address_of(transport, extra)

    headers = {"http_headers_received": {"x-forwarded-for": "198.51.100.9, 203.0.113.7"}}
    proxied = {"trusted_proxies": ("127.0.0.0/8",)}

    assert address(TCP) == "127.0.0.1"
    assert address({**TCP, **headers}) == "127.0.0.1"
    assert address({**TCP, **headers}, **proxied) == "203.0.113.7"
    assert address({"peer": "tcp6:::1:4711"}) == "::1"
    assert address(UNIX) is None


async def test_the_gateway_must_prove_where_its_clients_come_from(
    make: Maker, folder: NodeFolder
) -> None:
    authenticator = make()
    secret = folder.gateway_secret.read_text().strip()
    fair = {"address": "203.0.113.7", "proof": proof_of("203.0.113.7", secret)}

    assert authenticator.address_of(UNIX, {"via": fair}) == "203.0.113.7"
    assert authenticator.address_of(TCP, {"via": fair}) == "127.0.0.1"
    for via in (None, 5, {}, {**fair, "proof": ""}, {**fair, "address": "198.51.100.9"}):
        assert authenticator.address_of(UNIX, {"via": via}) is None


async def test_nobody_joins_without_proof_unless_that_is_set(make: Maker) -> None:
    details = {"authmethod": "anonymous", "authextra": None, "transport": TCP}
    with pytest.raises(NotAuthorized):
        await make({}).admit("random", details)
    principals = [await make({"anonymous": True}).admit("random", details) for _ in range(2)]

    assert principals[0]["authid"] != principals[1]["authid"]
    assert principals[0]["extra"]["teams"] == ["anonymous"]
