"""Every way to join, with a real client and a real node that has all of them open."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from tests.certificates import Authority
from tests.needs import needs
from tests.nodes import ROOT, Node, Watch, comes_true, free_port, the_one
from tests.plain import Refused as PlainlyRefused
from tests.site import make_site

from taskrealm.access.addresses import proof_of
from taskrealm.access.credentials import CredentialStore
from taskrealm.client import BlockingClient, Client, Disconnected, Refused
from taskrealm.protocol import uris
from taskrealm.protocol.errors import (
    InvalidToken,
    NotAuthorized,
    RateLimited,
    Unavailable,
    UnknownJob,
)
from taskrealm.testing.nodes import processes_of
from taskrealm.wire import Tls, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.timeout(120)

AUDIENCE = "tasks.example.org"
PASSWORD = "correct horse battery staple"
LIMIT = 1.0  # seconds that the site's function may take

SITE_CODE = """
import asyncio
import os
import time


async def authenticate(token):
    print("a site may print", flush=True)
    match token.partition(" "):
        case "name", _, name:
            return name
        case "role", _, name:
            return name, "backend"
        case "teams", _, name:
            await asyncio.sleep(0)
            return {"authid": name, "teams": ["editors"], "expires_in": 60}
        case "soon", _, name:
            return {"authid": name, "expires_in": 2}
        case "system", _, name:
            return name, "executor"
        case "nonsense", _, _:
            return 42
        case "fail", _, secret:
            raise RuntimeError(f"the database password is {secret}")
        case "wait", _, _:
            await asyncio.sleep(3600)
        case "hang", _, _:
            time.sleep(3600)
        case "die", _, _:
            os._exit(3)
"""

KEYS = {
    "RS256": rsa.generate_private_key(65_537, 2_048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256": b"a secret of thirty-two bytes or more",
}


def key_set() -> dict[str, Any]:
    """The public halves of `KEYS`, and the secret."""
    as_jwk = {
        "RS256": jwt.algorithms.RSAAlgorithm,
        "ES256": jwt.algorithms.ECAlgorithm,
        "EdDSA": jwt.algorithms.OKPAlgorithm,
        "HS256": jwt.algorithms.HMACAlgorithm,
    }
    entries = []
    for name, key in KEYS.items():
        public = key if isinstance(key, bytes) else key.public_key()
        entries.append({**as_jwk[name].to_jwk(public, as_dict=True), "kid": name})  # type: ignore[attr-defined]
    return {"keys": entries}


def signed(authid: str, algorithm: str = "EdDSA", key: Any = None, **claims: Any) -> str:
    """A token of the site for *authid*, valid for an hour."""
    now = int(time.time())
    return jwt.encode(
        {"sub": authid, "aud": AUDIENCE, "iat": now, "exp": now + 3_600, **claims},
        KEYS[algorithm] if key is None else key,
        algorithm=algorithm,
        headers={"kid": algorithm},
    )


RAW_SOCKET = """
trusted_proxies = ["127.0.0.2"]
[router.raw_socket]
port = {port}
[router.raw_socket.tls]
certificate = "{certificate}"
key = "{key}"
client_authorities = "authority.crt"
"""

SETTINGS = f'''
[access]
authenticate = "router/site.py:authenticate"
authenticate_limit = {LIMIT}
passwords = true
wampcra = true
scram = true
cryptosign = true
certificates = true
anonymous = true

[access.jwt]
keys = "router/keys.json"
algorithms = ["RS256", "ES256", "EdDSA", "HS256"]
audience = "{AUDIENCE}"
role_claim = "role"
roles = ["user", "operator"]
teams_claim = "teams"
'''


@pytest.fixture(scope="module")
def open_node() -> Iterator[Node]:
    """A running node on which every way to join is open."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        root = Path(path)
        authority = Authority()
        authority.write(root / "authority.crt")
        certificate, key = authority.issue(root)
        for name in ("join_press", "join_stranger", "join_late"):
            authority.issue(root, name, days=-1 if name == "join_late" else 5)
        folder = make_site(
            root,
            router=RAW_SOCKET.format(port=free_port(), certificate=certificate.name, key=key.name),
        )
        with folder.settings_file.open("a") as file:
            file.write(SETTINGS)
        (folder.root / "router" / "site.py").write_text(SITE_CODE)
        (folder.root / "router" / "keys.json").write_text(json.dumps(key_set()))
        with Node(folder) as node:
            node.until("READY")
            yield node
            assert node.stop() == 0
            assert not processes_of(folder)


@pytest.fixture(scope="module")
def credentials(open_node: Node) -> Iterator[CredentialStore]:
    with closing(CredentialStore.open(open_node.folder.credentials)) as store:
        yield store


def client(node: Node, **access: Any) -> Client:
    return Client(node.url, **access)


async def joined(node: Node, **access: Any) -> tuple[str, str]:
    """Who a client is that joins so, and may list the tasks."""
    async with client(node, **access) as one:
        assert await one.tasks()
        return one.authid, one.role


async def extra_of(node: Node, **options: Any) -> Mapping[str, Any]:
    """What a session is told of itself that joins so."""
    session = await join(node.url, realm="taskrealm", **options)
    try:
        return session.extra
    finally:
        await session.leave()


@pytest.mark.capability("N25", "Z1")
async def test_by_a_token_of_the_node(open_node: Node) -> None:
    token = open_node.issue("join_token")

    assert await joined(open_node, token=token) == ("join_token", "user")
    assert (await extra_of(open_node, ticket=token))["method"] == "token"


@pytest.mark.capability("N25", "Z1")
@pytest.mark.parametrize("algorithm", list(KEYS))
async def test_by_a_token_that_the_site_has_signed(open_node: Node, algorithm: str) -> None:
    token = signed("join_signed", algorithm, teams=["editors"])

    assert await joined(open_node, token=token) == ("join_signed", "user")
    extra = await extra_of(open_node, ticket=token)
    assert (extra["method"], extra["teams"]) == ("jwt", ["editors"])
    assert "expires_at" in extra


@pytest.mark.capability("Z1")
async def test_a_signed_token_gives_the_roles_that_are_set_and_no_other(open_node: Node) -> None:
    operator = await joined(open_node, token=signed("join_chief", role="operator"))
    with pytest.raises(Refused, match="a role that such tokens cannot give") as refusal:
        await joined(open_node, token=signed("join_chief", role="backend"))

    assert operator == ("join_chief", "operator")
    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z2")
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param(signed("join_x", exp=int(time.time()) - 60), "expired", id="expired"),
        pytest.param(signed("join_x", aud="others"), "meant for somebody else", id="for others"),
        pytest.param(
            signed("join_x", key=Ed25519PrivateKey.generate()), "not signed", id="another key"
        ),
        pytest.param(
            jwt.encode({"sub": "join_x", "aud": AUDIENCE}, None, algorithm="none"),
            "not signed",
            id="alg none",
        ),
    ],
)
async def test_a_signed_token_that_is_not_right_is_refused_with_the_reason(
    open_node: Node, token: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        await joined(open_node, token=token)

    assert refusal.value.uri == InvalidToken.uri


async def test_keys_that_change_in_their_file_hold_from_the_next_session_on(
    open_node: Node,
) -> None:
    file = open_node.folder.root / "router" / "keys.json"
    newest = Ed25519PrivateKey.generate()
    entry = jwt.algorithms.OKPAlgorithm.to_jwk(newest.public_key(), as_dict=True)
    file.write_text(json.dumps({"keys": [*key_set()["keys"], {**entry, "kid": "EdDSA"}]}))
    try:
        assert await joined(open_node, token=signed("join_new_key", key=newest))
    finally:
        file.write_text(json.dumps(key_set()))

    with pytest.raises(Refused):
        await joined(open_node, token=signed("join_new_key", key=newest))


async def test_what_was_signed_before_its_user_was_revoked_is_refused(open_node: Node) -> None:
    token = signed("join_revoked")
    assert await joined(open_node, token=token)
    taskrealm(open_node, "user", "revoke", "join_revoked")

    with pytest.raises(Refused, match="revoked"):
        await joined(open_node, token=token)
    later = signed("join_revoked", iat=int(time.time()) + 2)
    assert await joined(open_node, token=later)


@pytest.mark.capability("Z1")
@pytest.mark.parametrize(
    ("token", "who"),
    [
        pytest.param("name join_hook", ("join_hook", "user"), id="an authid"),
        pytest.param("role join_shop", ("join_shop", "backend"), id="authid and role"),
        pytest.param("teams join_editor", ("join_editor", "user"), id="a mapping"),
    ],
)
async def test_by_the_sites_own_function(open_node: Node, token: str, who: tuple[str, str]) -> None:
    assert await joined(open_node, token=token) == who


async def test_what_the_sites_function_says_of_a_user_is_known_of_the_session(
    open_node: Node,
) -> None:
    extra = await extra_of(open_node, ticket="teams join_editor")

    assert (extra["method"], extra["teams"]) == ("hook", ["editors"])
    assert "expires_at" in extra


@pytest.mark.capability("Z2")
async def test_a_token_that_the_sites_function_does_not_know_is_refused(open_node: Node) -> None:
    with pytest.raises(Refused, match="not valid") as refusal:
        await joined(open_node, token="unknown")

    assert refusal.value.uri == InvalidToken.uri


@pytest.mark.capability("Z6")
@pytest.mark.parametrize("token", ["system join_x", "nonsense", "fail hunter2", "wait", "die"])
async def test_a_function_that_fails_waits_dies_or_talks_nonsense_lets_nobody_in(
    open_node: Node, token: str
) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(Unavailable) as refusal:
            await joined(open_node, token=token)

    assert "hunter2" not in str(refusal.value)
    await comes_back(open_node)


@pytest.mark.capability("Z6")
async def test_a_function_that_hangs_lets_nobody_in_and_keeps_only_itself_busy(
    open_node: Node,
) -> None:
    hanging = asyncio.create_task(joined(open_node, token="hang"))
    async with asyncio.timeout(20):
        await asyncio.gather(
            *(joined(open_node, token=signed(f"join_meanwhile_{each}")) for each in range(5))
        )
        with pytest.raises(Unavailable):
            await hanging

    await comes_back(open_node)


@pytest.mark.capability("Z6")
async def test_more_at_once_than_can_wait_are_refused_and_soon_there_is_room_again(
    open_node: Node,
) -> None:
    async def attempt() -> str:
        try:
            await join(open_node.url, realm="taskrealm", ticket="wait", open_timeout=30)
        except Unavailable:
            return "refused"
        return "joined"

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*(attempt() for _ in range(100)))

    assert set(outcomes) == {"refused"}
    await comes_back(open_node)


@pytest.mark.capability("N25")
async def test_by_password_and_with_the_token_that_it_gives(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_pia", teams=("editors",))
    credentials.set_password("join_pia", PASSWORD)
    session = await join(open_node.url, realm="taskrealm", ticket=PASSWORD, authid="join_pia")
    given = await session.call(uris.TOKEN)
    await session.leave()

    assert (session.extra["method"], session.extra["teams"]) == ("password", ["editors"])
    assert await joined(open_node, token=given["token"]) == ("join_pia", "user")
    assert (await extra_of(open_node, ticket=given["token"]))["teams"] == ["editors"]


async def test_no_other_session_gets_a_token_without_a_code(open_node: Node) -> None:
    session = await join(open_node.url, realm="taskrealm", ticket=open_node.issue("join_token"))
    with pytest.raises(NotAuthorized):
        await session.call(uris.TOKEN)
    await session.leave()


async def test_a_password_that_is_replaced_does_not_serve_any_longer(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_careful")
    taskrealm(open_node, "user", "password", "join_careful", stdin=f"{PASSWORD}\n")
    async with client(open_node, user="join_careful", password=PASSWORD) as one:
        assert one.authid == "join_careful"
    taskrealm(open_node, "user", "password", "join_careful", stdin="another password\n")

    with pytest.raises(Refused):
        await joined(open_node, user="join_careful", password=PASSWORD)
    assert await joined(open_node, user="join_careful", password="another password")


@pytest.mark.capability("Z2")
async def test_a_wrong_password_and_an_unknown_user_are_told_the_same(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_paul")
    credentials.set_password("join_paul", PASSWORD)
    told = []
    for user in ("join_paul", "join_nobody"):
        with pytest.raises(Refused) as refusal:
            await joined(open_node, user=user, password="wrong password")
        told.append((refusal.value.uri, str(refusal.value)))

    assert told == [(InvalidToken.uri, "Name or password is wrong")] * 2


async def test_whoever_guesses_passwords_must_wait_longer_and_longer(open_node: Node) -> None:
    guesses = 0
    wait = 0.0
    while wait == 0:  # on a busy machine a guess may take as long as the first wait
        try:
            await joined(open_node, user="join_guessed", password="a wrong one")
        except RateLimited as error:
            wait = error.retry_after
        except Refused:
            guesses += 1

    assert guesses >= 5
    assert wait <= 2 ** (guesses - 5)


@pytest.mark.capability("N25")
@pytest.mark.parametrize("methods", [["scram"], ["wampcra"]], ids=lambda each: each[0])
async def test_by_a_secret_that_never_travels(
    open_node: Node, credentials: CredentialStore, methods: list[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("taskrealm.wire.proofs.SECRET_METHODS", tuple(methods))
    credentials.add_user("join_crm", "backend")
    secret = credentials.new_secret("join_crm")

    assert await joined(open_node, user="join_crm", secret=secret) == ("join_crm", "backend")
    extra = await extra_of(open_node, secret=secret, authid="join_crm")
    assert extra["method"] == methods[0]
    for user, wrong in (("join_crm", "wrong"), ("join_nobody", secret)):
        with pytest.raises(Refused, match="The proof is not valid") as refusal:
            await joined(open_node, user=user, secret=wrong)
        assert refusal.value.uri == InvalidToken.uri


async def test_challenges_do_not_tell_who_is_known(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_known", "operator")
    credentials.new_secret("join_known")

    async def challenge(method: str, authid: str) -> dict[str, Any]:
        async with await open_node.outside() as peer:
            hello = {
                "roles": {"caller": {}},
                "authmethods": [method],
                "authid": authid,
                "authextra": {"nonce": "AAAAAAAAAAAAAAAAAAAAAA=="},
            }
            await peer.send([1, "taskrealm", hello])
            message = await peer.receive()
            assert message[0] == 4, message
            extra: dict[str, Any] = message[2]
        if "challenge" in extra:
            extra |= {"challenge": json.loads(extra["challenge"]), "is_cra": True}
        return extra

    for method in ("wampcra", "scram"):
        known, unknown, again = [
            await challenge(method, authid)
            for authid in ("join_known", "join_unknown", "join_unknown")
        ]

        assert known.keys() == unknown.keys()
        assert len(known["salt"]) == len(unknown["salt"])
        assert unknown["salt"] == again["salt"]
        if method == "wampcra":
            roles = [each["challenge"]["authrole"] for each in (known, unknown)]
            assert roles == [None, None]


@pytest.mark.parametrize("answer", ["", "x", "ü", 2_000 * "A", "AAAA"], ids=lambda each: each[:4])
@pytest.mark.parametrize("method", ["wampcra", "scram", "cryptosign"])
async def test_an_answer_that_is_none_is_refused_in_our_words(
    open_node: Node, credentials: CredentialStore, method: str, answer: str
) -> None:
    credentials.add_user("join_odd")
    credentials.new_secret("join_odd")
    public = 64 * "a"
    credentials.add_key("join_odd", public)
    async with await open_node.outside() as peer:
        with pytest.raises(PlainlyRefused) as refusal:
            await peer.join(
                answer,
                authid="join_odd",
                authmethods=[method],
                authextra={"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "pubkey": public},
            )

    assert refusal.value.uri == InvalidToken.uri
    assert refusal.value.text == "The proof is not valid"


@pytest.mark.parametrize("extra", [{}, {"nonce": 5}, {"nonce": "?"}], ids=repr)
async def test_a_hello_that_lacks_what_scram_needs_is_refused_in_our_words(
    open_node: Node, extra: Any
) -> None:
    async with await open_node.outside() as peer:
        with pytest.raises(PlainlyRefused) as refusal:
            await peer.join(authid="join_odd", authmethods=["scram"], authextra=extra)

    assert refusal.value.uri == InvalidToken.uri
    assert refusal.value.text == "The proof is not valid"


@pytest.mark.capability("N25")
async def test_by_a_key_of_ones_own(
    open_node: Node, credentials: CredentialStore, tmp_path: Path
) -> None:
    credentials.add_user("join_billing", "backend")
    file = tmp_path / "billing.key"
    public = taskrealm(open_node, "user", "key", "add", "join_billing", "--new", str(file)).strip()

    assert await joined(open_node, key=file) == ("join_billing", "backend")
    assert file.stat().st_mode & 0o777 == 0o600
    taskrealm(open_node, "user", "key", "rm", "join_billing", public)
    with pytest.raises(Refused, match="not known"):
        await joined(open_node, key=file)


@pytest.mark.capability("Z9")
@pytest.mark.parametrize("component", ["executor", "gateway"])
async def test_the_nodes_own_keys_open_no_port(open_node: Node, component: str) -> None:
    with pytest.raises(Refused, match="not known"):
        await joined(open_node, key=open_node.folder.private_key(component))


async def test_the_gateway_joins_by_its_own_key_over_the_unix_socket(open_node: Node) -> None:
    session = await join(
        f"unix:{open_node.folder.socket}",
        realm="taskrealm",
        key=open_node.folder.private_key("gateway"),
    )
    await session.leave()

    assert (session.authid, session.authrole) == ("gateway", "gateway")


@pytest.mark.capability("N25", "P2")
@pytest.mark.parametrize("serializer", ["cbor", "msgpack", "json"])
async def test_by_a_certificate_over_a_raw_socket_with_tls(
    open_node: Node, credentials: CredentialStore, serializer: str
) -> None:
    root = open_node.folder.root
    credentials.add_user("join_press", "backend", ("print",))
    taskrealm(open_node, "user", "certificate", "add", "join_press", str(root / "join_press.crt"))
    url, access = by_certificate(open_node, "join_press")
    async with Client(url, serializer=serializer, **access) as one:
        job = await one.exec("probe.shell", {"script": "echo hello"})
        await job.result(30)

    assert (one.authid, one.role) == ("join_press", "backend")


async def test_a_session_that_joined_by_a_certificate_ends_with_it(
    open_node: Node, credentials: CredentialStore
) -> None:
    root = open_node.folder.root
    credentials.add_user("join_press", "backend", ("print",))
    taskrealm(open_node, "user", "certificate", "add", "join_press", str(root / "join_press.crt"))
    url, access = by_certificate(open_node, "join_press")
    tls = Tls(*(access[name] for name in ("ca", "certificate", "certificate_key")))
    session = await join(url, realm="taskrealm", tls=tls)
    credential = x509.load_pem_x509_certificate((root / "join_press.crt").read_bytes())
    ends = credential.not_valid_after_utc

    assert session.extra["method"] == "certificate"
    assert datetime.fromisoformat(session.extra["expires_at"]) == ends
    assert session.extra["address"] == "127.0.0.1"
    fingerprint = credential.fingerprint(SHA256()).hex()
    taskrealm(open_node, "user", "certificate", "rm", "join_press", fingerprint)
    async with asyncio.timeout(30):
        await session.lost
    with pytest.raises(Refused, match="not known"):
        await join(url, realm="taskrealm", tls=tls)


@pytest.mark.capability("N25")
async def test_a_certificate_that_nobody_knows_or_that_is_over_opens_nothing(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_late")
    file = open_node.folder.root / "join_late.crt"
    taskrealm(open_node, "user", "certificate", "add", "join_late", str(file))
    url, stranger = by_certificate(open_node, "join_stranger")
    _, late = by_certificate(open_node, "join_late")
    nobody = {"ca": stranger["ca"], "token": open_node.issue("join_token")}

    with pytest.raises(Refused, match="not known"):
        async with Client(url, **stranger):
            pass
    for access in (late, nobody):
        with pytest.raises((Unavailable, Disconnected)):
            async with Client(url, **access):
                pass


@pytest.mark.capability("P2")
async def test_with_a_certificate_for_the_port_a_token_may_still_say_who_it_is(
    open_node: Node,
) -> None:
    url, access = by_certificate(open_node, "join_stranger")
    async with Client(url, token=open_node.issue("join_token"), **access) as one:
        assert one.authid == "join_token"


async def test_a_router_that_shows_no_certificate_to_be_trusted_is_told_nothing(
    open_node: Node,
) -> None:
    url, access = by_certificate(open_node, "join_press")
    del access["ca"]

    with pytest.raises(Unavailable, match="certificate verify failed"):
        async with Client(url, **access):
            pass


@pytest.mark.capability("N25")
async def test_anonymously_each_under_a_name_of_its_own(open_node: Node) -> None:
    async with client(open_node, anonymous=True) as one, client(open_node, anonymous=True) as two:
        job = await one.exec("probe.shell", {"script": "echo hello"})
        await job.result(30)
        with pytest.raises(UnknownJob):
            await two.job(job.job_id).snapshot()

    assert one.authid.startswith("anonymous_")
    assert one.authid != two.authid
    assert (one.role, two.role) == ("user", "user")


async def test_an_anonymous_client_that_lost_its_connection_stays_who_it_was(
    open_node: Node,
) -> None:
    own_id = "join_" + 20 * "x"
    first = await extra_of(open_node, client=own_id)
    second = await extra_of(open_node, client=own_id)

    assert first["uid"] == second["uid"]
    assert first["teams"] == ["anonymous"]


async def test_the_address_is_that_which_a_trusted_proxy_has_seen(open_node: Node) -> None:
    async with await open_node.outside() as peer:
        direct = await peer.join(open_node.issue("join_near"))

    assert direct["authextra"]["address"] == "127.0.0.1"


async def test_only_with_its_proof_is_the_gateway_believed_where_a_client_comes_from(
    open_node: Node,
) -> None:
    secret = open_node.folder.gateway_secret.read_text().strip()
    address = "203.0.113.7"
    via = {"address": address, "proof": proof_of(address, secret)}

    async def seen(via: Any, *, inside: bool) -> str | None:
        async with await (open_node.inside() if inside else open_node.outside()) as peer:
            welcome = await peer.join(open_node.issue("join_far"), authextra={"via": via})
            told: str | None = welcome["authextra"].get("address")
            return told

    assert await seen(via, inside=True) == address
    assert await seen({**via, "proof": 64 * "0"}, inside=True) is None
    assert await seen({**via, "address": "203.0.113.8"}, inside=True) is None
    assert await seen("nonsense", inside=True) is None
    assert await seen(via, inside=False) == "127.0.0.1"


@pytest.mark.capability("Z10")
async def test_every_way_is_open_while_the_executor_is_down(
    open_node: Node, credentials: CredentialStore
) -> None:
    credentials.add_user("join_down")
    credentials.set_password("join_down", PASSWORD)
    secret = credentials.new_secret("join_down")
    component = open_node.folder.root / "components" / "executor.py"
    component.rename(component.with_suffix(".away"))
    try:
        Watch([the_one(open_node.folder, "components/executor.py")]).kill()
        ways: list[dict[str, Any]] = [
            {"ticket": open_node.issue("join_down")},
            {"ticket": signed("join_down")},
            {"ticket": "name join_down"},
            {"ticket": PASSWORD, "authid": "join_down"},
            {"secret": secret, "authid": "join_down"},
        ]
        names = {(await join_and_leave(open_node, **way)) for way in ways}
    finally:
        component.with_suffix(".away").rename(component)
        async with client(open_node, token=open_node.issue("join_down")) as one:
            async with asyncio.timeout(60):
                await one._connection.insist(uris.TASKS)

    assert names == {"join_down"}


@pytest.mark.capability("N25")
def test_the_command_line_and_a_blocking_client_join_in_these_ways_too(
    open_node: Node, credentials: CredentialStore, tmp_path: Path
) -> None:
    taskrealm(open_node, "user", "add", "join_cli", "--role", "backend", "--team", "editors")
    taskrealm(open_node, "user", "password", "join_cli", stdin=f"{PASSWORD}\n")
    secret = taskrealm(open_node, "user", "secret", "join_cli").strip()
    password_file, secret_file = tmp_path / "password", tmp_path / "secret"
    password_file.write_text(f"{PASSWORD}\n")
    secret_file.write_text(f"{secret}\n")

    for way in (
        ("--user", "join_cli", "--password-file", str(password_file)),
        ("--user", "join_cli", "--secret-file", str(secret_file)),
        ("--anonymous",),
    ):
        assert "video.transcode" in taskrealm(open_node, "tasks", "--url", open_node.url, *way)
    with BlockingClient(open_node.url, user="join_cli", secret=secret) as blocking:
        assert (blocking.authid, blocking.role) == ("join_cli", "backend")
    listed = [
        json.loads(line) for line in taskrealm(open_node, "user", "ls", "--json").splitlines()
    ]
    (own,) = [each for each in listed if each["user"] == "join_cli"]
    assert own["teams"] == ["editors"]
    assert [each["method"] for each in own["credentials"]] == ["password", "scram", "wampcra"]
    taskrealm(open_node, "user", "rm", "join_cli")
    with pytest.raises(Refused), BlockingClient(open_node.url, user="join_cli", secret=secret):
        pass


@pytest.mark.capability("N25")
@pytest.mark.parametrize("way", ["jwt", "password", "wampcra", "anonymous"])
def test_autobahn_js_joins_in_these_ways(
    open_node: Node, credentials: CredentialStore, way: str
) -> None:
    credentials.add_user("join_js")
    credentials.set_password("join_js", PASSWORD)
    secret = credentials.new_secret("join_js")
    arguments = {
        "jwt": ("ticket", "", signed("join_js")),
        "password": ("ticket", "join_js", PASSWORD),
        "wampcra": ("wampcra", "join_js", secret),
        "anonymous": ("anonymous", "", ""),
    }[way]
    script = ROOT / "tests" / "node" / "plain_joiner.cjs"
    said = subprocess.run(
        [needs("node"), "--experimental-websocket", script, open_node.url, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    told = json.loads(said.stdout)
    assert told["authid"].startswith("anonymous_" if way == "anonymous" else "join_js")
    assert told["tasks"] > 0


@pytest.mark.capability("Z2")
async def test_no_secret_is_in_any_log(open_node: Node, credentials: CredentialStore) -> None:
    credentials.add_user("join_quiet")
    credentials.set_password("join_quiet", PASSWORD)
    secret = credentials.new_secret("join_quiet")
    token = signed("join_quiet")
    for access in (
        {"token": token},
        {"user": "join_quiet", "password": PASSWORD},
        {"user": "join_quiet", "secret": secret},
        {"user": "join_quiet", "secret": f"{secret}x"},
    ):
        try:
            await joined(open_node, **access)
        except Refused:
            assert access["secret"] != secret

    def written() -> str:
        return "".join(file.read_text(errors="replace") for file in open_node.folder.logs.iterdir())

    # The router's log goes through another process.
    await comes_true(lambda: "join_quiet" in written())
    assert not [text for text in (token, PASSWORD, secret) if text in written()]


def taskrealm(node: Node, *words: str, stdin: str = "") -> str:
    """What the command line prints to standard output, called on the node's machine."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=node.folder.root,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_certificate(node: Node, name: str) -> tuple[str, dict[str, Any]]:
    """The port for backends, and the access of who has the certificate of *name*."""
    root = node.folder.root
    raw_socket = node.settings.router.raw_socket
    assert raw_socket is not None
    return f"tls://127.0.0.1:{raw_socket.port}", {
        "ca": root / "authority.crt",
        "certificate": root / f"{name}.crt",
        "certificate_key": root / f"{name}.key",
    }


async def join_and_leave(node: Node, **way: Any) -> str:
    session = await join(node.url, realm="taskrealm", **way)
    await session.leave()
    return session.authid


async def comes_back(node: Node) -> None:
    """Return once the site's function answers again."""
    async with asyncio.timeout(30):
        while True:
            try:
                await joined(node, token="name join_again")
                return
            except Unavailable:
                await asyncio.sleep(0.1)
