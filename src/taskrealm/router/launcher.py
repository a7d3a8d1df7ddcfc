"""Starts Crossbar in this process, and ends it with its supervisor: `… -m … PID FOLDER`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from ..ending import spare_last_collection
from . import standins

PR_SET_PDEATHSIG = 1


def main(supervisor: int, folder: str) -> None:
    """
    Do what `crossbar start` does in *folder*, as long as the process *supervisor* lives.

    When the supervisor dies, in whatever way, the kernel sends a SIGINT, on which Crossbar
    stops in good order.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != supervisor:
        sys.exit("The supervisor is gone")
    spare_last_collection()
    standins.install()
    from autobahn.twisted import install_reactor

    # Before anything else of Twisted, which would install whatever reactor comes first.
    reactor = install_reactor()
    from crossbar.node.main import main as run

    from .personality import Personality

    options = ["--cbdir", folder, "--loglevel", "warn", "--color", "false"]
    run("crossbar", ["start", *options], reactor, Personality)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
