"""What a limited session may still do, as far as a URI tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..protocol import uris

if TYPE_CHECKING:
    from ..protocol.scope import Scope

READING = frozenset(
    (
        *(uris.TASKS, uris.CHOICES, uris.CHECK, uris.JOB, uris.JOBS, uris.EVENTS, uris.OUTPUT),
        *(uris.SEARCH, uris.ARTIFACTS, uris.ARTIFACT, uris.OUTCOMES),
        # Of these a limited session is told itself alone.
        *(uris.OWN_SESSIONS, uris.OWN_TOKENS),
        # Whoever may only look comes in by a link too, and comes back.
        *(uris.TOKEN, uris.HEALTH),
    )
)
"""What changes nothing."""

STEERING = frozenset((uris.CANCEL, uris.CANCEL_MANY, uris.ANSWER))
"""What changes jobs that there are."""

RUNNING = frozenset(
    (
        *(uris.EXEC, uris.EXEC_MANY),
        *(uris.UPLOAD_BEGIN, uris.UPLOAD_APPEND, uris.UPLOAD_STATUS, uris.UPLOAD_FINISH),
        uris.UPLOAD_REMOVE,
    )
)
"""What makes a job, and brings the files for it."""

_JOB_ID = re.compile(r"[0-9a-f]{32}")


def may_call(scope: Scope, uri: str) -> bool:
    """
    Whether *scope* leaves the procedure *uri* to a session.

    Which tasks and jobs it is called for only the executor can tell, and does.
    """
    if scope.is_whole or uri in READING:
        return True
    if scope.read_only:
        return False
    if uri in RUNNING:
        return scope.jobs is None
    if uri.startswith(uris.RUN_PREFIX):
        return scope.has_task(uri.removeprefix(uris.RUN_PREFIX))
    return uri in STEERING


def may_subscribe(scope: Scope, authid: str, uri: str, match: str) -> bool:
    """
    Whether *scope* leaves the topic *uri* to a session of *authid*.

    Who may see only some jobs has the topics of single jobs, and those one by one.
    """
    if not scope.is_narrow:
        return True
    if match != "exact":
        return False
    for one_job in (uris.job_topic(authid, ""), uris.output_topic(authid, "")):
        if uri.startswith(one_job):
            job_id = uri.removeprefix(one_job)
            is_inside = scope.jobs is None or job_id in scope.jobs
            return is_inside and _JOB_ID.fullmatch(job_id) is not None
    return uri == uris.CATALOG
