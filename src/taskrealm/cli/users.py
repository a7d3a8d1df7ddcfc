"""Users of a node, and what they prove themselves by, other than tokens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..access.identity import ROLES
from . import exits
from .connection import find_node, node_option
from .credentials import name_argument, opened_credentials, opened_tokens
from .exits import Stopped
from .proofs import certificate, key
from .terminal import print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def user() -> None:
    """
    Manage the users of this node: passwords, secrets, keys, certificates.

    NAME is the authid: the name under which jobs are kept. Which ways to join are open, the
    section [access] of taskrealm.toml says.
    """


@user.command()
@name_argument
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--team", "teams", multiple=True, help="A team of theirs; may be given often.")
@node_option
def add(name: str, role: str, teams: tuple[str, ...], node: Path | None) -> None:
    """Add a user, or change role and teams of one, who then has to sign in again."""
    folder = find_node(node)
    with (
        opened_credentials(folder, "user.add", name) as credentials,
        opened_tokens(folder) as tokens,
    ):
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
    with opened_credentials(find_node(node)) as credentials:
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
@name_argument
@node_option
def rm(name: str, node: Path | None) -> None:
    """Remove a user; nothing by which they have joined is valid any more."""
    folder = find_node(node)
    with opened_credentials(folder, "user.remove", name) as credentials:
        if not credentials.remove_user(name):
            raise Stopped(f"There is no user {name!r}", exits.NOT_FOUND)
    with opened_tokens(folder) as tokens:
        tokens.revoke_user(name)
    say(f"{name} is removed")


@user.command()
@name_argument
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
    with opened_credentials(folder, "user.password", name) as credentials:
        credentials.set_password(name, chosen)
    with opened_tokens(folder) as tokens:
        for token in tokens.tokens(name):
            tokens.revoke(token.id)
    say(f"{name} has a new password")


@user.command()
@name_argument
@node_option
def secret(name: str, node: Path | None) -> None:
    """Print a new secret of a program, once; older ones are void."""
    with opened_credentials(find_node(node), "user.secret", name) as credentials:
        made = credentials.new_secret(name)
    say("This is shown once:")
    click.echo(made)


@user.command()
@name_argument
@node_option
def revoke(name: str, node: Path | None) -> None:
    """Make everything void by which a user has joined so far: tokens, password, keys."""
    folder = find_node(node)
    with opened_credentials(folder, "user.revoke", name) as credentials:
        credentials.remove_credentials(name)
    with opened_tokens(folder) as tokens:
        tokens.revoke_user(name)
    say(f"Nothing by which {name} has joined so far is valid any more")


user.add_command(key)
user.add_command(certificate)
