"""The routes for operators, and those to one's own access."""

from __future__ import annotations

from ..protocol import uris
from ..protocol.errors import InvalidArguments
from . import answers, bodies
from .calls import calling
from .routes import Answer, Asked, Handler, Reply, Route

GROUP = "Operators"
LONGEST = 16  # digits of the number of a session


def ending(uri: str) -> Handler:
    """What calls *uri* to end the session whose number is in the address."""

    async def end_session(asked: Asked) -> Reply:
        """
        End a session.

        Raises:
            InvalidArguments: There is none.
        """
        number = asked.path("session")
        if not (number.isascii() and number.isdecimal() and len(number) <= LONGEST):
            raise InvalidArguments(fields={"session": "must be the number of a session"})
        await asked.session.call(uri, int(number))
        return Reply(None, status=204)

    return end_session


ROUTES = (
    Route(
        *("GET", "/admin/statistics", calling(uris.STATISTICS)),
        group=GROUP,
        summary="How busy the node is and was",
        answers={200: Answer("The figures", answers.Statistics)},
    ),
    Route(
        *("POST", "/admin/pause", calling(uris.PAUSE)),
        group=GROUP,
        summary="Start no more jobs",
        body=bodies.Nothing,
        answers={200: Answer("How busy the node is", answers.Situation)},
    ),
    Route(
        *("POST", "/admin/resume", calling(uris.RESUME)),
        group=GROUP,
        summary="Take and start jobs again",
        body=bodies.Nothing,
        answers={200: Answer("How busy the node is", answers.Situation)},
    ),
    Route(
        *("POST", "/admin/drain", calling(uris.DRAIN)),
        group=GROUP,
        summary="Take no more jobs, and let those that run end",
        body=bodies.Drain,
        answers={200: Answer("How busy the node is", answers.Situation)},
    ),
    Route(
        *("POST", "/admin/reload", calling(uris.RELOAD)),
        group=GROUP,
        summary="Take the tasks as they are written now",
        body=bodies.Nothing,
        answers={200: Answer("What has changed", answers.Reloaded)},
    ),
    Route(
        *("GET", "/admin/limits", calling(uris.LIMITS)),
        group=GROUP,
        summary="The slots of the node",
        answers={200: Answer("They", answers.NodeLimits)},
    ),
    Route(
        *("POST", "/admin/limits", calling(uris.LIMITS)),
        group=GROUP,
        summary="Change the slots, until the executor starts again",
        body=bodies.ChangeLimits,
        answers={200: Answer("What holds now", answers.NodeLimits)},
    ),
    Route(
        *("GET", "/admin/schedules", calling(uris.SCHEDULES)),
        group=GROUP,
        summary="Every schedule, and its next runs",
        answers={200: Answer("They", list[answers.Schedule])},
    ),
    Route(
        *("POST", "/admin/schedules/{name}", calling(uris.SCHEDULE, "name")),
        group=GROUP,
        summary="Pause, resume or run a schedule",
        body=bodies.SteerSchedule,
        answers={200: Answer("The schedule", answers.Schedule)},
    ),
    Route(
        *("GET", "/admin/audit", calling(uris.AUDIT)),
        group=GROUP,
        summary="Who did what",
        query=bodies.ListAudit,
        answers={200: Answer("A page of records", answers.AuditLog)},
    ),
    Route(
        *("GET", "/admin/sessions", calling(uris.SESSIONS)),
        group=GROUP,
        summary="Who has joined",
        query=bodies.ListSessions,
        answers={200: Answer("A page of sessions", answers.Sessions)},
    ),
    Route(
        *("DELETE", "/admin/sessions/{session}", ending(uris.END_SESSION)),
        group=GROUP,
        summary="End a session",
        answers={204: Answer("It has ended")},
    ),
    Route(
        *("GET", "/admin/tokens", calling(uris.TOKENS)),
        group=GROUP,
        summary="The tokens that are valid",
        query=bodies.ListTokens,
        answers={200: Answer("A page of tokens", answers.Tokens)},
    ),
    Route(
        *("POST", "/admin/revoke", calling(uris.REVOKE)),
        group=GROUP,
        summary="Make a token, or all that a user has joined by, invalid",
        body=bodies.Revoke,
        answers={200: Answer("It is done, and the sessions end", answers.Revoked)},
    ),
    Route(
        *("GET", "/admin/users", calling(uris.USERS)),
        group=GROUP,
        summary="The users that the node knows",
        query=bodies.ListUsers,
        answers={200: Answer("A page of users", answers.Users)},
    ),
    Route(
        *("GET", "/admin/rights", calling(uris.RIGHTS)),
        group=GROUP,
        summary="What a user may do, and by which rules",
        query=bodies.Whose,
        answers={200: Answer("The rights", answers.Rights)},
    ),
    Route(
        *("GET", "/admin/load", calling(uris.LOAD)),
        group=GROUP,
        summary="How busy the node was over time",
        query=bodies.Span,
        answers={200: Answer("The figures", answers.Load)},
    ),
    Route(
        *("GET", "/admin/diagnostics", calling(uris.DIAGNOSTICS)),
        group=GROUP,
        summary="Versions, components, journal, disk and the last reload",
        answers={200: Answer("They, without anything secret", answers.Diagnostics)},
    ),
    Route(
        *("GET", "/sessions", calling(uris.OWN_SESSIONS)),
        group="Access",
        summary="Your own sessions",
        query=bodies.MoreSessions,
        answers={200: Answer("A page of sessions", answers.OwnSessions)},
    ),
    Route(
        *("DELETE", "/sessions/{session}", ending(uris.END_OWN_SESSION)),
        group="Access",
        summary="End one of your own sessions",
        answers={204: Answer("It has ended")},
    ),
    Route(
        *("GET", "/tokens", calling(uris.OWN_TOKENS)),
        group="Access",
        summary="Your own tokens that are valid, never the tokens themselves",
        query=bodies.MoreTokens,
        answers={200: Answer("A page of tokens", answers.OwnTokens)},
    ),
    Route(
        *("DELETE", "/tokens/{token}", calling(uris.REVOKE_OWN, "token", status=204)),
        group="Access",
        summary="Make one of your own tokens invalid",
        answers={204: Answer("It is, and the sessions end that joined by it")},
    ),
)
