"""Leaving: how the process ends, soon and quietly."""

import os
import sys
import time
from typing import Never

__all__ = ["close_stdout", "leave"]

_PATIENCE = 2.0


def leave(code: int) -> Never:
    """End the process, once what is open has been let go, or without that when it takes long.

    A tool that blocks its thread cannot be stopped; nobody should have to wait for it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            close_stdout()
    if _is_busy():
        os._exit(code)
    sys.exit(code)


def _is_busy() -> bool:
    loop = sys.modules.get("rxagent.streams.loop")
    if loop is None:
        return False
    deadline = time.monotonic() + _PATIENCE
    while loop.open_work() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(loop.open_work())


def close_stdout() -> None:
    """Write to nowhere from now on: who read our output has gone, and need not be told of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
