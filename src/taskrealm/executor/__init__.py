"""The executor: accepts jobs, runs them in order, and tells their owners what happens."""

from __future__ import annotations

from .executor import Executor
from .program import run
from .requests import Request

__all__ = ["Executor", "Request", "run"]
