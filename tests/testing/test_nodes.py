"""What tests ask of a node."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.nodes import Node, make_node

from taskrealm.access.tokens import TokenStore
from taskrealm.router.node import prepare_state

if TYPE_CHECKING:
    from pathlib import Path


def test_a_token_outlives_a_test_that_takes_long(tmp_path: Path) -> None:
    folder = make_node(tmp_path, component="")
    prepare_state(folder)

    token = Node(folder).issue("ana")

    with closing(TokenStore.open(folder.tokens)) as store:
        found = store.find(token)
    assert found is not None
    assert found.expires_at - datetime.now(UTC) > timedelta(minutes=50)
