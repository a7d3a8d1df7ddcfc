"""Cutting a stream of bytes at whole characters."""

from __future__ import annotations

import codecs

LONGEST_CHARACTER = 4  # bytes in UTF-8

_Decoder = codecs.getincrementaldecoder("utf-8")


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
