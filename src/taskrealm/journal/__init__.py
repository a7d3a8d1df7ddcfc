"""The durable record of jobs, their events, their output and their files."""

from __future__ import annotations

from .artifacts import Artifact, Artifacts
from .backup import back_up, restore
from .contents import ContentStore
from .errors import JournalError, JournalLocked, WriteRefused
from .journal import Journal, Stream
from .output import RESULT, STREAMS, Chunk, OutputStore, StreamSize
from .retention import Census
from .text import whole_characters
from .uploads import Upload, UploadLimits, Uploads
from .writer import Entry

__all__ = [
    "RESULT",
    "STREAMS",
    "Artifact",
    "Artifacts",
    "Census",
    "Chunk",
    "ContentStore",
    "Entry",
    "Journal",
    "JournalError",
    "JournalLocked",
    "OutputStore",
    "Stream",
    "StreamSize",
    "Upload",
    "UploadLimits",
    "Uploads",
    "WriteRefused",
    "back_up",
    "restore",
    "whole_characters",
]
