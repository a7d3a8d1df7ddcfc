"""Crossbar as a node needs it: its *personality*, in the controller and in the router worker."""

from __future__ import annotations

import secrets
from typing import Any

import crossbar.node.node
import crossbar.personality
from autobahn.wamp.cryptosign import CryptosignKey

WORKER = "taskrealm.router.worker"
"""The module that runs Crossbar's router."""


class Keys(dict[int, CryptosignKey]):
    """
    A controller's keys, by the numbers that Crossbar has for them: there is but the second.

    With it a controller would prove itself to other nodes, of which there are none. So each
    start makes another, and no file keeps it.
    """

    is_open = True
    is_locked = False

    @classmethod
    def make(cls) -> Keys:
        return cls({1: CryptosignKey.from_bytes(secrets.token_bytes(32))})


class Node(crossbar.node.node.Node):  # type: ignore[misc]
    """A node whose router worker starts as quickly as its controller."""

    def load_keys(self, *_files: str) -> None:
        self._node_secmod = Keys.make()

    def _extend_worker_args(self, args: list[str], _options: dict[str, Any]) -> None:
        args[args.index("crossbar.worker.main")] = WORKER


class Personality(crossbar.personality.Personality):  # type: ignore[misc]
    """What tells Crossbar which of its parts there are."""

    Node = Node
