"""Silence: since when a source has not emitted, without the time before its request was sent."""

from __future__ import annotations

from math import inf

__all__ = ["Requests"]


class Requests:
    """The requests that are being prepared within a part of a run, such as under a time limit.

    Args:
        outer: Those of the part that contains it.
    """

    def __init__(self, outer: Requests | None = None) -> None:
        self._outer = outer
        self._open: set[object] = set()
        self._sent_at = -inf

    def begin(self, request: object) -> None:
        """Note that a request is being prepared here, and so within the outer parts."""
        self._open.add(request)
        if self._outer is not None:
            self._outer.begin(request)

    def sent(self, request: object, now: float) -> None:
        """Note that it was sent, or given up."""
        self._sent_at = now
        self._open.discard(request)
        if self._outer is not None:
            self._outer.sent(request, now)

    def silent_since(self, latest: float, now: float) -> float:
        """Return since when a source is silent that emitted its latest item at some time.

        While a request is being prepared, that is now: it was not sent yet.
        """
        return now if self._open else max(latest, self._sent_at)
