"""How the programs of a node and of its command line end."""

from __future__ import annotations

import atexit
import gc


def spare_last_collection() -> None:
    """
    Let this process end without the interpreter's last looks for garbage.

    All that they bring is memory, which goes with the process, and they take longer than
    everything else at the end: a third of a second in a router.
    """
    atexit.register(gc.freeze)
