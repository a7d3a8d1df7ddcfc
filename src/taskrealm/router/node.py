"""Prepares a node's folder: state, keys, tokens and Crossbar's configuration."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import ExitStack
from importlib.resources import files
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..access.policy import load_policy
from ..access.tokens import TokenStore
from ..settings import SettingsError
from .certificates import require_certificates
from .configuration import CONSOLE, EXECUTOR, GATEWAY, render

if TYPE_CHECKING:
    from pathlib import Path

    from ..settings import NodeFolder, RawSocketSettings, RouterSettings, Settings

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
    _check_sockets(folder)
    _check_ports(folder, settings.router)
    require_certificates(folder, settings.router)
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
    for component in (EXECUTOR, GATEWAY):
        if not folder.private_key(component).exists():
            key = Ed25519PrivateKey.generate()
            _write(folder.public_key(component), key.public_key().public_bytes_raw().hex())
            # Last, as it says that the pair is whole.
            _write(folder.private_key(component), key.private_bytes_raw().hex())
    for secret in (folder.gateway_secret, folder.authenticator_secret):
        if not secret.exists():
            _write(secret, secrets.token_hex(32))
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


def _check_sockets(folder: NodeFolder) -> None:
    """The node's sockets can be made, and no running node has the router's open."""
    longest = max((folder.socket, folder.gateway_socket), key=lambda path: len(path.name)).resolve()
    size = len(os.fsencode(longest))
    if size > SOCKET_PATH_LIMIT:
        raise SettingsError(
            f"The name of the node's socket, {longest}, has {size} bytes, and"
            f" {SOCKET_PATH_LIMIT} are possible: move the node to a folder with a shorter name"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(folder.socket)) == 0:
            raise SettingsError(f"The node in {folder.root} is running already")


def _check_ports(folder: NodeFolder, router: RouterSettings) -> None:
    ports: dict[str, RouterSettings | RawSocketSettings] = {"router": router}
    if router.raw_socket is not None:
        ports["router.raw_socket"] = router.raw_socket
    with ExitStack() as probes:
        for name, each in ports.items():
            probe = probes.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((each.interface, each.port))
                probe.listen()
            except OSError as error:
                raise SettingsError(
                    f"{folder.settings_file}: {name}.port: {each.interface}:{each.port} cannot be"
                    f" listened on ({error.strerror}): stop the program that uses it, or set"
                    " another `interface` or `port`"
                ) from None
