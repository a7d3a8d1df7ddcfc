"""
Benchmarks: ratios to bare parts of the same machine, taken in one run.

`scripts/bench` runs subjects, each in a process of its own (`bench.subjects` lists them). A
subject is a module with

    async def measure(rounds: int) -> Figures

It measures in *rounds*: each round takes the bare part and ours in turn, a few seconds apart,
and ends with `figures.add({name: value, ...})`, which keeps every value and the load average
beside it. A ratio is therefore one of the same round, never one of two medians. What is
measured once in a run, because it takes long or does not vary, is added once.

A figure has any name that says what it is, with the unit behind a comma: "page of jobs, ms".
`bench.bars` names those that a bar is about. Nothing here fails when a bar is not met: the
report says so.

`running_node` of `bench.node` starts a node, and `python -m bench.NAME` with `alone` of
`bench.figures` as its main runs one subject and prints its figures.
"""

from __future__ import annotations
