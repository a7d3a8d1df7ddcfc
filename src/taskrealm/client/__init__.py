"""Running tasks from Python: submit jobs, follow them live, and get their results."""

from __future__ import annotations

from ..protocol.scope import Scope
from ..wire import Disconnected, Refused
from .blocking import BlockingArtifact, BlockingClient, BlockingJob
from .client import Client, Request
from .connection import Status
from .cursor import OutputChunk
from .events import Events, StreamReset
from .files import Artifact, ArtifactDamaged, File
from .job import Job
from .outcomes import JobCancelled, JobEnded, JobExpired, JobFailed, JobLost, JobTimedOut
from .output import Match

__all__ = [
    "Artifact",
    "ArtifactDamaged",
    "BlockingArtifact",
    "BlockingClient",
    "BlockingJob",
    "Client",
    "Disconnected",
    "Events",
    "File",
    "Job",
    "JobCancelled",
    "JobEnded",
    "JobExpired",
    "JobFailed",
    "JobLost",
    "JobTimedOut",
    "Match",
    "OutputChunk",
    "Refused",
    "Request",
    "Scope",
    "Status",
    "StreamReset",
]
