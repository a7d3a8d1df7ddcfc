"""A web application's end of a node, in servers that fork."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.nodes import Node

LIMIT = 50.0  # seconds

FORKS = """
import os, sys
from taskrealm.contrib.pages import Pages

pages = Pages(*sys.argv[1:3])
first = pages.token("web_wanda")
assert pages.client is pages.client
child = os.fork()
second = pages.token("web_wanda")
print(pages.client.authid, len({first, second}), flush=True)
if child:
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.capability("S11")
def test_a_server_that_forks_has_a_connection_in_each_process(site: Node) -> None:
    token = site.issue("web_wanda", "backend")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS, site.url, token],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["web_wanda 2"] * 2
