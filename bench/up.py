"""`taskrealm up` for a node on which an executor may also offer the procedures of benchmarks."""

from __future__ import annotations

from taskrealm.cli import main
from taskrealm.protocol import uris

from .node import ASKED, DURABLE_ECHO, ECHO

if __name__ == "__main__":
    # The configuration lets an executor register these, and nothing else.
    uris.REGISTERED = (*uris.REGISTERED, ECHO, DURABLE_ECHO, ASKED)
    main()
