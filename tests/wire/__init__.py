"""Sessions and clients over a real router."""

from __future__ import annotations
