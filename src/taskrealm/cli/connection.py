"""Which node the command line talks to, and as whom."""

from __future__ import annotations

import functools
import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..settings import NodeFolder, load_settings
from . import exits
from .exits import Stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ..client import Client


REALM: Final = "taskrealm"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to join, and as whom."""

    url: str
    access: Mapping[str, Any]
    """The options of a client that say who we are."""
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
                try:
                    client = Client(self.url, realm=self.realm, **self.access)
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


_WAYS: Final = (
    *("token", "token_file", "user", "password_file", "secret_file", "key_file"),
    *("certificate", "certificate_key", "ca", "anonymous"),
)
"""The options that say who one is, and whom one trusts."""

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def connects(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give *verb* the options that say where to connect, and a `connection` made of them."""

    @click.option(
        "--url",
        envvar="TASKREALM_URL",
        help="ws://HOST:PORT/ws, wss://…, tcp://HOST:PORT, tls://… or unix:PATH.",
    )
    @click.option("--token", envvar="TASKREALM_TOKEN", help="The token that says who you are.")
    @click.option(
        "--token-file", envvar="TASKREALM_TOKEN_FILE", type=_FILE, help="A file with the token."
    )
    @click.option("--user", envvar="TASKREALM_USER", help="Who you are, with a password or secret.")
    @click.option(
        "--password-file",
        envvar="TASKREALM_PASSWORD_FILE",
        type=_FILE,
        help="A file with the password; without one, it is asked for.",
    )
    @click.option(
        "--secret-file",
        envvar="TASKREALM_SECRET_FILE",
        type=_FILE,
        help="A file with the secret of a program.",
    )
    @click.option(
        "--key-file", envvar="TASKREALM_KEY", type=_FILE, help="A file with a private key."
    )
    @click.option(
        "--certificate",
        envvar="TASKREALM_CERTIFICATE",
        type=_FILE,
        help="A PEM file with a client's TLS certificate.",
    )
    @click.option(
        "--certificate-key",
        envvar="TASKREALM_CERTIFICATE_KEY",
        type=_FILE,
        help="A PEM file with its private key.",
    )
    @click.option(
        "--ca",
        envvar="TASKREALM_CA",
        type=_FILE,
        help="A PEM file with the authorities to trust.",
    )
    @click.option("--anonymous", is_flag=True, help="Join without proof, where that is allowed.")
    @click.option(
        "--realm", envvar="TASKREALM_REALM", help="The realm, if it is not the usual one."
    )
    @node_option
    @functools.wraps(verb)
    def with_connection(
        url: str | None, realm: str | None, node: Path | None, **options: Any
    ) -> Any:
        given = _given({name: options.pop(name) for name in _WAYS})
        return verb(connection=find_connection(url, _access(**given), realm, node), **options)

    connected: Callable[..., Any] = with_connection
    return connected


def _given(ways: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options *ways* that were used; the environment counts if none was."""
    context = click.get_current_context()
    by_hand = {
        name
        for name in ways
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    says_who = bool(by_hand - {"ca"})
    return {
        name: value
        for name, value in ways.items()
        if value and (name in by_hand or name == "ca" or not says_who)
    }


def _access(
    token: str | None = None,
    token_file: Path | None = None,
    user: str | None = None,
    password_file: Path | None = None,
    secret_file: Path | None = None,
    key_file: Path | None = None,
    **others: Any,
) -> dict[str, Any]:
    """The options of a client for those of the command line, with what stands in files."""
    access = dict(others)
    if token is not None:
        access["token"] = token
    elif token_file is not None:
        access["token"] = _text(token_file)
    if key_file is not None:
        access["key"] = key_file
    if user is None:
        return access
    access["user"] = user
    secret, password = (os.environ.get(f"TASKREALM_{each}") for each in ("SECRET", "PASSWORD"))
    if secret_file is not None:
        access["secret"] = _text(secret_file)
    elif password_file is not None:
        access["password"] = _text(password_file)
    elif secret is not None:
        access["secret"] = secret
    else:
        access["password"] = password or click.prompt("Password", hide_input=True, err=True)
    return access


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def find_connection(
    url: str | None, access: Mapping[str, Any], realm: str | None, node: Path | None
) -> Connection:
    """
    The connection to *realm* at *url* with *access*; what is missing comes from *node*.

    A node's own token is never sent to another *url*.

    Raises:
        Stopped: Something is missing, and the node cannot say it.
    """
    is_somebody = not access.keys() <= {"ca"}
    if url is not None and is_somebody:
        return Connection(url, access, realm or REALM)
    if url is not None:
        raise Stopped(
            f"Who are you at {url}? Give --token-file, --token or TASKREALM_TOKEN, or another way"
            " to join",
            exits.USAGE,
        )
    folder = find_node(node)
    if not folder.socket.exists():
        raise Stopped(
            f"The node in {folder.root} is not running; `taskrealm up {folder.root}` starts it",
            exits.CONNECTION,
        )
    if not is_somebody:
        access = {"token": folder.operator_token.read_text(encoding="ascii").strip()}
    realm = realm or load_settings(folder.settings_file).router.realm
    return Connection(f"unix:{folder.socket}", access, realm)


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
