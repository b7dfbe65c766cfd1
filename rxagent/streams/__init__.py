"""Streams: sources, the scheduler they run on, and loops over them."""

from __future__ import annotations

from . import operators
from .background_loop import daemon_loop, is_daemon_loop
from .each import each, last, refuse_own_loop
from .iteration import iterate
from .observe_on_run import observe_on_run
from .observers import Broadcaster, PartialObserver
from .operators import merge
from .scheduler import RunScheduler
from .scoping import run_scoped
from .serial_queue import RunIdentity
from .sources import from_async, from_batches, from_blocking, from_callback, from_worker
from .stream import Stream
from .workers import Workers

__all__ = [
    "Broadcaster",
    "PartialObserver",
    "RunIdentity",
    "RunScheduler",
    "Stream",
    "Workers",
    "daemon_loop",
    "each",
    "from_async",
    "from_batches",
    "from_blocking",
    "from_callback",
    "from_worker",
    "is_daemon_loop",
    "iterate",
    "last",
    "merge",
    "observe_on_run",
    "operators",
    "refuse_own_loop",
    "run_scoped",
]
