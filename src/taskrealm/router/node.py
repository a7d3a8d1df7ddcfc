"""Prepares a node's folder: state, keys, tokens and Crossbar's configuration."""

from __future__ import annotations

import os
import socket
from importlib.resources import files
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..settings import SettingsError
from ..tokens import TokenStore
from .configuration import CONSOLE, EXECUTOR, render
from .policy import load_policy

if TYPE_CHECKING:
    from pathlib import Path

    from ..settings import NodeFolder, Settings

OPERATOR = "operator"
"""Authid and role of the token that programs on the same machine use."""

# Seconds. Like a key, it lies in a file that only its owner can read, and is no sign-in.
OPERATOR_TOKEN_LIFETIME = 10 * 365 * 86_400.0
SOCKET_PATH_LIMIT = 107  # bytes that Linux takes as the name of a Unix socket


def prepare(folder: NodeFolder, settings: Settings) -> None:
    """
    Make the node in *folder* ready to start with *settings*.

    What is there stays as it is, except for Crossbar's configuration, which is written
    anew if settings or policy have changed.

    Raises:
        SettingsError: The node cannot run like this; the message names the remedy.
    """
    configuration = render(settings, load_policy(folder.policy))
    _check_console()
    _check_socket(folder.socket)
    _check_port(folder, settings)
    prepare_state(folder)
    folder.crossbar.mkdir(exist_ok=True)
    file = folder.crossbar / "config.json"
    if not file.exists() or file.read_text(encoding="utf-8") != configuration:
        file.write_text(configuration, encoding="utf-8")


def prepare_state(folder: NodeFolder) -> None:
    """Make what is missing of a node's state, all of it readable by its owner alone."""
    for path in (folder.state, folder.keys, folder.logs):
        path.mkdir(mode=0o700, exist_ok=True)
    # It may come from a backup or an archive that lost the mode; the socket in it is open to all.
    folder.state.chmod(0o700)
    folder.node_id()
    if not folder.private_key(EXECUTOR).exists():
        key = Ed25519PrivateKey.generate()
        _write(folder.public_key(EXECUTOR), key.public_key().public_bytes_raw().hex())
        # Last, as it says that the pair is whole.
        _write(folder.private_key(EXECUTOR), key.private_bytes_raw().hex())
    tokens = TokenStore.open(folder.tokens)
    try:
        tokens.prune()
        _keep_operator_token(folder.operator_token, tokens)
    finally:
        tokens.close()


def _keep_operator_token(path: Path, tokens: TokenStore) -> None:
    found = tokens.find(path.read_text(encoding="ascii").strip()) if path.exists() else None
    if found is None:
        _write(path, tokens.issue(OPERATOR, OPERATOR, lifetime=OPERATOR_TOKEN_LIFETIME))


def _write(path: Path, text: str) -> None:
    """Write *text* whole or not at all, into a file that only its owner can read."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(f"{text}\n", encoding="ascii")
    draft.replace(path)


def _check_console() -> None:
    console = files("taskrealm").joinpath(CONSOLE)
    if not console.joinpath("index.html").is_file():
        raise SettingsError(
            "The web console is not built; `scripts/run` builds it, or run"
            " `npm ci` and `npm run build` in the folder `web`"
        )
    if not str(console).isascii():
        raise SettingsError(
            f"Crossbar cannot serve the web console from {console}: install taskrealm in a"
            " folder whose name consists of ASCII characters"
        )


def _check_socket(path: Path) -> None:
    """The socket can be made, and no running node has it open."""
    size = len(os.fsencode(path.resolve()))
    if size > SOCKET_PATH_LIMIT:
        raise SettingsError(
            f"The name of the node's socket, {path.resolve()}, has {size} bytes, and"
            f" {SOCKET_PATH_LIMIT} are possible: move the node to a folder with a shorter name"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise SettingsError(f"The node in {path.parent.parent} is running already")


def _check_port(folder: NodeFolder, settings: Settings) -> None:
    interface, port = settings.router.interface, settings.router.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((interface, port))
            probe.listen()
        except OSError as error:
            raise SettingsError(
                f"{folder.settings_file}: router.port: {interface}:{port} cannot be listened on"
                f" ({error.strerror}): stop the program that uses it, or set another"
                " `interface` or `port`"
            ) from None
