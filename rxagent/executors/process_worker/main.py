"""The program: it isolates itself, and then runs the code that its parent sends."""

from __future__ import annotations

import os
import sys

from .channel import Channel
from .imports import Imports
from .interpreter import Interpreter
from .isolation import isolate, limit_memory, limit_time

__all__ = ["main"]

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Libraries of numbers would take memory for a thread of each core."""


def main(fd: int) -> None:
    """Run code until the parent closes the channel.

    Args:
        fd: The descriptor of the channel's socket.
    """
    channel = Channel(fd)
    settings = channel.first()
    folder = settings["folder"]
    os.environ.clear()
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"), HOME=folder, TMPDIR=folder)
    sys.argv = [""]
    report = isolate(settings)
    if channel.is_closed():  # the kernel tells nothing of a parent that has ended before
        sys.exit()
    channel.start()
    imports = Imports(settings["imports"])
    interpreter = Interpreter(channel, imports, settings["output"], settings["memory"])
    interpreter.define(settings["variables"])
    limit_memory(settings["memory"], report["failed"])
    channel.send("ready", report)
    while True:
        message = channel.runs.get()
        limit_time(settings["seconds"])
        interpreter.run(message)
