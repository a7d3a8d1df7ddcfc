"""Tokens and sign-in links, made on the node's own machine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from ..router.node import prepare_state
from ..settings import load_settings
from ..tokens import ROLES, TokenStore
from .connection import find_node, node_option
from .terminal import print_json

if TYPE_CHECKING:
    from pathlib import Path

    from ..settings import NodeFolder, RouterSettings

TOKEN_HOURS: Final = 8.0
LINK_HOURS: Final = 0.25


@click.command()
@click.argument("user")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    help=f"How long it is valid.  [default: {TOKEN_HOURS:g}, a link {LINK_HOURS:g}]",
)
@click.option("--link", is_flag=True, help="A link that signs in once, in a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line.")
@node_option
def token(
    user: str, role: str, hours: float | None, link: bool, as_json: bool, node: Path | None
) -> None:
    """
    Make a token or a sign-in link for a user of this node.

    USER is the authid: the name under which jobs are kept. Whoever has the token, or is the
    first to open the link, is that user.
    """
    folder = find_node(node)
    settings = load_settings(folder.settings_file)
    prepare_state(folder)
    if hours is None:
        hours = LINK_HOURS if link else TOKEN_HOURS
    try:
        secret = issue(folder, user, role, hours=hours, single_use=link)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    name, value = ("url", sign_in_link(settings.router, secret)) if link else ("token", secret)
    if as_json:
        print_json({"user": user, "role": role, "hours": hours, name: value})
    else:
        click.echo(value)


def issue(folder: NodeFolder, user: str, role: str, *, hours: float, single_use: bool) -> str:
    """
    A new token of the node in *folder*; for a *single_use*, a sign-in code.

    Raises:
        ValueError: *user* cannot be an authid.
    """
    with closing(TokenStore.open(folder.tokens)) as store:
        return store.issue(user, role, lifetime=hours * 3_600, single_use=single_use)


def sign_in_link(router: RouterSettings, code: str) -> str:
    """The address of the console, with *code* where no server and no log sees it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(router.interface, router.interface)
    return f"http://{host}:{router.port}/#signin={code}"
