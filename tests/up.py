"""Runs a node of a test under its supervisor and prints each phase: `… -m tests.up FOLDER`."""

from __future__ import annotations

from tests.readiness import answering

from taskrealm.testing.up import main

if __name__ == "__main__":
    # The stand-in for an executor answers no client of the library.
    main(answering)
