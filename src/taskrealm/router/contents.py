"""What messages from outside may carry: nothing that cannot be passed on, or that grows on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NESTING = 64  # containers inside one another
FIT = frozenset({type(None), bool, float, bytes})
INTEGERS = range(-(2**63), 2**64)  # what MessagePack has words for


class Unfit(Exception):
    """What a message carries cannot be passed on; the message says what it must be."""


def carried_by(message: Any) -> Iterator[object]:
    """All that a message of WAMP was made of, but for what a peer says of its roles."""
    return (getattr(message, slot, None) for slot in message.__slots__ if slot != "_roles")


def require_fit(carried: Iterable[object]) -> None:
    """
    Make sure that a message may carry these values: what JSON has, and bytes.

    Crossbar passes on what a client packs into a message without a look at it. But what its
    receiver cannot read ends the receiver's connection, and CBOR has words for values that
    are larger than any memory.

    Raises:
        Unfit: It may not.
    """
    seen: set[int] = set()
    level = list(carried)
    for _ in range(NESTING + 1):
        level = _inside(level, seen)
        if not level:
            return
    raise Unfit(f"must not be nested deeper than {NESTING} levels")


def _inside(level: list[Any], seen: set[int]) -> list[Any]:
    """What is directly inside the values of a *level*, of which each is fit itself."""
    inside: list[Any] = []
    # This sees every value of every message: types are compared, and nothing is called for most.
    for value in level:
        kind = type(value)
        if kind is str:
            if not value.isascii():
                _require_whole(value)
        elif kind is dict or kind is list:
            if not value:
                continue
            # CBOR may refer to one container from many places, which multiplies what is passed on.
            if id(value) in seen:
                raise Unfit("must not refer to another part of itself")
            seen.add(id(value))
            inside += value
            if kind is dict:
                if set(map(type, value)) != {str}:
                    raise Unfit("must have only text as keys")
                inside += value.values()
        elif kind is int:
            if value not in INTEGERS:
                raise Unfit("must be a whole number of at most 64 bits")
        elif kind not in FIT:
            raise Unfit(f"must be a value that JSON has, not {kind.__name__}")
    return inside


def _require_whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit("must be text of whole Unicode characters") from None
