"""Tokens and sign-in links, made on the node's own machine."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from ..access.identity import ROLES
from ..access.tokens import TokenStore
from ..protocol.jobs import timestamp
from ..protocol.scope import WHOLE, Scope
from ..router.node import prepare_state
from ..settings import load_settings
from . import exits
from .connection import find_node, node_option
from .exits import Stopped
from .recording import record
from .terminal import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..access.tokens import Token
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
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="The same in minutes.")
@click.option("--team", "teams", multiple=True, help="A team that the user is in.")
@click.option(
    "--task", "tasks", multiple=True, help="The only task, and whose jobs are the only ones."
)
@click.option("--job", "jobs", multiple=True, help="The only job, by its id.")
@click.option("--read-only", is_flag=True, help="For looking only.")
@click.option("--uses", type=click.IntRange(min=1), help="How many sessions may join with it.")
@click.option("--link", is_flag=True, help="A link that signs in once, in a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line.")
@node_option
def token(
    user: str,
    role: str,
    hours: float | None,
    minutes: float | None,
    teams: tuple[str, ...],
    tasks: tuple[str, ...],
    jobs: tuple[str, ...],
    *,
    read_only: bool,
    uses: int | None,
    link: bool,
    as_json: bool,
    node: Path | None,
) -> None:
    """
    Make a token or a sign-in link for a user of this node.

    USER is the authid: the name under which jobs are kept. Whoever has the token, or is the
    first to open the link, is that user. --team, --task and --job may be given several times.
    """
    if hours is not None and minutes is not None:
        raise click.UsageError("Give --hours or --minutes, not both")
    if link and uses is not None:
        raise click.UsageError("A link signs in once: leave out --uses")
    folder = find_node(node)
    settings = load_settings(folder.settings_file)
    prepare_state(folder)
    if minutes is not None:
        hours = minutes / 60
    if hours is None:
        hours = LINK_HOURS if link else TOKEN_HOURS
    scope = Scope(tasks or None, jobs or None, read_only)
    try:
        secret = issue(
            folder,
            user,
            role,
            hours=hours,
            single_use=link,
            teams=teams,
            scope=scope,
            uses=uses,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    name, value = ("url", sign_in_link(settings.router, secret)) if link else ("token", secret)
    if as_json:
        made = {"user": user, "role": role, "hours": hours, "scope": scope.as_dict()}
        print_json({**made, name: value})
    else:
        click.echo(value)


def issue(
    folder: NodeFolder,
    user: str,
    role: str,
    *,
    hours: float,
    single_use: bool,
    teams: tuple[str, ...] = (),
    scope: Scope = WHOLE,
    uses: int | None = None,
) -> str:
    """
    A new token of the node in *folder*; for a *single_use*, a sign-in code.

    Raises:
        ValueError: *user* cannot be an authid, or *teams* those of one.
    """
    with closing(TokenStore.open(folder.tokens)) as store:
        secret = store.issue(
            user,
            role,
            lifetime=hours * 3_600,
            single_use=single_use,
            teams=teams,
            scope=scope,
            uses=uses,
        )
        made = store.find(secret)
    record(
        folder,
        "mint",
        None if made is None else made.id,
        owner=user,
        role=role,
        scope=scope.as_dict(),
        teams=list(teams),
        uses=1 if single_use else uses,
        hours=hours,
    )
    return secret


@click.group()
def tokens() -> None:
    """List the valid tokens of this node, and revoke some."""


@tokens.command()
@click.argument("user", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each.")
@node_option
def ls(user: str | None, as_json: bool, node: Path | None) -> None:
    """List the valid tokens of a user, or of all; never the tokens themselves."""
    with _store(node) as store:
        found = store.tokens(user)
    if as_json:
        for each in found:
            print_json(_told(each))
        return
    headings = ["id", "user", "role", "for", "uses", "expires", "by"]
    print_table(headings, [_row(each) for each in found])


@tokens.command()
@click.argument("ids", nargs=-1, required=True)
@node_option
def rm(ids: tuple[str, ...], node: Path | None) -> None:
    """Revoke tokens by their ids; the sessions that have joined with them end."""
    unknown = []
    with _store(node) as store:
        for each in ids:
            revoked = store.revoke(each)
            if revoked is None:
                unknown.append(each)
            else:
                record(find_node(node), "token.revoke", each, owner=revoked.authid)
                say(f"{each} of {revoked.authid} is revoked")
    if unknown:
        raise Stopped(f"There is no token {', '.join(unknown)}", exits.FAILURE)


@contextmanager
def _store(node: Path | None) -> Iterator[TokenStore]:
    folder = find_node(node)
    prepare_state(folder)
    with closing(TokenStore.open(folder.tokens)) as store:
        yield store


def _told(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.authid,
        "role": token.role,
        "teams": list(token.teams),
        "scope": token.scope.as_dict(),
        "uses": token.uses,
        "link": token.single_use,
        "created": timestamp(token.created),
        "expires_at": timestamp(token.expires_at),
        "issued_by": token.issued_by,
    }


def _row(token: Token) -> list[object]:
    scope = token.scope
    parts = [*(scope.tasks or ()), *(scope.jobs or ())]
    if scope.read_only:
        parts.append("looking only")
    expires = token.expires_at.astimezone().strftime("%Y-%m-%d %H:%M")
    uses = "once" if token.single_use else token.uses
    return [token.id, token.authid, token.role, ", ".join(parts), uses, expires, token.issued_by]


def sign_in_link(router: RouterSettings, code: str) -> str:
    """The address of the console, with *code* where no server and no log sees it."""
    return f"{router.home}/#signin={code}"
