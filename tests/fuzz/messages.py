"""What is sent: messages of every type, whole and broken, in every serializer and framing."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import cbor2
import msgpack
from hypothesis import strategies as st
from tests.plain import (
    ABORT,
    AUTHENTICATE,
    CALL,
    CHALLENGE,
    ERROR,
    EVENT,
    GOODBYE,
    HELLO,
    INVOCATION,
    PUBLISH,
    PUBLISHED,
    REGISTER,
    REGISTERED,
    RESULT,
    ROLES,
    SUBSCRIBE,
    SUBSCRIBED,
    WELCOME,
    YIELD,
)

from taskrealm.protocol import uris

CANCEL, UNSUBSCRIBE, UNSUBSCRIBED, UNREGISTER, UNREGISTERED, INTERRUPT = 49, 34, 35, 66, 67, 69
NOT_TRIED = (uris.DRAIN, uris.PAUSE, uris.LIMITS)
"""What an operator may do to stop a node; that it works is no finding."""

FRAMINGS = ("websocket", "raw socket")
STATES = ("connected", "challenged", "user", "backend", "operator")
"""How far a connection has come before the fuzzing begins."""


@dataclass(frozen=True)
class Step:
    """Something to send: a message, or bytes; as it should be framed, or otherwise."""

    message: list[Any] | None = None
    data: bytes = b""
    frame: bytes | None = None
    """Bytes that stand for a frame of the transport."""


@dataclass(frozen=True)
class Conversation:
    """What is sent over one connection."""

    framing: str
    serializer: str
    state: str
    steps: tuple[Step, ...]


def deep(levels: int, *, mapping: bool = False) -> Any:
    """A value inside so many containers."""
    value: Any = None
    for _ in range(levels):
        value = {"a": value} if mapping else [value]
    return value


texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "",
                "\0",
                "\ud800",
                "a\r\nb",
                "\x1b[2J",
                "\u202e",
                "../../etc/passwd",
                "-rf",
                "{uid}",
            ),
            *("null", "exact", "prefix", "wildcard", "kill", "killnowait", "skip", "cryptobox"),
            *("fuzz.echo", "fuzz.give", "date", "0" * 32, "x" * 5_000, "\0AAAA", "\0!"),
        ]
    ),
)
numbers = st.one_of(
    st.integers(-3, 10),
    st.sampled_from([2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, -1]),
    st.floats(allow_nan=True, allow_infinity=True),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts, st.binary(max_size=20))
values: st.SearchStrategy[Any] = st.one_of(
    st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)
        ),
        max_leaves=10,
    ),
    st.sampled_from([deep(63), deep(65), deep(90, mapping=True), deep(300), [None] * 500]),
)
names = st.one_of(
    st.sampled_from(
        [
            *(each for each in uris.REGISTERED if each not in NOT_TRIED),
            *("taskrealm.run.fuzz.echo", "taskrealm.run.fuzz.give", "taskrealm.", "com.example"),
            *("wamp.session.list", "wamp.session.kill", uris.AUTHENTICATE, uris.CATALOG),
            *(uris.jobs_topic("fuzz_user"), uris.jobs_topic("victim"), uris.USER_PREFIX),
        ]
    ),
    texts,
)
ids = st.one_of(st.integers(1, 20), numbers)
claims = st.just([{"session": 1, "authid": "root", "authrole": "operator"}])
options = st.one_of(
    st.just({}),
    st.dictionaries(
        st.one_of(
            st.sampled_from(
                [
                    *("match", "invoke", "force_reregister", "acknowledge", "exclude", "eligible"),
                    *("eligible_authid", "exclude_authid", "retain", "get_retained", "timeout"),
                    *("receive_progress", "progress", "mode", "enc_algo", "enc_key", "caller"),
                    *("enc_serializer", "disclose_me", "transaction_hash", "concurrency", "roles"),
                    *("authid", "authmethods", "authextra", "authrole", "resumable", "message"),
                ]
            ),
            texts,
        ),
        values,
        max_size=3,
    ),
    st.builds(lambda claim: {"forward_for": claim}, st.one_of(claims, values)),
)
args = st.one_of(st.just([]), st.lists(values, max_size=4), values)
kwargs = st.one_of(st.just({}), st.dictionaries(texts, values, max_size=4), values)
hellos = st.one_of(
    st.just({"roles": ROLES, "authmethods": ["ticket"], "authid": ""}),
    st.fixed_dictionaries(
        {"roles": st.one_of(st.just(ROLES), values)},
        optional={
            "authmethods": st.one_of(
                st.lists(st.sampled_from(["ticket", "cryptosign", "scram", "tls", "cookie"])),
                values,
            ),
            "authid": values,
            "authextra": st.one_of(
                st.dictionaries(st.sampled_from(["client", "pubkey", "via"]), values), values
            ),
        },
    ),
)

whole: st.SearchStrategy[list[Any]] = st.one_of(
    st.tuples(st.just(CALL), ids, options, names, args, kwargs),
    st.tuples(st.just(CALL), ids, options, names),
    st.tuples(st.just(SUBSCRIBE), ids, options, names),
    st.tuples(st.just(UNSUBSCRIBE), ids, ids),
    st.tuples(st.just(PUBLISH), ids, options, names, args, kwargs),
    st.tuples(st.just(REGISTER), ids, options, names),
    st.tuples(st.just(UNREGISTER), ids, ids),
    st.tuples(st.just(CANCEL), ids, options),
    st.tuples(st.just(YIELD), ids, options, args, kwargs),
    st.tuples(st.just(ERROR), st.sampled_from([CALL, INVOCATION, 7]), ids, options, names, args),
    st.tuples(st.just(HELLO), st.one_of(st.just("taskrealm"), values), hellos),
    st.tuples(st.just(AUTHENTICATE), values, options),
    st.tuples(st.just(GOODBYE), options, names),
    st.tuples(st.just(ABORT), options, names),
    st.tuples(
        st.sampled_from(
            [
                *(WELCOME, CHALLENGE, PUBLISHED, SUBSCRIBED, UNSUBSCRIBED, EVENT, RESULT),
                *(REGISTERED, UNREGISTERED, INVOCATION, INTERRUPT, 0, -1, 7, 99, 2**70),
            ]
        ),
        ids,
        options,
        args,
    ),
).map(list)


@st.composite
def broken(draw: st.DrawFn) -> list[Any]:
    """A message with something in it that is gone, added, doubled, or of another kind."""
    message = draw(whole)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(message)))
        match draw(st.sampled_from(["drop", "add", "replace", "double", "nest"])):
            case "drop":
                del message[place : place + 1]
            case "add":
                message.insert(place, draw(values))
            case "replace":
                message[place : place + 1] = [draw(values)]
            case "double":
                message[place:place] = message[place : place + 1]
            case "nest":
                message = [message]
    return message


# Shared and cyclic references, tags, indefinite lengths, and other words of CBOR and MessagePack.
STRANGE = tuple(
    bytes.fromhex(each)
    for each in (
        *("d81c81d81d00", "9fd81c80d81c82d81d00d81d00ff", "c11b7fffffffffffffff", "9f9f9f"),
        *("c24900ffffffffffffffff", "c482391387196ab3", "d9010281f6", "fb7ff8000000000000", "f7"),
        *("5f42010243030405ff", "bf6161ff", "a1f6f6", "d823615b", "f97e00", "1bffffffffffffffff"),
        *(
            "c70c00000000",
            "d6ff00000000",
            "c1",
            "dfffffffff",
            "ddffffffff",
            "dbffffffff",
            "c9ffffffff01",
        ),
    )
)
FRAMES = tuple(
    bytes.fromhex(each)
    for each in (
        # WebSocket: reserved bits, unmasked, control frames, fragments, lengths that lie.
        *("c180000000007b", "8105hello".replace("hello", "68656c6c6f"), "898000000000"),
        *("8a8000000000", "888200000000ffff", "0180000000007b", "80800000000000", "8bfe00000000"),
        *("81ff7fffffffffffffff00000000", "81fe000000000000", "89fe007e00000000", "8f80"),
        # Raw socket: other types of frames, lengths that lie, reserved bits.
        *("01000002abcd", "02000000", "00ffffff", "f8000001", "0000000000000000", "7ff10000"),
    )
)


def encode(serializer: str, message: Any) -> bytes:
    """*message* in a serializer, as well as that has words for it."""
    match serializer:
        case "json":
            return json.dumps(message, default=_binary).encode()
        case "msgpack":
            return bytes(msgpack.packb(message, default=str, unicode_errors="surrogatepass"))
    return cbor2.dumps(message)


def _binary(value: object) -> str:
    return "\0" + base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


@st.composite
def mangled(draw: st.DrawFn, serializer: str) -> bytes:
    """The bytes of a message, some of which are others than they were."""
    try:
        data = bytearray(encode(serializer, draw(st.one_of(whole, broken()))))
    except (OverflowError, UnicodeEncodeError, ValueError, cbor2.CBOREncodeError):
        data = bytearray(draw(st.binary(max_size=50)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["flip", "cut", "insert", "strange", "tail"])):
            case "flip" if place < len(data):
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[place:]
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "strange":
                data[place:place] = draw(st.sampled_from(STRANGE))
            case "tail":
                data += draw(st.binary(max_size=20))
    return bytes(data)


def steps(serializer: str) -> st.SearchStrategy[Step]:
    """Something to send in *serializer*."""
    return st.one_of(
        st.builds(Step, message=whole),
        st.builds(Step, message=whole),
        st.builds(Step, message=broken()),
        st.builds(Step, data=mangled(serializer)),
        st.builds(Step, frame=st.sampled_from(FRAMES)),
    )


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """All that is sent over one connection."""
    serializer = draw(st.sampled_from(["json", "msgpack", "cbor"]))
    return Conversation(
        draw(st.sampled_from(FRAMINGS)),
        serializer,
        draw(st.sampled_from(STATES)),
        tuple(draw(st.lists(steps(serializer), min_size=1, max_size=8))),
    )
