"""Streams: sources, the home they run in, and the bridges out of them."""

from . import operators
from .background_loop import daemon_loop, is_daemon_loop
from .each import each, last, refuse_own_loop
from .iteration import iterate
from .observe_on_run import entering
from .observers import Hub, Observing
from .operators import merged
from .scheduler import Home
from .scoping import at_home
from .sources import from_async, from_batches, from_blocking, from_callback, from_worker
from .stream import Stream
from .workers import Workers

__all__ = [
    "Home",
    "Hub",
    "Observing",
    "Stream",
    "Workers",
    "at_home",
    "daemon_loop",
    "each",
    "entering",
    "from_async",
    "from_batches",
    "from_blocking",
    "from_callback",
    "from_worker",
    "is_daemon_loop",
    "iterate",
    "last",
    "merged",
    "operators",
    "refuse_own_loop",
]
