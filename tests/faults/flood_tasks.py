"""Tasks that print or give back more, or stranger things, than anybody should."""

from __future__ import annotations

import math
import sys
from typing import Any

from taskrealm.tasks import CommandTask, Limits, Output, Value

NOISE = """
import os, random, sys
data = random.Random(int(sys.argv[1])).randbytes(int(sys.argv[2]))
while data:
    data = data[os.write(1, data):]
"""

BYTEWISE = """
import os, sys, time
for number, byte in enumerate(sys.argv[1].encode()):
    os.write(1, bytes([byte]))
    if number % 50 == 0:
        time.sleep(0.01)
"""

ENDLESS_LINE = "import sys; sys.stdout.write('x' * 10_000_000)"

STRANGE = r"""
import sys
sys.stdout.buffer.write(b"nul\0 \xff\xfe broken \xe2\x82 \x1b[31mred\x1b[0m\n")
for percent in range(0, 101, 10):
    sys.stdout.buffer.write(b"\r%3d %%" % percent)
sys.stdout.buffer.write(b"\n\xe2\x82")
"""


class Count(CommandTask):
    """Print whole numbers at full speed."""

    name = "flood.count"
    to: int
    command = ("seq", "1", Value("to"))


class Endless(CommandTask):
    """Print one line of ten million letters."""

    name = "flood.line"
    command = (sys.executable, "-c", ENDLESS_LINE)


class Strange(CommandTask):
    """Print what is no text, and what is more than text."""

    name = "flood.strange"
    command = (sys.executable, "-c", STRANGE)


class Noise(CommandTask):
    """Print random bytes."""

    name = "flood.noise"
    seed: int
    size: int
    command = (sys.executable, "-c", NOISE, Value("seed"), Value("size"))


class Bytewise(CommandTask):
    """Print a text byte by byte."""

    name = "flood.bytewise"
    text: str
    command = (sys.executable, "-c", BYTEWISE, Value("text"))


class Fail(CommandTask):
    """Print without end in two processes, and fail for it."""

    name = "flood.fail"
    command = ("sh", "-c", "setsid yes & yes")
    limits = Limits(output=200_000, overflow="fail")
    timeout = 60.0


class Narrow(CommandTask):
    """Print more than is kept by this task's own limit."""

    name = "flood.narrow"
    command = ("seq", "1", "100000")
    limits = Limits(output=16_000)


class Results(CommandTask):
    """Have a result of a strange kind."""

    name = "flood.result"
    kind: str
    command = ("true",)

    def parse_result(self, output: Output) -> Any:
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        kinds: dict[str, Any] = {
            "nan": {"ratio": math.nan},
            "infinity": [math.inf],
            "deep": deep,
            "unserialisable": {"where": object()},
            "200 kB": "r" * 200_000,
            "1 MB": [f"line {number}" for number in range(70_000)],
            "64 MB": "r" * 64_000_000,
        }
        return kinds[self.kind]
