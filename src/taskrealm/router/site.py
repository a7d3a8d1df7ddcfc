"""HTTP on the public port: what every answer says, how long a request may take, how large it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import crossbar.worker.transport as transports
from crossbar.common.twisted.web import Site as CrossbarSite
from twisted.internet.address import IPv4Address
from twisted.web.http import HTTPChannel
from twisted.web.server import Request as TwistedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..access.addresses import Proxies
    from .deadlines import Deadlines

HEADERS = {
    b"Content-Security-Policy": b"default-src 'none'; frame-ancestors 'none'",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Permissions-Policy": b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"Referrer-Policy": b"no-referrer",
    b"X-Content-Type-Options": b"nosniff",
    b"X-Frame-Options": b"DENY",
}
"""What every answer says that does not say otherwise."""

STRICT_TRANSPORT = b"max-age=31536000"  # seconds for which browsers ask by https only
BODY_RATE = 8_192  # bytes a second; a request that comes more slowly does not get more time

_HOST = re.compile(rb"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_PROBLEMS = {
    400: ("Bad Request", "bad_request"),
    413: ("Content Too Large", "too_large"),
    503: ("Service Unavailable", "unavailable"),
}
"""The title and the code of each problem."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What goes for all requests."""

    deadlines: Deadlines
    """For a request to be there as a whole."""
    body_limit: int
    """Bytes of a request's body."""
    proxies: Proxies
    is_secure: bool
    """Whether the port has TLS."""


def install(terms: Terms) -> None:
    """Let every web port that Crossbar opens from now on serve on these *terms*."""

    class Site(CrossbarSite):  # type: ignore[misc]
        protocol = Channel

        def __init__(self, resource: Any, **options: Any) -> None:
            super().__init__(resource, **options)
            self.requestFactory = Request
            self.terms = terms

        def acceptableProtocols(self) -> list[bytes]:
            return [b"http/1.1"]

    transports.Site = Site


class Channel(HTTPChannel):  # type: ignore[misc]
    """
    A connection that is aborted if its next request takes too long to come.

    A long body gets more time as long as it comes at `BODY_RATE`. One that is too long is
    refused as soon as that is known.
    """

    is_refused = False
    """Whether it was told that nothing more of it is heard."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self._expect_request()

    def dataReceived(self, data: bytes) -> None:
        self._received += len(data)
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        # More lines of what was refused may have come together with it.
        if not self.is_refused:
            super().lineReceived(line)

    def allHeadersReceived(self) -> None:
        if self.length is not None and self.length > self.site.terms.body_limit:
            self.refuse(413, f"A request has at most {self.site.terms.body_limit} bytes")
            return
        super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        if not self.is_refused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, _line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    def allContentReceived(self) -> None:
        if not self.is_refused:
            self.site.terms.deadlines.stop(self)
            super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        self._expect_request()
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        self.site.terms.deadlines.stop(self)
        super().connectionLost(reason)

    def refuse(self, status: int, sentence: str) -> None:
        """Answer the request that is coming, hear no more of it, and close."""
        if self.is_refused:
            return
        self.is_refused = True
        self.setRawMode()
        body = problem(status, sentence)
        headers = {**HEADERS, b"Content-Type": b"application/problem+json", b"Connection": b"close"}
        lines = [f"HTTP/1.1 {status} {_PROBLEMS[status][0]}".encode()]
        lines += [b"%b: %b" % each for each in headers.items()]
        lines += [b"Content-Length: %d" % len(body), b"", body]
        self.transport.write(b"\r\n".join(lines))
        # Closed at once, it would lose the answer together with what is still coming.
        self.transport.loseWriteConnection()

    def _expect_request(self) -> None:
        self._received = 0
        self.site.terms.deadlines.start(self, self._miss)

    def _miss(self) -> None:
        terms = self.site.terms
        if self._received >= terms.deadlines.limit * BODY_RATE and not self.is_refused:
            self._expect_request()
        elif self.transport is not None:
            self.transport.abortConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400, "The request cannot be understood")


class Request(TwistedRequest):  # type: ignore[misc]
    """A request whose answer says what browsers may do with it, and nothing about the server."""

    def __init__(self, channel: Any, queued: object = False) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self._size = 0

    def handleContentChunk(self, data: bytes) -> None:
        if self.channel.is_refused:
            return
        self._size += len(data)
        limit = self.channel.site.terms.body_limit
        if self._size > limit:
            self.channel.refuse(413, f"A request has at most {limit} bytes")
        else:
            super().handleContentChunk(data)

    def process(self) -> None:
        hosts = self.requestHeaders.getRawHeaders(b"Host") or []
        path = unquote_to_bytes(self.path)
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]) or _CONTROL.search(path):
            self.setResponseCode(400)
            self.answer(problem(400, "The request has no proper host or path"))
        elif any(map(_CONTROL.search, self._values())):
            self.setResponseCode(400)
            self.answer(problem(400, "A header of the request has control characters"))
        else:
            super().process()

    def _values(self) -> Iterator[bytes]:
        """The values of all headers; tabs may stand in them (RFC 9110, section 5.5)."""
        for _, values in self.requestHeaders.getAllRawHeaders():
            for value in values:
                yield value.replace(b"\t", b" ")

    def getClientAddress(self) -> Any:
        peer = super().getClientAddress()
        forwarded = self.requestHeaders.getRawHeaders("X-Forwarded-For")
        client = self.channel.site.terms.proxies.client(peer.host, ",".join(forwarded or ()))
        return IPv4Address("TCP", client, peer.port)

    def answer(self, body: bytes) -> None:
        """Finish with a problem as *body*."""
        self.setHeader(b"Content-Type", b"application/problem+json")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(b"" if self.method == b"HEAD" else body)
        self.finish()

    def write(self, data: bytes) -> None:
        if not self.startedWriting:
            self.responseHeaders.removeHeader(b"Server")
            for name, value in HEADERS.items():
                if not self.responseHeaders.hasHeader(name):
                    self.responseHeaders.setRawHeaders(name, [value])
            if self.channel is not None and self.channel.site.terms.is_secure:
                self.setHeader(b"Strict-Transport-Security", STRICT_TRANSPORT)
        super().write(data)


def problem(status: int, sentence: str) -> bytes:
    """Problem details (RFC 9457) as JSON."""
    title, code = _PROBLEMS[status]
    details = {"title": title, "status": status, "detail": sentence, "code": code}
    return json.dumps(details).encode()
