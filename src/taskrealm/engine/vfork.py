"""
Starting a program in a session of its own, as `subprocess.Popen` does, at a quarter of the price.

Beneath both is the same function of Python, which lends this process to the child for a moment
(vfork) instead of copying it. What Popen does around it costs more than a small program: it can
do much that no job needs.
"""

from __future__ import annotations

import functools
import os
import sys
from _posixsubprocess import fork_exec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNCHANGED = -1
FAILURE = 256  # bytes that a child may need to say why it could not become the program

# Nothing, ever: that would need a copy (fork).
CALLED_IN_CHILD: tuple[Any, ...] = (None,)

# From Python 3.14 on, nobody can keep it from lending instead of copying.
LENDING: tuple[Any, ...] = () if sys.version_info >= (3, 14) else (True,)


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    streams: tuple[int, int, int],
) -> int:
    """
    Start the program *argv* in *directory*, and return its pid; the caller reaps it.

    `argv[0]` is looked up in the PATH of *environment*, which is not empty. *streams* become its
    standard input, output and error; it inherits no other file.

    Raises:
        OSError: It cannot be started. The `filename` is *directory* if that is the reason.
        ValueError: An argument or a variable cannot be passed on.
    """
    # Encoded all at once, and told apart by what none of them may contain.
    variables = os.fsencode("\0".join(map("=".join, environment.items()))).split(b"\0")
    if "=" in "".join(environment):
        raise ValueError("illegal environment variable name")
    if len(variables) != len(environment):
        raise ValueError("embedded null byte")
    stdin, stdout, stderr = streams
    failure, failure_in = os.pipe()
    try:
        try:
            pid = fork_exec(
                argv,
                _candidates(argv[0], environment.get("PATH", os.defpath)),
                True,  # close all other files
                (failure_in,),
                directory,
                variables,
                *(stdin, -1, -1, stdout, -1, stderr),
                *(failure, failure_in),
                True,  # restore the signals that Python ignores
                True,  # setsid
                UNCHANGED,  # process group
                None,  # group
                None,  # further groups
                None,  # user
                UNCHANGED,  # umask
                *CALLED_IN_CHILD,
                *LENDING,
            )
        finally:
            os.close(failure_in)
        # The pipe ends when the child has become the program.
        words = os.read(failure, FAILURE)
    finally:
        os.close(failure)
    if words:
        os.waitpid(pid, 0)
        raise _error(words, argv[0], directory)
    return pid


@functools.lru_cache(maxsize=256)
def _candidates(name: str, path: str) -> tuple[bytes, ...]:
    """The files that *name* may mean, in the order in which they are tried."""
    if "/" in name:
        return (os.fsencode(name),)
    return tuple(os.fsencode(os.path.join(folder, name)) for folder in path.split(os.pathsep))


def _error(words: bytes, name: str, directory: str) -> OSError:
    """What a child meant that has said *words*, such as `OSError:2:`."""
    _, number, step = words.decode().split(":", 2)
    # Before the program itself comes the step into the directory.
    return OSError(
        int(number, 16),
        os.strerror(int(number, 16)),
        directory if step.startswith("noexec") else name,
    )
