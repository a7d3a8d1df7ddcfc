"""Tests of how programs end."""

from __future__ import annotations

import subprocess
import sys

ENDING = """
import atexit, os, sys
from taskrealm.ending import spare_last_collection

class Garbage:
    def __init__(self):
        self.itself = self
    def __del__(self):
        os.write(1, b"looked for")

spare_last_collection()
Garbage()
atexit.register(print, "at the end")
print("in between")
sys.exit(3)
"""


def test_the_end_spares_the_look_for_garbage_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (3, "in between\nat the end\n")
