"""Running tasks from Python: submit jobs, follow them live, and get their results."""

from __future__ import annotations

from ..wire import Disconnected, Refused
from .blocking import BlockingClient, BlockingJob
from .client import Client, Request
from .connection import Status
from .cursor import OutputChunk
from .events import Events, StreamReset
from .job import Job
from .outcomes import JobCancelled, JobEnded, JobExpired, JobFailed, JobLost, JobTimedOut

__all__ = [
    "BlockingClient",
    "BlockingJob",
    "Client",
    "Disconnected",
    "Events",
    "Job",
    "JobCancelled",
    "JobEnded",
    "JobExpired",
    "JobFailed",
    "JobLost",
    "JobTimedOut",
    "OutputChunk",
    "Refused",
    "Request",
    "Status",
    "StreamReset",
]
