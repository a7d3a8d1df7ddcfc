"""The keys and certificates by which programs join a node."""

from __future__ import annotations

import os
from pathlib import Path

import click

from . import exits
from .connection import find_node, node_option
from .credentials import name_argument, opened_credentials
from .exits import Stopped
from .terminal import say

_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def key() -> None:
    """Manage the keys by which programs join."""


@key.command("add")
@name_argument
@click.argument("public_key", required=False)
@click.option(
    "--new",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Make a key, and write its private half into this new file.",
)
@node_option
def add_key(name: str, public_key: str | None, new: Path | None, node: Path | None) -> None:
    """
    Let a program join as NAME by its key.

    PUBLIC_KEY is that of an Ed25519 key: 64 hexadecimal digits.
    """
    if (public_key is None) == (new is None):
        raise click.UsageError("Give the public key, or --new FILE to have a key made")
    with opened_credentials(find_node(node), "user.key.add", name) as credentials:
        credentials.require_user(name)
        made = public_key if new is None else _new_key(new)
        assert made is not None
        credentials.add_key(name, made)
    click.echo(made)


@key.command("rm")
@name_argument
@click.argument("public_key")
@node_option
def remove_key(name: str, public_key: str, node: Path | None) -> None:
    """Take a key from NAME."""
    with opened_credentials(find_node(node), "user.key.remove", name) as credentials:
        if not credentials.remove_key(name, public_key):
            raise Stopped(f"That is no key of {name}", exits.NOT_FOUND)
    say(f"The key is no longer one of {name}")


@click.group()
def certificate() -> None:
    """Manage the TLS certificates by which programs join."""


@certificate.command("add")
@name_argument
@click.argument("file", type=_PEM)
@node_option
def add_certificate(name: str, file: Path, node: Path | None) -> None:
    """Let a program join as NAME by the certificate in a PEM file."""
    fingerprint = _fingerprint(file)
    with opened_credentials(find_node(node), "user.certificate.add", name) as credentials:
        credentials.add_certificate(name, fingerprint)
    click.echo(fingerprint)


@certificate.command("rm")
@name_argument
@click.argument("fingerprint")
@node_option
def remove_certificate(name: str, fingerprint: str, node: Path | None) -> None:
    """Take a certificate from NAME, by its SHA-256 fingerprint."""
    with opened_credentials(find_node(node), "user.certificate.remove", name) as credentials:
        if not credentials.remove_certificate(name, fingerprint):
            raise Stopped(f"That is no certificate of {name}", exits.NOT_FOUND)
    say(f"The certificate is no longer one of {name}")


def _new_key(file: Path) -> str:
    """Make a key and write its private half into the new *file*; gives the public half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = Ed25519PrivateKey.generate()
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(f"{made.private_bytes_raw().hex()}\n")
    except OSError as error:
        raise Stopped(f"{file} cannot be written: {error.strerror}", exits.FAILURE) from None
    return made.public_key().public_bytes_raw().hex()


def _fingerprint(file: Path) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(file.read_bytes()).fingerprint(SHA256()).hex()
    except ValueError:
        raise click.UsageError(f"There is no certificate in {file}") from None
