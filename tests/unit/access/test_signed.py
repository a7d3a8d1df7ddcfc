"""Tokens that the site signs: taken if everything about them is right, else refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.certificates import Authority

from taskrealm.access import keys as keys_module
from taskrealm.access.keys import KeyAddress, KeyFile, KeysUnavailable, keys_of
from taskrealm.access.signed import SignedTokens, looks_signed, open_keys
from taskrealm.protocol.errors import InvalidToken
from taskrealm.settings import JwtSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RSA = rsa.generate_private_key(65_537, 2_048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = Ed25519PrivateKey.generate()
SECRET = b"a secret of thirty-two bytes or more"
NOW = 1_800_000_000.0


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public half of *key*, or the secret, as an entry of a key set."""
    if isinstance(key, bytes):
        return {**jwt.algorithms.HMACAlgorithm.to_jwk(key, as_dict=True), **more}
    kind = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    (algorithm,) = [each for base, each in kind.items() if isinstance(key, base)]
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **more}  # type: ignore[attr-defined]


def key_set(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": entries}).encode()


class FixedKeys:
    """Keys that were found somewhere."""

    def __init__(self, content: bytes) -> None:
        self._keys = keys_of(content)

    def find(self, _key_id: str | None) -> Any:
        return self._keys


def verifier(content: bytes = SECRET, *algorithms: str, **settings: Any) -> SignedTokens:
    chosen = JwtSettings(
        keys="anywhere",
        algorithms=algorithms or ("HS256", "RS256", "ES256", "EdDSA"),  # type: ignore[arg-type]
        audience="here",
        leeway=10.0,
        longest=3_600.0,
        **settings,
    )
    return SignedTokens(chosen, FixedKeys(content), clock=lambda: NOW)


def claims(**changes: Any) -> dict[str, Any]:
    """What a fair token says; a change to None leaves the claim out."""
    fair = {"sub": "ana", "aud": "here", "exp": NOW + 600, "iat": NOW, **changes}
    return {name: value for name, value in fair.items() if value is not None}


def raw_token(header: Any, payload: Any, key: bytes = SECRET) -> str:
    """A token with any *header* and *payload*, signed with HMAC whatever they say."""

    def part(value: Any) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


def token(key: Any = SECRET, algorithm: str = "HS256", /, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("content", "key", "algorithm"),
    [
        pytest.param(SECRET + b"\n", SECRET, "HS256", id="a secret"),
        pytest.param(public_pem(RSA), RSA, "RS256", id="an RSA key"),
        pytest.param(public_pem(EC), EC, "ES256", id="a P-256 key"),
        pytest.param(public_pem(ED), ED, "EdDSA", id="an Ed25519 key"),
        pytest.param(key_set(jwk(RSA), jwk(ED)), ED, "EdDSA", id="a key set"),
    ],
)
def test_a_fair_token_says_who_it_is(content: bytes, key: Any, algorithm: str) -> None:
    signed = verifier(content).verify(token(key, algorithm))

    assert (signed.identity.authid, signed.identity.role) == ("ana", "user")
    assert signed.identity.method == "jwt"
    assert signed.identity.expires_at is not None
    assert signed.identity.expires_at.timestamp() == NOW + 600
    assert signed.issued_at.timestamp() == NOW


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"aud": None}, id="no aud"),
        pytest.param({"aud": "there"}, id="another aud"),
        pytest.param({"aud": ["there", "elsewhere"]}, id="other auds"),
        pytest.param({"aud": {"here": 1}}, id="an aud that is a mapping"),
        pytest.param({"exp": NOW - 11}, id="expired"),
        pytest.param({"exp": NOW + 3_700, "iat": NOW}, id="too long-lived"),
        pytest.param({"exp": NOW + 3_700, "iat": None}, id="too long-lived without iat"),
        pytest.param({"iat": NOW + 11}, id="issued in future"),
        pytest.param({"nbf": NOW + 11}, id="not valid yet"),
        pytest.param({"exp": str(NOW + 600)}, id="exp as text"),
        pytest.param({"exp": True}, id="exp as truth"),
        pytest.param({"exp": float("inf")}, id="exp without end"),
        pytest.param({"exp": float("nan")}, id="exp as no number"),
        pytest.param({"exp": 1e300}, id="exp beyond all calendars"),
        pytest.param({"iat": "yesterday"}, id="iat as text"),
        pytest.param({"nbf": [1]}, id="nbf as list"),
        pytest.param({"sub": None}, id="no sub"),
        pytest.param({"sub": 42}, id="sub as number"),
        pytest.param({"sub": ""}, id="empty sub"),
        pytest.param({"sub": "a\nb"}, id="sub with a line break"),
        pytest.param({"sub": "a" * 201}, id="endless sub"),
        pytest.param({"iss": "others"}, id="another issuer"),
        pytest.param({"role": "backend"}, id="a role that is not given"),
        pytest.param({"role": "executor"}, id="a role of the node"),
        pytest.param({"role": ["operator"]}, id="a list of roles"),
        pytest.param({"teams": "editors"}, id="teams as text"),
        pytest.param({"teams": [5]}, id="teams as numbers"),
        pytest.param({"teams": ["No Team!"]}, id="teams with impossible names"),
    ],
)
def test_odd_claims_are_refused(changes: dict[str, Any]) -> None:
    strict = verifier(
        issuer="the site", role_claim="role", teams_claim="teams", roles=("user", "operator")
    )
    fair = {"iss": "the site", **changes}
    text = raw_token({"alg": "HS256"}, claims(**fair))
    strict.verify(raw_token({"alg": "HS256"}, claims(iss="the site", role="operator")))

    with pytest.raises(InvalidToken):
        strict.verify(text)


def test_the_clocks_of_both_may_differ_a_little() -> None:
    verifier().verify(token(exp=NOW - 9, iat=NOW - 100))
    verifier().verify(token(iat=NOW + 9, nbf=NOW + 9))


def test_who_does_not_say_since_when_may_have_existed_for_as_long_as_possible() -> None:
    signed = verifier().verify(token(iat=None))

    assert signed.issued_at.timestamp() == NOW + 600 - 3_600


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(jwt.encode(claims(), None, algorithm="none"), id="alg none"),
        pytest.param(raw_token({"alg": "None"}, claims()), id="alg None"),
        pytest.param(raw_token({}, claims()), id="no alg"),
        pytest.param(raw_token({"alg": ["RS256"]}, claims()), id="alg as list"),
        pytest.param(raw_token({"alg": "HS256"}, claims(), public_pem(RSA)), id="key confusion"),
        pytest.param(
            raw_token({"alg": "RS256"}, claims(), public_pem(RSA)), id="hmac that says RS256"
        ),
        pytest.param(token(EC, "ES256"), id="a key of another kind"),
        pytest.param(
            token(rsa.generate_private_key(65_537, 2_048), "RS256"), id="a key of somebody else"
        ),
        pytest.param(jwt.encode(claims(), RSA, algorithm="RS512"), id="another algorithm"),
        pytest.param(
            jwt.encode(claims(), RSA, algorithm="RS256", headers={"crit": ["x"], "x": 1}),
            id="crit",
        ),
        pytest.param(
            jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "x"})[:-4] + "AAAA",
            id="a changed signature",
        ),
        pytest.param(token(RSA, "RS256")[:-1] + "\n", id="a line break"),
        pytest.param(token(RSA, "RS256") + ".x", id="four parts"),
        pytest.param("a.b.c", id="no token"),
        pytest.param("..", id="nothing"),
        pytest.param("ü.b.c", id="no ASCII"),
        pytest.param("\ud800..", id="no text"),
        pytest.param(token(RSA, "RS256", more="x" * 17_000), id="huge"),
    ],
)
def test_the_key_decides_how_a_token_is_verified_and_nothing_in_the_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        verifier(public_pem(RSA)).verify(text)


def test_a_key_in_the_token_itself_is_not_looked_at() -> None:
    own = rsa.generate_private_key(65_537, 2_048)
    headers = {"jwk": jwk(own), "jku": "https://example.org/keys", "x5u": "https://example.org"}
    text = jwt.encode(claims(), own, algorithm="RS256", headers=headers)

    with pytest.raises(InvalidToken):
        verifier(public_pem(RSA)).verify(text)


def test_an_algorithm_that_is_not_set_is_refused_although_there_is_a_key() -> None:
    content = key_set(jwk(RSA), jwk(ED))
    verifier(content, "EdDSA").verify(token(ED, "EdDSA"))

    with pytest.raises(InvalidToken):
        verifier(content, "EdDSA").verify(token(RSA, "RS256"))


def test_what_is_nested_without_end_is_refused() -> None:
    deep = (b"[" * 7_000) + (b"]" * 7_000)

    with pytest.raises(InvalidToken):
        verifier().verify(raw_token({"alg": "HS256"}, b'{"sub": ' + deep + b"}"))
    assert not looks_signed(f"{base64.urlsafe_b64encode(deep).decode()}.x.y")


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        (token(), True),
        ("tr_abc", False),
        ("a.b.c", False),
        ("correct.horse.battery", False),
        ("", False),
    ],
)
def test_a_signed_token_is_told_by_its_form(text: str, looks: bool) -> None:
    assert looks_signed(text) is looks


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"short", "at least 32 bytes", id="a short secret"),
        pytest.param(
            RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "private key",
            id="a private key",
        ),
        pytest.param(
            public_pem(rsa.generate_private_key(65_537, 1_024)), "2048 bits", id="a weak key"
        ),
        pytest.param(
            public_pem(ec.generate_private_key(ec.SECP384R1())), "none of", id="another curve"
        ),
        pytest.param(b"-----BEGIN PUBLIC KEY-----", "no public key", id="no key"),
        pytest.param(b"{}", "no key set", id="no key set"),
        pytest.param(b'{"keys": []}', "No key in it", id="an empty key set"),
        pytest.param(
            key_set(jwk(RSA, use="enc")), "No key in it", id="a key set for something else"
        ),
        pytest.param(key_set(jwk(RSA, alg="PS256")), "No key in it", id="another algorithm"),
        pytest.param(key_set(jwk(b"short")), "fewer than 32", id="a short secret in a set"),
    ],
)
def test_keys_that_cannot_serve_are_a_mistake_in_the_settings(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    settings = JwtSettings(keys="keys", algorithms=("RS256", "HS256"), audience="here")

    with pytest.raises(SettingsError, match=reason) as mistake:
        open_keys(settings, tmp_path)
    assert str(mistake.value).startswith(f"access.jwt.keys: {file}")


@pytest.mark.parametrize(
    ("keys", "algorithm", "reason"),
    [
        ("missing.pem", "RS256", "cannot be read"),
        ("http://example.org/keys", "RS256", "https only"),
        ("https://example.org/keys", "HS256", "needs a secret"),
        ("rsa.pem", "HS256", "is for RS256, not for HS256"),
    ],
)
def test_keys_and_algorithms_must_fit(
    tmp_path: Path, keys: str, algorithm: Any, reason: str
) -> None:
    (tmp_path / "rsa.pem").write_bytes(public_pem(RSA))
    settings = JwtSettings(keys=keys, algorithms=(algorithm,), audience="here")

    with pytest.raises(SettingsError, match=reason):
        open_keys(settings, tmp_path)


def test_a_file_of_keys_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(public_pem(RSA))
    keys = KeyFile(file)
    file.write_bytes(public_pem(ED))

    assert [key.algorithm for key in keys.find(None)] == ["EdDSA"]
    file.unlink()
    with pytest.raises(KeysUnavailable):
        keys.find(None)


class Address:
    """A place with a key set, which may be away, and a clock."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = entries
        self.asked = 0
        self.now = 0.0
        self.is_away = False
        self.keys = KeyAddress("https://x/", fetch=self._fetch, clock=lambda: self.now)

    def _fetch(self, _url: str) -> bytes:
        self.asked += 1
        if self.is_away:
            raise OSError("away")
        return key_set(*self.entries)

    def known(self, key_id: str | None = None) -> list[str | None]:
        return [key.id for key in self.keys.find(key_id)]


def test_a_key_set_elsewhere_is_kept_for_a_while() -> None:
    address = Address(jwk(RSA, kid="one"))

    assert address.known() == address.known("one") == ["one"]
    assert address.asked == 1
    address.now = keys_module.FRESH + 1
    assert address.known() == ["one"]
    assert address.asked == 2


def test_a_key_that_is_missing_makes_the_set_be_asked_for_though_not_too_often() -> None:
    address = Address(jwk(RSA, kid="one"))
    address.known()
    address.entries = (jwk(RSA, kid="one"), jwk(ED, kid="two"))
    for _ in range(100):
        assert address.known("two") == []

    assert address.asked == 1
    address.now = keys_module.PAUSE + 1
    assert address.known("two") == ["two"]
    for _ in range(100):
        assert address.known("three") == []
    assert address.asked == 2


def test_a_key_set_that_cannot_be_had_any_more_serves_for_a_while_and_then_no_longer() -> None:
    address = Address(jwk(RSA, kid="one"))
    address.known()
    address.is_away = True
    address.now = keys_module.STALE - 1

    assert address.known() == ["one"]
    address.now = keys_module.STALE + 1
    with pytest.raises(KeysUnavailable, match="away"):
        address.known()


def test_a_key_set_that_never_came_verifies_nothing() -> None:
    address = Address()

    with pytest.raises(KeysUnavailable):
        address.known()


def test_a_secret_that_everybody_can_read_is_none() -> None:
    address = Address(jwk(SECRET), jwk(RSA))

    with pytest.raises(KeysUnavailable, match="secret"):
        address.known()


class _KeySets(BaseHTTPRequestHandler):
    """Gives a key set to everybody, and sends who asks for something else elsewhere."""

    def do_GET(self) -> None:
        content = key_set(jwk(ED, kid="one"))
        if self.path != "/keys":
            self.send_response(302)
            self.send_header("Location", "/keys")
            content = b""
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits for them

    def handle_error(self, *_: object) -> None:
        """Take no notice of clients that do not trust us."""


@pytest.fixture
def key_server(tmp_path: Path) -> Iterator[tuple[str, Authority]]:
    """The address of an https server, and the authority that vouches for it."""
    authority = Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(tmp_path))
    with _Server(("127.0.0.1", 0), _KeySets) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", authority
        server.shutdown()
        thread.join()


def test_a_key_set_comes_by_https_from_who_can_be_trusted(
    tmp_path: Path, key_server: tuple[str, Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, authority = key_server
    with pytest.raises(KeysUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        KeyAddress(f"{address}/keys").find("one")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(tmp_path / "authority.crt")))

    assert [key.id for key in KeyAddress(f"{address}/keys").find("one")] == ["one"]
    with pytest.raises(KeysUnavailable, match="302"):
        KeyAddress(f"{address}/elsewhere").find("one")
