"""Who decides what a session may do, and how often."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: Crossbar warns and prints while it is imported.
STORY = """
from types import SimpleNamespace
from crossbar.router.router import Router
from taskrealm.router import decisions

class Role:
    def __init__(self):
        self.asked = []

    def authorize(self, _session, uri, action, _options):
        self.asked.append((uri, action))
        return {"allow": uri.startswith("a."), "disclose": False, "cache": False}

asked = []

def decide(session, uri, action, options):
    asked.append((session._authid, uri))
    return {"allow": True, "disclose": True}

decisions.install(decide)
executor, gateway = Role(), Role()
router = SimpleNamespace(_roles={"executor": executor, "gateway": gateway, "user": Role()})

def may(role, uri, action):
    session = SimpleNamespace(_authid=role, _authrole=role)
    answers = []
    Router.authorize(router, session, uri, action, {}).addCallback(answers.append)
    return answers[0]["allow"]

assert [may("executor", uri, "publish") for uri in ("a.b", "b.a", "a.b", "b.a")] == [True, False] * 2
assert executor.asked == [("a.b", "publish"), ("b.a", "publish")]
assert may("executor", "a.b", "call") and may("gateway", "a.b", "publish")
assert executor.asked[2:] == [("a.b", "call")] and gateway.asked == [("a.b", "publish")]
assert may("user", "b.a", "call") and may("user", "b.a", "call")
assert asked == [("user", "b.a")] * 2 and router._roles["user"].asked == []
"""


def test_permissions_of_the_node_itself_are_looked_up_once_and_those_of_others_each_time() -> None:
    told = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True)

    assert told.returncode == 0, told.stderr
