"""Benchmarks: ratios to bare parts of the same machine, taken in one run."""

from __future__ import annotations
