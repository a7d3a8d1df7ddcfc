"""Users of a node, and what they prove themselves by, other than tokens."""

from __future__ import annotations

import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..access.credentials import CredentialStore
from ..access.identity import ROLES
from ..access.tokens import TokenStore
from ..router.node import prepare_state
from . import exits
from .connection import find_node, node_option
from .exits import Stopped
from .recording import record
from .terminal import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from ..settings import NodeFolder

_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)
_name = click.argument("name")


@click.group()
def user() -> None:
    """
    Manage the users of this node: passwords, secrets, keys, certificates.

    NAME is the authid: the name under which jobs are kept. Which ways to join are open, the
    section [access] of taskrealm.toml says.
    """


@user.command()
@_name
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--team", "teams", multiple=True, help="A team of theirs; may be given often.")
@node_option
def add(name: str, role: str, teams: tuple[str, ...], node: Path | None) -> None:
    """Add a user, or change role and teams of one, who then has to sign in again."""
    folder = find_node(node)
    with _credentials(folder, "user.add", name) as credentials, _tokens(folder) as tokens:
        if credentials.add_user(name, role, teams):
            for token in tokens.tokens(name):
                if token.issued_by == name:
                    tokens.revoke(token.id)
    say(f"{name} is a user of role {role}")


@user.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each user.")
@node_option
def list_users(as_json: bool, node: Path | None) -> None:
    """List the users, and by what they can join."""
    with _credentials(find_node(node)) as credentials:
        users = credentials.users()
    if as_json:
        for each in users:
            print_json(
                {
                    "user": each.authid,
                    "role": each.role,
                    "teams": each.teams,
                    "credentials": [
                        {"method": method, "key": key} if key != each.authid else {"method": method}
                        for method, key in each.credentials
                    ],
                }
            )
        return
    print_table(
        ("USER", "ROLE", "TEAMS", "JOINS BY"),
        (
            (
                each.authid,
                each.role,
                ", ".join(each.teams),
                ", ".join(
                    method if key == each.authid else f"{method} {key}"
                    for method, key in each.credentials
                ),
            )
            for each in users
        ),
    )


@user.command()
@_name
@node_option
def rm(name: str, node: Path | None) -> None:
    """Remove a user; nothing by which they have joined is valid any more."""
    folder = find_node(node)
    with _credentials(folder, "user.remove", name) as credentials:
        if not credentials.remove_user(name):
            raise Stopped(f"There is no user {name!r}", exits.NOT_FOUND)
    with _tokens(folder) as tokens:
        tokens.revoke_user(name)
    say(f"{name} is removed")


@user.command()
@_name
@node_option
def password(name: str, node: Path | None) -> None:
    """
    Set the password of a user, who is signed out everywhere.

    It is asked for, or read from standard input.
    """
    if sys.stdin.isatty():
        chosen = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        chosen = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    folder = find_node(node)
    with _credentials(folder, "user.password", name) as credentials:
        credentials.set_password(name, chosen)
    with _tokens(folder) as tokens:
        for token in tokens.tokens(name):
            tokens.revoke(token.id)
    say(f"{name} has a new password")


@user.command()
@_name
@node_option
def secret(name: str, node: Path | None) -> None:
    """Print a new secret of a program, once; older ones are void."""
    with _credentials(find_node(node), "user.secret", name) as credentials:
        made = credentials.new_secret(name)
    say("This is shown once:")
    click.echo(made)


@user.command()
@_name
@node_option
def revoke(name: str, node: Path | None) -> None:
    """Make everything void by which a user has joined so far: tokens, password, keys."""
    folder = find_node(node)
    with _credentials(folder, "user.revoke", name) as credentials:
        credentials.remove_credentials(name)
    with _tokens(folder) as tokens:
        tokens.revoke_user(name)
    say(f"Nothing by which {name} has joined so far is valid any more")


@user.group()
def key() -> None:
    """Manage the keys by which programs join."""


@key.command("add")
@_name
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
    with _credentials(find_node(node), "user.key.add", name) as credentials:
        credentials.require_user(name)
        made = public_key if new is None else _new_key(new)
        assert made is not None
        credentials.add_key(name, made)
    click.echo(made)


@key.command("rm")
@_name
@click.argument("public_key")
@node_option
def remove_key(name: str, public_key: str, node: Path | None) -> None:
    """Take a key from NAME."""
    with _credentials(find_node(node), "user.key.remove", name) as credentials:
        if not credentials.remove_key(name, public_key):
            raise Stopped(f"That is no key of {name}", exits.NOT_FOUND)
    say(f"The key is no longer one of {name}")


@user.group()
def certificate() -> None:
    """Manage the TLS certificates by which programs join."""


@certificate.command("add")
@_name
@click.argument("file", type=_PEM)
@node_option
def add_certificate(name: str, file: Path, node: Path | None) -> None:
    """Let a program join as NAME by the certificate in a PEM file."""
    fingerprint = _fingerprint(file)
    with _credentials(find_node(node), "user.certificate.add", name) as credentials:
        credentials.add_certificate(name, fingerprint)
    click.echo(fingerprint)


@certificate.command("rm")
@_name
@click.argument("fingerprint")
@node_option
def remove_certificate(name: str, fingerprint: str, node: Path | None) -> None:
    """Take a certificate from NAME, by its SHA-256 fingerprint."""
    with _credentials(find_node(node), "user.certificate.remove", name) as credentials:
        if not credentials.remove_certificate(name, fingerprint):
            raise Stopped(f"That is no certificate of {name}", exits.NOT_FOUND)
    say(f"The certificate is no longer one of {name}")


@contextmanager
def _credentials(
    folder: NodeFolder, action: str | None = None, name: str = ""
) -> Iterator[CredentialStore]:
    """
    The credentials of a node; what they refuse becomes a mistake in the command line.

    That they are changed for the user *name*, the audit log calls *action*.
    """
    prepare_state(folder)
    with closing(CredentialStore.open(folder.credentials)) as store:
        try:
            yield store
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if action is not None:
        record(folder, action, owner=name)


def _tokens(folder: NodeFolder) -> AbstractContextManager[TokenStore]:
    return closing(TokenStore.open(folder.tokens))


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
