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
from taskrealm.router.sessions import Sessions

def parameters(function):
    return list(inspect.signature(function).parameters)

assert parameters(Router.attach) == parameters(Router._detach) == ["self", "session"]
assert parameters(Router.process) == parameters(Router.send) == ["self", "session", "msg"]
for kind in (message.Call, message.Publish, message.Subscribe, message.Register, message.Yield):
    assert hasattr(kind, "forward_for"), kind
guard.install(Sessions(idle_timeout=None, later=lambda *_: None))
assert Router.process is not guard._process
"""


def test_crossbar_is_as_the_guard_needs_it() -> None:
    check = subprocess.run([sys.executable, "-c", CONTRACT], capture_output=True, text=True)

    assert check.returncode == 0, check.stderr
