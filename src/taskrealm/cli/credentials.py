"""What a node knows its users by, opened for a verb."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from ..access.credentials import CredentialStore
from ..access.tokens import TokenStore
from ..router.node import prepare_state
from .recording import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from ..settings import NodeFolder


name_argument = click.argument("name")


@contextmanager
def opened_credentials(
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


def opened_tokens(folder: NodeFolder) -> AbstractContextManager[TokenStore]:
    """The tokens of a node."""
    return closing(TokenStore.open(folder.tokens))
