"""The words on the wire: URIs, errors, jobs and their events."""

from __future__ import annotations
