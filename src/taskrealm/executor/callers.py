"""Who calls: what the router vouches for, and what the authenticator has said of the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol.errors import NotAuthorized
from ..protocol.scope import WHOLE, Scope
from ..tasks import Caller

if TYPE_CHECKING:
    from ..protocol.jobs import Job
    from ..wire import Call
    from .audience import Audience


@dataclass(frozen=True, slots=True)
class SessionCaller(Caller):
    """A caller with a session, which may be limited."""

    scope: Scope = WHOLE
    session: int = 0
    address: str | None = None
    """Where it comes from; None if that is not known."""
    method: str | None = None
    """How it has proven who it is."""


def owner_of(job: Job) -> Caller:
    """The owner of *job*, as it was when the job was submitted."""
    return Caller(job.owner, job.role, job.submitted_by, job.teams)


class Callers:
    """Tells for each call who it is that calls."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def of(self, call: Call) -> SessionCaller:
        """
        Who calls, in the router's words.

        Raises:
            NotAuthorized: The call was forwarded, the router disclosed no caller, or nothing
                is known of the session, such as what it is limited to.
        """
        member = self._audience.member(call.caller)
        if call.forwarded or not call.authid or not call.authrole or member is None:
            raise NotAuthorized("The router does not vouch for the caller")
        if (member.authid, member.authrole) != (call.authid, call.authrole):
            raise NotAuthorized("The router does not vouch for the caller")
        return member.caller

    def operator(self, call: Call) -> SessionCaller:
        """
        The operator who calls.

        Raises:
            NotAuthorized: It is no operator, or a limited session of one.
        """
        caller = self.of(call)
        if caller.role != "operator" or not caller.scope.is_whole:
            raise NotAuthorized("Only operators may do this")
        return caller
