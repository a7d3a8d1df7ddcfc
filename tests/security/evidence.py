"""What a node's logs say of an attack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.nodes import comes_true

if TYPE_CHECKING:
    from tests.nodes import Node

NOT_AUTHORIZED = "wamp.error.not_authorized"
INVALID_URI = "wamp.error.invalid_uri"
NO_SUCH_PROCEDURE = "wamp.error.no_such_procedure"


class Evidence:
    """What is logged from now on."""

    def __init__(self, node: Node) -> None:
        self._logs = node.folder.logs
        self._sizes = {path.name: path.stat().st_size for path in self._logs.iterdir()}

    @property
    def text(self) -> str:
        """All of it, of every program."""
        return "\n".join(
            path.read_bytes()[self._sizes.get(path.name, 0) :].decode()
            for path in sorted(self._logs.iterdir())
        )

    async def shows(self, words: str) -> None:
        """Return once it has something that matches the pattern *words*."""
        await comes_true(lambda: re.search(words, self.text) is not None, limit=20)

    def tracebacks(self) -> list[str]:
        """The lines that tell of an error which nobody has expected."""
        signs = re.compile(r'Traceback|INTERNAL ERROR|Unhandled|"exception"')
        return [line for line in self.text.splitlines() if signs.search(line)]
