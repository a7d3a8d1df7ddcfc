"""The web console and the library for other pages, as the router serves them."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.web.http import CACHED
from twisted.web.resource import Resource
from twisted.web.static import File

from .configuration import CONSOLE
from .inscriptions import inscribed

if TYPE_CHECKING:
    from collections.abc import Mapping

UNCHANGING = "assets"
"""The folder of files whose names change with their content."""

PAGE = "index.html"
LIBRARY = "lib"
"""The folder of scripts for pages of other origins."""

_UNCHANGING_PART = b"part-"  # what the name of a file of the library starts with that never changes

_KEEP = b"max-age=31536000, immutable"
_ASK = b"no-cache"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " object-src 'none'; require-trusted-types-for 'script'; trusted-types lit-html"
)


class Console(File):  # type: ignore[misc]
    """The files that npm has built, with what browsers are to allow them."""

    def __init__(self, path: str, said: Mapping[str, str]) -> None:
        """*said* is what its page knows of the node, by names."""
        super().__init__(path)
        self.said = said
        self.childNotFound = _Missing()

    def createSimilarFile(self, path: str) -> Console | _Page:
        if Path(path).name == PAGE:
            return _Page(path, self.said)
        return type(self)(path, self.said)

    def directoryListing(self) -> Any:
        return self.childNotFound

    def render_GET(self, request: Any) -> Any:
        if self.isdir():
            return self.childNotFound.render(request)
        folder = request.prepath[0]
        if folder == LIBRARY.encode() and self.isfile():
            return self._render_library(request)
        _prepare(request, _KEEP if folder == UNCHANGING.encode() else _ASK)
        return super().render_GET(request)

    render_HEAD = render_GET  # what it is called by in a `File` is the method of that

    def _render_library(self, request: Any) -> Any:
        """Scripts that pages of any origin may load: they hold nothing that is not public."""
        request.setHeader(b"Access-Control-Allow-Origin", b"*")
        request.setHeader(b"Cross-Origin-Resource-Policy", b"cross-origin")
        is_unchanging = request.prepath[-1].startswith(_UNCHANGING_PART)
        request.setHeader(b"Cache-Control", _KEEP if is_unchanging else _ASK)
        # Files of a package may be older than those of the version before it.
        request.requestHeaders.removeHeader(b"If-Modified-Since")
        if request.setETag(_tag(self.getContent())) is CACHED:
            return b""
        return super().render_GET(request)


class _Page(Resource):  # type: ignore[misc]
    """The one page, which says of its node what can be known before anybody has signed in."""

    def __init__(self, path: str, said: Mapping[str, str]) -> None:
        super().__init__()
        self._path = Path(path)
        self._said = said

    def getChild(self, _name: bytes, _request: Any) -> Resource:
        return _Missing()

    def render_GET(self, request: Any) -> bytes:
        _prepare(request, _ASK)
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        body = inscribed(self._path.read_text("utf-8"), self._said).encode()
        return b"" if request.setETag(_tag(body)) is CACHED else body


def _prepare(request: Any, age: bytes) -> None:
    """Say what browsers are to allow what they are given, and for how long they may keep it."""
    host = request.requestHeaders.getRawHeaders("Host")[0]
    # Some browsers do not count WebSockets to `self`.
    policy = _POLICY.format(sockets=f"ws://{host} wss://{host}")
    request.setHeader(b"Content-Security-Policy", policy.encode())
    request.setHeader(b"Cache-Control", age)


def packaged(extra: Mapping[str, Any]) -> Console:
    """The console that is part of the package; called by Crossbar with what its page says."""
    return Console(str(files("taskrealm").joinpath(CONSOLE)), extra)


def _tag(content: bytes) -> bytes:
    return b'"%s"' % sha256(content).hexdigest()[:32].encode()


class _Missing(Resource):  # type: ignore[misc]
    """Says that there is no such page, and nothing else."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        request.setResponseCode(404)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        return b"There is no such page here.\n"
