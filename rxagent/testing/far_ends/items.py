"""Items: what a script lets a far end do, beside the deltas that it sends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from ...events import Delta
from ...messages import Request

__all__ = [
    "Blank",
    "Broken",
    "Cut",
    "Endless",
    "Failure",
    "Garbage",
    "Held",
    "Item",
    "LastFrame",
    "Rejected",
    "Reported",
    "Script",
    "Silence",
    "Waiting",
]


@frozen
class Rejected:
    """Answer with an error status instead of a reply; the first item of its script."""

    status: int
    message: str
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class Reported:
    """Report an error in mid-stream, as the provider does; the last item of its script."""

    status: int
    message: str


@frozen
class Broken:
    """Cut the connection."""


@frozen
class Cut:
    """End the body before its end mark, as a proxy does that has lost its server."""


@frozen
class Waiting:
    """Send nothing, not even headers, until the client leaves."""


@frozen
class Silence:
    """Send headers, but nothing more until the client leaves."""


@frozen
class Held:
    """Send nothing more until an event is set, then go on."""

    until: threading.Event


@frozen
class Blank:
    """Send what says nothing: null and empty texts, pings, unknown events."""


@frozen
class Endless:
    """Send a delta again and again, until the client leaves; the last item of its script."""

    delta: Delta


@frozen
class LastFrame:
    """Send deltas, and perhaps an error, in one frame with the end; the last item of its script.

    Where the protocol has no frame for all of them, they come in as few as it has.
    """

    items: Sequence[Delta | Reported]


@frozen
class Garbage:
    """Send what the protocol does not allow."""


Failure = Rejected | Reported | Broken | Cut | Waiting | Silence | Garbage
"""What goes wrong."""

Item = Delta | Endless | Failure | Blank | Held | LastFrame
"""What a far end does next."""

Script = Callable[[Request], Sequence[Item]]
"""What a far end does in answer to a request."""
