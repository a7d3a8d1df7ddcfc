"""The durable record of jobs, their events and their output."""

from __future__ import annotations

from .errors import JournalError, JournalLocked, WriteRefused
from .journal import Journal, Stream
from .output import STREAMS, Chunk, OutputStore, StreamSize
from .text import whole_characters
from .writer import Entry

__all__ = [
    "STREAMS",
    "Chunk",
    "Entry",
    "Journal",
    "JournalError",
    "JournalLocked",
    "OutputStore",
    "Stream",
    "StreamSize",
    "WriteRefused",
    "whole_characters",
]
