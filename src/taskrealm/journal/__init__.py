"""The durable record of jobs, their events, their output and their files."""

from __future__ import annotations

from .artifacts import Artifact, Artifacts
from .audit import DONE, AuditFilter, AuditRecord, record_beside
from .backup import back_up, restore
from .contents import ContentStore
from .errors import JournalError, JournalLocked, WriteRefused
from .history import Filter
from .journal import Journal, Stream
from .mentions import Mention
from .outcomes import Outcome
from .output import RESULT, STREAMS, Chunk, OutputStore, StoredStream, StreamSize
from .retention import Census
from .search import Needle
from .text import LONGEST_CHARACTER, whole_characters
from .uploads import Upload, UploadLimits, Uploads
from .writer import Entry

__all__ = [
    "DONE",
    "LONGEST_CHARACTER",
    "RESULT",
    "STREAMS",
    "Artifact",
    "Artifacts",
    "AuditFilter",
    "AuditRecord",
    "Census",
    "Chunk",
    "ContentStore",
    "Entry",
    "Filter",
    "Journal",
    "JournalError",
    "JournalLocked",
    "Mention",
    "Needle",
    "Outcome",
    "OutputStore",
    "StoredStream",
    "Stream",
    "StreamSize",
    "Upload",
    "UploadLimits",
    "Uploads",
    "WriteRefused",
    "back_up",
    "record_beside",
    "restore",
    "whole_characters",
]
