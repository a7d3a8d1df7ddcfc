"""What is text, and where a stream of bytes may be cut without cutting characters."""

from __future__ import annotations

import codecs

LONGEST_CHARACTER = 4  # bytes in UTF-8

_Decoder = codecs.getincrementaldecoder("utf-8")


def is_text(value: str) -> bool:
    """Whether *value* can be stored and looked for: a lone surrogate, legal in Python, is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole_characters(data: bytes | bytearray) -> int:
    """
    The length of the longest prefix of *data* that does not end inside a UTF-8 character.

    At most three bytes are left out. Bytes that can be no part of a character are not
    waited for: they belong to the prefix.
    """
    decoder = _Decoder("replace")
    decoder.decode(data[1 - LONGEST_CHARACTER :])
    unfinished, _ = decoder.getstate()
    return len(data) - len(unfinished)


def unfinished_before(data: bytes) -> int:
    """
    How many bytes at the beginning of *data* may be the end of a character cut in two.

    They are at most three.
    """
    count = 0
    for byte in data[: LONGEST_CHARACTER - 1]:
        if byte & 0b1100_0000 != 0b1000_0000:
            break
        count += 1
    return count
