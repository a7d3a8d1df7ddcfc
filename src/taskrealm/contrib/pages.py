"""What a web application gives its pages: the elements of a node, and tokens for its users."""

from __future__ import annotations

import atexit
import os
import threading
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..client import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTES = 15.0  # for which a token of a page is good; the page asks for the next one by itself


class Pages:
    """
    A web application's end of a node: one client for each of its processes.

    It joins when it is first needed, so a server may fork before. What the application does
    must be delegated to the backend whose token it has; `docs/tokens.md` says how.
    """

    def __init__(
        self, url: str, token: str, *, page_url: str | None = None, minutes: float = MINUTES
    ) -> None:
        """
        *url* is where the node's WebSocket or raw socket is, and *token* one of role backend.

        *page_url* is the address at which browsers find the node, such as
        `https://tasks.example.org`; without it, that of *url*.

        Raises:
            ValueError: *url* is no address for browsers, and there is no *page_url*.
        """
        self._url = url
        self._token = token
        self._minutes = minutes
        self.page_url = _page_url(url) if page_url is None else page_url.rstrip("/")
        self._lock = threading.Lock()
        self._client: BlockingClient | None = None
        self._pid = 0

    @property
    def client(self) -> BlockingClient:
        """
        The client of this process.

        Raises:
            Refused: The node does not let us in.
            Unavailable: The node cannot be reached.
        """
        if self._client is None or self._pid != os.getpid():
            self._join()
            assert self._client is not None
        return self._client

    def token(self, user: str, teams: Iterable[str] = ()) -> str:
        """
        A token with which a page of *user* joins, who is in these *teams*.

        Raises:
            NotAuthorized: No delegation allows it.
            Unavailable: The node cannot be reached.
        """
        minted = self.client.mint(user, teams=list(teams), minutes=self._minutes)
        token: str = minted["token"]
        return token

    def tags(self, token_url: str) -> str:
        """The HTML that a page needs before it can have elements; *token_url* gives its tokens."""
        script = escape(f"{self.page_url}/lib/elements.js")
        return (
            f'<meta name="taskrealm-token-url" content="{escape(token_url)}">\n'
            f'<script type="module" src="{script}"></script>'
        )

    def _join(self) -> None:
        if self._pid != os.getpid():
            # A thread of the process that we come from may have held it.
            self._lock, self._client, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._client is None:
                client = BlockingClient(self._url, token=self._token)
                client.__enter__()
                atexit.register(self._leave)
                self._client = client

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.__exit__()


def _page_url(url: str) -> str:
    """Where the console of the node is whose WebSocket is at *url*."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme)
    if scheme is None:
        raise ValueError(f"Browsers cannot connect to {url}: say where they find the node")
    return f"{scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}"
