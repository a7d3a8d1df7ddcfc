"""Nobody joins by a forged, borrowed, used or misplaced proof."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from tests.nodes import Node
from tests.plain import ABORT, AUTHENTICATE, GOODBYE, HELLO, ROLES, WELCOME, Closed, Refused
from tests.security.evidence import Evidence
from tests.site import make_site

from taskrealm.access.credentials import CredentialStore
from taskrealm.access.tokens import TokenStore
from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(120)

AUDIENCE = "tasks.example.org"
PASSWORD = "correct horse battery staple"
KEY = rsa.generate_private_key(65_537, 2_048)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
SETTINGS = f"""
[access]
passwords = true
cryptosign = true

[access.jwt]
keys = "router/site.pem"
algorithms = ["RS256"]
audience = "{AUDIENCE}"
issuer = "https://example.org"
role_claim = "role"
"""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Node]:
    """A running node that takes signed tokens, passwords and keys."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path))
        with folder.settings_file.open("a") as file:
            file.write(SETTINGS)
        (folder.root / "router" / "site.pem").write_bytes(PUBLIC)
        with Node(folder) as node:
            node.until("READY")
            yield node


# Signed tokens, made by hand -------------------------------------------------------------------


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def by_rsa(text: bytes) -> bytes:
    return KEY.sign(text, padding.PKCS1v15(), SHA256())


def by_hmac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, hashlib.sha256)


def forged(
    header: dict[str, Any] | None = None,
    sign: Callable[[bytes], bytes] = by_rsa,
    **claims: Any,
) -> str:
    """A token with this header and these claims besides those that are right."""
    now = int(time.time())
    right = {"sub": "mallory", "aud": AUDIENCE, "iss": "https://example.org"}
    right |= {"iat": now, "exp": now + 60}
    body = {name: value for name, value in (right | claims).items() if value is not ...}
    text = f"{part({'alg': 'RS256', 'typ': 'JWT'} | (header or {}))}.{part(body)}"
    return f"{text}.{part(sign(text.encode()))}"


def unsigned(_: bytes) -> bytes:
    return b""


STRANGER = rsa.generate_private_key(65_537, 2_048)
NOW = time.time()

FORGERIES: dict[str, Callable[[], str]] = {
    "not signed": lambda: forged({"alg": "none"}, unsigned),
    "not signed, in other letters": lambda: forged({"alg": "NoNe"}, unsigned),
    "not signed, and said to be": lambda: forged(sign=unsigned),
    "with the signature cut off": lambda: forged().rsplit(".", 1)[0] + ".",
    "signed by the public key as a secret": lambda: forged({"alg": "HS256"}, by_hmac(PUBLIC)),
    "signed by an empty secret": lambda: forged({"alg": "HS256"}, by_hmac(b"")),
    "signed by a stranger": lambda: forged(
        sign=lambda text: STRANGER.sign(text, padding.PKCS1v15(), SHA256())
    ),
    "with a key of its own": lambda: forged(
        {"jwk": {"kty": "oct", "k": part(b"mine")}, "alg": "HS256"}, by_hmac(b"mine")
    ),
    "with an address of keys": lambda: forged(
        {"jku": "http://127.0.0.1:1/keys.json", "x5u": "http://127.0.0.1:1/"},
        lambda text: STRANGER.sign(text, padding.PKCS1v15(), SHA256()),
    ),
    "with a path as the name of a key": lambda: forged(
        {"kid": "../../../../dev/null", "alg": "HS256"}, by_hmac(b"")
    ),
    "with what must be understood": lambda: forged({"crit": ["exp"]}),
    "with another audience": lambda: forged(aud="other.example.org"),
    "with no audience": lambda: forged(aud=...),
    "with a part of the audience": lambda: forged(aud=AUDIENCE[:-1]),
    "of another issuer": lambda: forged(iss="https://evil.example"),
    "that has expired": lambda: forged(iat=NOW - 600, exp=NOW - 300),
    "that never expires": lambda: forged(exp=...),
    "that expires in a thousand years": lambda: forged(exp=4e10),
    "that expires at no time": lambda: forged(exp="2099-01-01"),
    "that expires at infinity": lambda: forged(exp=float("inf")),
    "that is not valid yet": lambda: forged(nbf=time.time() + 600),
    "of tomorrow": lambda: forged(iat=time.time() + 86_400, exp=time.time() + 86_460),
    "of nobody": lambda: forged(sub=...),
    "of an empty name": lambda: forged(sub=""),
    "of a list of names": lambda: forged(sub=["mallory", "root"]),
    "of a name that steers terminals": lambda: forged(sub="root\r\n\x1b[2J"),
    "in a role of the node's own": lambda: forged(role="executor"),
    "in the role that may everything": lambda: forged(role="trusted"),
    "in a role that such tokens cannot give": lambda: forged(role="operator"),
    "in a list of roles": lambda: forged(role=["user", "operator"]),
    "with claims that are no mapping": lambda: ".".join(
        (part({"alg": "RS256"}), part([1]), part(by_rsa(b"x")))
    ),
    "with a body nested for ever": lambda: ".".join(
        (part({"alg": "RS256"}), part(b"[" * 5_000), part(b"x"))
    ),
    "with a header nested for ever": lambda: ".".join((part(b"[" * 5_000), part({}), part(b"x"))),
    "that is long": lambda: forged(padding="x" * 50_000),
}


@pytest.mark.capability("Z1", "Z2")
@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_signed_token_lets_nobody_in(guarded: Node, kind: str) -> None:
    token = FORGERIES[kind]()
    evidence = Evidence(guarded)
    async with await guarded.outside() as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.join(token)

    assert refusal.value.uri == InvalidToken.uri
    await evidence.shows("A session was refused")
    assert token not in evidence.text
    assert evidence.tracebacks() == []


async def test_the_same_token_made_right_does(guarded: Node) -> None:
    async with await guarded.outside() as honest:
        assert (await honest.join(forged()))["authid"] == "mallory"


# Places where no token belongs -------------------------------------------------------------------


@pytest.mark.capability("Z2", "Z3")
@pytest.mark.parametrize("place", ["authid", "authextra", "realm", "message", "roles", "authrole"])
async def test_a_token_opens_nothing_anywhere_else_in_the_handshake(site: Node, place: str) -> None:
    token = site.issue("mallory_misplaces")
    evidence = Evidence(site)
    hello: dict[str, Any] = {"roles": ROLES, "authmethods": ["ticket"], "authid": ""}
    realm = "taskrealm"
    match place:
        case "authextra":
            hello["authextra"] = {"ticket": token, "token": token, "client": token}
        case "realm":
            realm = token
        case "roles":
            hello["roles"] = {**ROLES, token: {}}
        case "message":
            hello["ticket"] = hello["token"] = token
        case _:
            hello[place] = token
    async with await site.outside() as mallory:
        await mallory.send([HELLO, realm, hello])
        await mallory.send([AUTHENTICATE, "", {}])
        with contextlib.suppress(TimeoutError, Closed):
            while True:
                assert (await mallory.receive(2))[0] != WELCOME

    assert token not in evidence.text


@pytest.mark.capability("Z3")
@pytest.mark.parametrize("uri", ["{}", "taskrealm.{}", "taskrealm.run.{}"])
async def test_a_token_as_a_name_gets_into_no_log(site: Node, uri: str) -> None:
    token = site.issue("mallory_names")
    evidence = Evidence(site)
    for method in ("call", "subscribe", "publish", "register"):
        async with await site.user("mallory_names") as mallory:
            with pytest.raises((Refused, Closed)):
                await getattr(mallory, method)(uri.format(token))

    assert token not in evidence.text


# One proof, one session --------------------------------------------------------------------------


async def hello(node: Node, method: str, **details: Any) -> tuple[Any, dict[str, Any]]:
    """A connection that has been challenged, and the challenge."""
    peer = await node.outside()
    await peer.send([HELLO, "taskrealm", {"roles": ROLES, "authmethods": [method], **details}])
    return peer, (await peer.receive())[2]


@pytest.mark.capability("Z11")
async def test_an_answer_to_a_challenge_is_good_for_one_session(guarded: Node) -> None:
    key = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
    public = key.public_key().public_bytes_raw().hex()
    with contextlib.closing(CredentialStore.open(guarded.folder.credentials)) as store:
        store.add_user("mallory_of_yesterday")
        store.add_key("mallory_of_yesterday", public)
    extra = {"pubkey": public, "channel_binding": None}
    mallory, challenge = await hello(guarded, "cryptosign", authextra=extra)
    nonce = bytes.fromhex(challenge["challenge"])
    answer = [AUTHENTICATE, key.sign(nonce).hex() + nonce.hex(), {}]
    async with mallory:
        await mallory.send(answer)
        assert (await mallory.receive())[0] == WELCOME
        await mallory.send([GOODBYE, {}, "wamp.close.normal"])
        assert (await mallory.receive())[0] == GOODBYE
        with contextlib.closing(TokenStore.open(guarded.folder.tokens)) as tokens:
            tokens.revoke_user("mallory_of_yesterday")
        await mallory.send(answer)
        refusal = await mallory.receive()

    assert refusal[0] == ABORT
    assert refusal[2] == InvalidToken.uri


async def test_certificates_of_a_blockchain_prove_nothing(guarded: Node) -> None:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    extra = {"pubkey": public, "channel_binding": None, "trustroot": "0x" + 40 * "1"}
    evidence = Evidence(guarded)
    certificate = ["0x" + 64 * "2", {"message": {}, "primaryType": "x"}, "0x" + 130 * "3"]
    mallory = await guarded.outside()
    async with mallory:
        details = {"roles": ROLES, "authmethods": ["cryptosign"]}
        details["authextra"] = {**extra, "certificates": [certificate]}
        await mallory.send([HELLO, "taskrealm", details])
        refusal = await mallory.receive()

    assert refusal[0] == ABORT
    assert refusal[2] == InvalidToken.uri
    assert evidence.tracebacks() == []


async def test_one_who_answers_many_times_at_once_joins_once(guarded: Node) -> None:
    with contextlib.closing(CredentialStore.open(guarded.folder.credentials)) as store:
        store.add_user("mallory_impatient")
        store.set_password("mallory_impatient", PASSWORD)
    evidence = Evidence(guarded)
    mallory, _ = await hello(guarded, "ticket", authid="mallory_impatient")
    async with mallory:
        for _ in range(4):
            await mallory.send([AUTHENTICATE, PASSWORD, {}])
        answers = [(await mallory.receive())[0] for _ in range(4)]

        assert sorted(answers) == [WELCOME, *[ABORT] * 3]
        assert await mallory.call(uris.TASKS)
    assert evidence.tracebacks() == []


@pytest.mark.capability("Z2")
async def test_a_refused_answer_cannot_be_followed_by_another(guarded: Node) -> None:
    token = guarded.issue("mallory_guesses")
    mallory, _ = await hello(guarded, "ticket", authid="")
    async with mallory:
        await mallory.send([AUTHENTICATE, "tr_" + 43 * "x", {}])
        first = await mallory.receive()
        await mallory.send([AUTHENTICATE, token, {}])
        with contextlib.suppress(Closed):
            assert (await mallory.receive())[0] == ABORT

    assert first[0] == ABORT


async def test_who_gives_up_to_join_leaves_nothing_behind(guarded: Node) -> None:
    evidence = Evidence(guarded)
    for goodbye in (False, True):
        mallory, _ = await hello(guarded, "ticket", authid="")
        async with mallory:
            if goodbye:
                await mallory.send([AUTHENTICATE, guarded.issue("mallory_wavers"), {}])
                assert (await mallory.receive())[0] == WELCOME
                await mallory.send([GOODBYE, {}, "wamp.close.normal"])
                assert (await mallory.receive())[0] == GOODBYE
            await mallory.send([ABORT, {}, "wamp.error.given_up"])
            with pytest.raises(Closed):
                await mallory.receive()

    assert evidence.tracebacks() == []


async def test_a_second_hello_changes_nothing_for_who_has_joined(node: Node) -> None:
    root = node.issue("root_of_hellos", "operator")
    async with await node.user("mallory_twice") as mallory:
        for method in ("ticket", "anonymous", "cryptosign"):
            hello = {"roles": ROLES, "authmethods": [method], "authid": "root_of_hellos"}
            await mallory.send([HELLO, "taskrealm", hello])
        seen = await mallory.call(uris.TASKS)

        assert (seen["caller_authid"], seen["caller_authrole"]) == ("mallory_twice", "user")
        with contextlib.suppress(Closed, Refused):
            await mallory.send([AUTHENTICATE, root, {}])
            assert (await mallory.call(uris.TASKS))["caller_authid"] == "mallory_twice"


@pytest.mark.capability("Z2")
async def test_a_sign_in_code_is_exchanged_once_and_by_its_own_session_only(site: Node) -> None:
    code = site.issue("mallory_code", code=True)
    async with await site.outside() as first:
        await first.join(code)
        await first.call(uris.TOKEN, code)
        with pytest.raises(Refused) as again:
            await first.call(uris.TOKEN, code)
    async with await site.outside() as second:
        with pytest.raises(Refused) as late:
            await second.join(code)

    assert (again.value.uri, late.value.uri) == (InvalidToken.uri, InvalidToken.uri)


# Timing ------------------------------------------------------------------------------------------


def test_a_token_is_found_by_its_hash_alone_so_no_guess_is_nearer_than_another(
    tmp_path: Path,
) -> None:
    store = TokenStore.open(tmp_path / "tokens.sqlite")
    for number in range(50):
        store.issue(f"somebody_{number}", "user", lifetime=60)
    token = store.issue("victim", "user", lifetime=60)
    statements: list[str] = []
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    work = []
    store._connection.set_trace_callback(statements.append)
    for guess in ("tr_" + 43 * "x", token[:-1] + "!", token[:20] + token[20:].swapcase(), "tr_"):
        steps = 0
        store._connection.set_progress_handler(count, 1)
        assert store.find(guess) is None
        work.append(steps)
    store._connection.set_trace_callback(None)
    store._connection.set_progress_handler(None, 0)
    plan = store._connection.execute(f"explain query plan {statements[0]}").fetchall()

    assert len(set(work)) == 1
    assert "PRIMARY KEY" in str(plan)
    assert "SCAN" not in str(plan)
    assert not any(token[:12] in statement for statement in statements)
