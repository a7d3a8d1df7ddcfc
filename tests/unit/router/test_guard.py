"""What the guard needs to find in Crossbar."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: Crossbar warns and prints while it is imported.
CONTRACT = """
import inspect
from autobahn.wamp import message
from crossbar.router.router import Router
from taskrealm.router import guard

assert list(inspect.signature(Router.process).parameters) == ["self", "session", "msg"]
for kind in (message.Call, message.Publish, message.Subscribe, message.Register, message.Yield):
    assert hasattr(kind, "forward_for"), kind
guard.install()
assert Router.process is guard._guarded
"""


def test_crossbar_is_as_the_guard_needs_it() -> None:
    check = subprocess.run([sys.executable, "-c", CONTRACT], capture_output=True, text=True)

    assert check.returncode == 0, check.stderr
