"""The tasks that a soak runs besides the probes of the tests; copied into its node."""

from __future__ import annotations

import sys
from typing import Annotated

from pydantic import Field

from taskrealm.tasks import CommandTask, Value

LINES = """
import sys, time
count, pause = int(sys.argv[1]), float(sys.argv[2])
for number in range(count):
    print(f"{number} {'x' * (number % 97)}", flush=True)
    if number % 20 == 19:
        time.sleep(pause)
"""

# A daemon that forked twice and a child in a session of its own, both deaf to signals.
CLAN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN); time.sleep(600)"]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sleep[0], sleep)
    os._exit(0)
subprocess.Popen(sleep, start_new_session=True)
print("up", flush=True)
time.sleep(float(sys.argv[1]))
"""


def printed(count: int) -> str:
    """What `soak.lines` prints for *count*."""
    return "".join(f"{number} {'x' * (number % 97)}\n" for number in range(count))


class Lines(CommandTask):
    """Print numbered lines of different lengths, with a pause after every twentieth."""

    name = "soak.lines"
    count: Annotated[int, Field(ge=1, le=100_000)]
    pause: Annotated[float, Field(ge=0, le=1)] = 0.0
    command = (sys.executable, "-c", LINES, Value("count"), Value("pause"))


class Clan(CommandTask):
    """Leave children behind that ignore signals and belong to other sessions."""

    name = "soak.clan"
    seconds: Annotated[float, Field(ge=0, le=600)] = 600.0
    command = (sys.executable, "-c", CLAN, Value("seconds"))
    grace = 0.5
    retries = 2


class Broken(CommandTask):
    """Fail with exit code 3."""

    name = "soak.broken"
    command = ("sh", "-c", "echo sorry >&2; exit 3")
