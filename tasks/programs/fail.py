"""Print an error and give up: `python fail.py 3 "No such luck"` exits with code 3."""

from __future__ import annotations

import sys

code, message = int(sys.argv[1]), sys.argv[2]
print(message, file=sys.stderr)
sys.exit(code)
