"""A node of this machine: write one, look for its mistakes, run it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..router.supervisor import NodeFailed, Phase, supervise
from ..settings import NodeFolder, SettingsError, load_settings
from . import exits
from .connection import find_node
from .exits import Stopped
from .mistakes import find_mistakes, is_rendered
from .readiness import answers
from .template import write_node
from .terminal import print_json, say
from .tokens import LINK_HOURS, issue, sign_in_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..settings import RouterSettings, Settings

FIRST_USER: Final = "admin"
"""Who the link of `taskrealm up` signs in, as operator."""

_folder = click.argument(
    "directory", required=False, type=click.Path(file_okay=False, path_type=Path)
)


@click.command()
@_folder
def up(directory: Path | None) -> None:
    """
    Start a node and run it until Ctrl-C.

    The node is the one in DIRECTORY, by default the one around this folder. When it is
    ready a link is printed that signs in once, in a browser, as its operator.
    """
    folder = find_node(directory)
    mistakes = find_mistakes(folder)
    if mistakes:
        raise Stopped("\n".join(mistakes), exits.FAILURE)
    settings = load_settings(folder.settings_file)
    try:
        asyncio.run(_up(folder, settings))
    except SettingsError as error:
        raise Stopped(str(error), exits.FAILURE) from None
    except NodeFailed as error:
        raise Stopped(str(error), exits.FAILURE) from None


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path) -> None:
    """
    Write a new node into a folder.

    DIRECTORY must be empty or not exist yet. The node is complete: settings, roles, and
    tasks to try and to change.
    """
    try:
        written = write_node(directory)
    except OSError as error:
        raise Stopped(f"No node was written: {error}", exits.FAILURE) from None
    for path in written:
        say(f"  {directory / path}")
    say(f"Start the node:        taskrealm up {directory}")
    say(f"Then, beside it:       cd {directory} && taskrealm run date")
    say(
        f"Tasks of your own:     {directory / 'tasks'}; `taskrealm check {directory}` looks over them"
    )


@click.command()
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each mistake.")
def check(directory: Path | None, as_json: bool) -> None:
    """
    Find the mistakes in a node's settings, policy and tasks.

    The node is the one in DIRECTORY, by default the one around this folder. The exit code
    is 2 if there is a mistake.
    """
    folder = find_node(directory)
    mistakes = find_mistakes(folder)
    for mistake in mistakes:
        if as_json:
            print_json({"mistake": mistake})
        else:
            say(mistake)
    if mistakes:
        raise Stopped(f"{folder.root}: {_counted(len(mistakes), 'mistake')}", exits.USAGE)
    if not is_rendered(folder):
        say(f"`taskrealm up` will render {folder.crossbar / 'config.json'} anew")
    say(f"{folder.root}: no mistakes")


async def _up(folder: NodeFolder, settings: Settings) -> None:
    announced = False

    def progress(phase: Phase) -> None:
        nonlocal announced
        if phase is not Phase.READY:
            say(f"{phase.capitalize()} …")
        elif announced:
            say("Ready again")
        else:
            announced = True
            code = issue(folder, FIRST_USER, "operator", hours=LINK_HOURS, single_use=True)
            say(f"Ready. Sign in with this link, once, within {LINK_HOURS * 60:.0f} minutes:")
            click.echo(sign_in_link(settings.router, code))
            for warning in warnings_of(settings.router):
                say(warning)
            say("Ctrl-C stops the node.")

    await supervise(folder, settings, answers=lambda: answers(folder), progress=progress)


def warnings_of(router: RouterSettings) -> Iterator[str]:
    """What somebody should know who runs the node with these settings."""
    ports = {"router": router, "router.raw_socket": router.raw_socket}
    for name, port in ports.items():
        if port is not None and port.tls is None and not _is_loopback(port.interface):
            yield (
                f"Warning: {port.interface}:{port.port} can be reached from other machines, and what"
                f" goes there can be read and changed on the way, tokens too: set {name}.tls, or"
                " let only a proxy with TLS reach it"
            )


def _is_loopback(interface: str) -> bool:
    if interface == "localhost":
        return True
    try:
        return ip_address(interface).is_loopback
    except ValueError:
        return False


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
