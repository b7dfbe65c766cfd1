"""Streams: sources, the home they run in, and the bridges out of them."""

from . import lean
from .at_home import at_home
from .bridge import each, last, refuse_own_loop
from .entering import entering
from .fanout import Hub
from .home import Home
from .iterate import iterate
from .loop import daemon_loop, is_daemon_loop
from .merged import merged
from .observing import Observing
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
    "lean",
    "merged",
    "refuse_own_loop",
]
