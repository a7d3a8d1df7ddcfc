"""The durable record of jobs, their events and their output."""

from __future__ import annotations

from .backup import back_up, restore
from .errors import JournalError, JournalLocked, WriteRefused
from .journal import Journal, Stream
from .output import RESULT, STREAMS, Chunk, OutputStore, StreamSize
from .retention import Census
from .text import whole_characters
from .writer import Entry

__all__ = [
    "RESULT",
    "STREAMS",
    "Census",
    "Chunk",
    "Entry",
    "Journal",
    "JournalError",
    "JournalLocked",
    "OutputStore",
    "Stream",
    "StreamSize",
    "WriteRefused",
    "back_up",
    "restore",
    "whole_characters",
]
