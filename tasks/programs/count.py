"""Count to a number: `python count.py 10 1.0` waits 1.0 seconds before each."""

from __future__ import annotations

import sys
import time

total, interval = int(sys.argv[1]), float(sys.argv[2])
for number in range(1, total + 1):
    time.sleep(interval)
    # Without flush=True nobody would see anything before the end.
    print(f"{number} of {total}", flush=True)
