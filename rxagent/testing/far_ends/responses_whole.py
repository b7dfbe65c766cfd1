"""Whole replies of OpenAI's Responses protocol, as a far end renders them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from ...events import Delta
from ..scenarios import Reply
from .items import Rejected, Reported
from .openai_chat import chat_rejection
from .responses_events import ResponseRendering

__all__ = ["WholeResponse"]


class WholeResponse(ResponseRendering):
    """Renders deltas as one response, which is the one that ends a stream."""

    def begin(self) -> Iterable[Any]:
        """Return nothing."""
        return []

    def delta(self, delta: Delta, /) -> Any:
        """Note a delta."""
        deque(super().delta(delta), maxlen=0)
        return []

    def blank(self) -> Iterable[Any]:
        """Note an item of an unknown kind."""
        self._output.append({"type": "something_new", "id": f"new_{len(self._output)}"})
        return []

    def garbage(self) -> Iterable[Any]:
        """Return a body of broken JSON."""
        return [Reply(200, "{this is not JSON")]

    def failure(self, failure: Reported, /) -> Iterable[Any]:
        """Return a reply of an error status."""
        return [chat_rejection(Rejected(failure.status, failure.message))]

    def end(self) -> Any:
        """Return the response."""
        deque(self._close(), maxlen=0)
        return [Reply(200, self.response(self._status))]
