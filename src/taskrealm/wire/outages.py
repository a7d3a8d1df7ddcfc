"""Why there is no session: refused for good, or lost for now."""

from __future__ import annotations


class Disconnected(ConnectionError):
    """
    The session was lost, or had been lost already.

    Whether a call that was on its way has taken effect is not known. `uri` says why the router
    has ended the session, if it has.
    """

    def __init__(self, message: str, *, uri: str | None = None) -> None:
        super().__init__(message)
        self.uri = uri


class Refused(Exception):
    """The router does not let us in, and asking again would not help; `uri` says why."""

    def __init__(self, uri: str, message: str) -> None:
        super().__init__(message or uri)
        self.uri = uri
        self.message = message
