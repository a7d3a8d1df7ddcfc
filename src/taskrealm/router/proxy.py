"""Hands requests on to the gateway: a resource of Crossbar's public port."""

from __future__ import annotations

from os import SEEK_END
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgentEndpointFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from txaio import make_logger
from zope.interface import implementer

from .site import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.python.failure import Failure

CONNECTIONS = 64  # to the gateway that are kept open without a request
CONNECTION_IDLE = 20.0  # seconds that such a one is kept; the gateway keeps it longer
CONNECT_LIMIT = 5.0  # seconds
RETRY_AFTER = 2  # seconds after which a gateway that starts again may be there

HOP_BY_HOP = frozenset(
    (
        *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
    )
)
"""Headers that mean one connection only (RFC 9110, section 7.6.1)."""

NOT_PASSED = HOP_BY_HOP | {b"content-length", b"expect", b"x-forwarded-for"}

log = make_logger()


@implementer(IAgentEndpointFactory)
class _Socket:
    """Leads to the gateway, whatever address is asked for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def endpointForURI(self, _uri: Any) -> Any:
        return UNIXClientEndpoint(reactor, self._path, timeout=CONNECT_LIMIT)


class Proxy(Resource):  # type: ignore[misc]
    """
    Sends each request to the gateway behind a Unix socket, and its answer back.

    Unlike Crossbar's own reverse proxy it takes no more of an answer than the client takes,
    ends what a client no longer waits for, and logs no headers.
    """

    isLeaf = True

    def __init__(self, extra: Mapping[str, Any]) -> None:
        super().__init__()
        pool = HTTPConnectionPool(reactor, persistent=True)
        pool.maxPersistentPerHost = CONNECTIONS
        pool.cachedConnectionTimeout = CONNECTION_IDLE
        self._agent = Agent.usingEndpointFactory(reactor, _Socket(extra["socket"]), pool)

    def render(self, request: Any) -> Any:
        """Begin to hand on *request*."""
        _Exchange(request, self._agent).begin()
        return NOT_DONE_YET


class _Exchange:
    """One request on its way to the gateway, and the answer on its way back."""

    def __init__(self, request: Any, agent: Any) -> None:
        self._request = request
        self._agent = agent
        self._is_over = False

    def begin(self) -> None:
        request = self._request
        # Without a body Twisted repeats what may be repeated if a kept connection has just closed.
        has_body = request.content.seek(0, SEEK_END) > 0
        request.content.seek(0)
        gone = request.notifyFinish()
        try:
            asked = self._agent.request(
                request.method,
                b"http://gateway" + request.uri,
                _headers(request),
                FileBodyProducer(request.content) if has_body else None,
            )
        except ValueError:  # it is no address, or no method
            gone.addBoth(lambda _: None)
            self._refuse(400, "This address, or this method, cannot be used")
            return
        gone.addBoth(lambda _: self._end(asked.cancel))
        asked.addCallbacks(self._answer, self._fail)
        asked.addErrback(self._fail)

    def _answer(self, response: Any) -> None:
        request = self._request
        if self._is_over:
            response.deliverBody(_Drop())
            return
        request.setResponseCode(response.code, response.phrase)
        for name in (b"server", b"content-type"):
            request.responseHeaders.removeHeader(name)
        for name, values in response.headers.getAllRawHeaders():
            if name.lower() not in HOP_BY_HOP:
                request.responseHeaders.setRawHeaders(name, values)
        has_body = request.method != b"HEAD" and response.code not in (204, 304)
        if has_body and response.length is not UNKNOWN_LENGTH:
            request.setHeader(b"content-length", b"%d" % response.length)
        if response.length is UNKNOWN_LENGTH:
            request.write(b"")  # the headers, which a stream may be silent behind for long
        response.deliverBody(_Relay(request, self))

    def _fail(self, failure: Any) -> None:
        if self._is_over:
            return
        if not failure.check(CancelledError):
            log.warn(  # noqa: G010 - txaio knows no other name
                "The gateway has not answered: {reason}", reason=failure.getErrorMessage()
            )
        self._request.setHeader(b"retry-after", b"%d" % RETRY_AFTER)
        self._refuse(503, "The gateway is not there just now; try again in a moment")

    def _refuse(self, status: int, sentence: str) -> None:
        self._request.setResponseCode(status)
        self._request.setHeader(b"cache-control", b"no-store")
        self._request.answer(problem(status, sentence))

    def _end(self, cancel: Any) -> None:
        """The answer is complete, or the client has gone."""
        self._is_over = True
        cancel()


class _Relay(Protocol):  # type: ignore[misc]
    """Writes the body of an answer to the client, as fast as it takes it."""

    def __init__(self, request: Any, exchange: _Exchange) -> None:
        self._request = request
        self._exchange = exchange

    def connectionMade(self) -> None:
        # When the client goes, the transport is told to stop producing.
        self._request.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        if not self._exchange._is_over:
            self._request.write(data)

    def connectionLost(self, reason: Failure) -> None:
        if self._exchange._is_over:
            return
        self._request.unregisterProducer()
        if reason.check(ResponseDone):
            self._request.finish()
        else:
            # Without the last chunk, or short of its length: the client sees that it is not whole.
            self._request.loseConnection()


class _Drop(Protocol):  # type: ignore[misc]
    """Closes the connection instead of reading an answer that nobody waits for."""

    def connectionMade(self) -> None:
        self.transport.loseConnection()


def _headers(request: Any) -> Any:
    headers = Headers()
    for name, values in request.requestHeaders.getAllRawHeaders():
        if name.lower() not in NOT_PASSED:
            headers.setRawHeaders(name, values)
    headers.setRawHeaders(b"x-forwarded-for", [request.getClientAddress().host.encode()])
    return headers
