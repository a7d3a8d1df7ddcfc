"""Which node the command line talks to, and as whom."""

from __future__ import annotations

import functools
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..settings import NodeFolder, load_settings
from . import exits
from .exits import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ..client import Client


REALM: Final = "taskrealm"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to join, and the token that says who we are."""

    url: str
    token: str
    realm: str

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[Client]:
        """
        A client that has joined.

        Raises:
            Stopped: The node cannot be reached, does not let us in, is lost for good, or has
                events no more that were asked for.
        """
        from ..client import Client, Disconnected, Refused, StreamReset

        try:
            async with AsyncExitStack() as stack:
                client = Client(self.url, token=self.token, realm=self.realm)
                try:
                    await stack.enter_async_context(client)
                except ValueError as error:
                    raise Stopped(str(error), exits.USAGE) from None
                yield client
        except Refused as error:
            raise Stopped(f"{self.url} does not let us in: {error}", exits.NOT_ALLOWED) from None
        except StreamReset as error:
            raise Stopped(str(error), exits.FAILURE) from None
        except Disconnected as error:
            raise Stopped(
                f"The connection to {self.url} is lost: {error}", exits.CONNECTION
            ) from None


node_option = click.option(
    "--node",
    envvar="TASKREALM_NODE",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of a node on this machine; by default the one around this folder.",
)


def connects(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give *verb* the options that say where to connect, and a `connection` made of them."""

    @click.option("--url", envvar="TASKREALM_URL", help="ws://HOST:PORT/ws, wss://… or unix:PATH.")
    @click.option("--token", envvar="TASKREALM_TOKEN", help="The token that says who you are.")
    @click.option(
        "--token-file",
        envvar="TASKREALM_TOKEN_FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with the token.",
    )
    @click.option(
        "--realm", envvar="TASKREALM_REALM", help="The realm, if it is not the usual one."
    )
    @node_option
    @functools.wraps(verb)
    def with_connection(
        url: str | None,
        token: str | None,
        token_file: Path | None,
        realm: str | None,
        node: Path | None,
        **options: Any,
    ) -> Any:
        if token is None and token_file is not None:
            token = token_file.read_text(encoding="utf-8").strip()
        return verb(connection=find_connection(url, token, realm, node), **options)

    return with_connection


def find_connection(
    url: str | None, token: str | None, realm: str | None, node: Path | None
) -> Connection:
    """
    The connection to *realm* at *url* with *token*; what is missing comes from *node*.

    A node's own token is never sent to another *url*.

    Raises:
        Stopped: Something is missing, and the node cannot say it.
    """
    if url is not None and token is not None:
        return Connection(url, token, realm or REALM)
    if url is not None:
        raise Stopped(
            f"Who are you at {url}? Give --token-file, --token or TASKREALM_TOKEN", exits.USAGE
        )
    folder = find_node(node)
    if not folder.socket.exists():
        raise Stopped(
            f"The node in {folder.root} is not running; `taskrealm up {folder.root}` starts it",
            exits.CONNECTION,
        )
    if token is None:
        token = folder.operator_token.read_text(encoding="ascii").strip()
    realm = realm or load_settings(folder.settings_file).router.realm
    return Connection(f"unix:{folder.socket}", token, realm)


def find_node(named: Path | None) -> NodeFolder:
    """
    The node in the folder *named*, by default the one that the current folder lies in.

    Raises:
        Stopped: There is no `taskrealm.toml` there.
    """
    start = Path.cwd() if named is None else named.resolve()
    for path in (start, *start.parents) if named is None else (start,):
        folder = NodeFolder(path)
        if folder.settings_file.is_file():
            return folder
    if named is not None:
        raise Stopped(
            f"There is no node in {start}: it has no taskrealm.toml; `taskrealm init` writes one",
            exits.FAILURE,
        )
    raise Stopped(
        f"There is no node in {start} or above it: go to one, name one with --node DIR,"
        " or say where to connect with --url and --token-file",
        exits.CONNECTION,
    )
