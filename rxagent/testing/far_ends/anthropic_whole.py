"""Whole replies of Anthropic's Messages protocol, as a far end renders them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...events import Delta
from ..scenarios import Reply
from .anthropic_events import MessageRendering, error_body
from .http import Frame
from .items import Reported

__all__ = ["WholeMessage"]

_Event = Mapping[str, Any]

_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class WholeMessage(MessageRendering):
    """Renders deltas as one message, which is made of the events of a stream."""

    def begin(self) -> Iterable[Any]:
        """Note the beginning."""
        self._message = _data(next(iter(super().begin())))["message"]
        self._inputs: dict[int, str] = {}
        return []

    def delta(self, delta: Delta, /) -> Any:
        """Note a delta."""
        self._add(super().delta(delta))
        return []

    def blank(self) -> Iterable[Any]:
        """Note an unknown block, and an empty one."""
        self._message["content"] += [{"type": "something_new"}, {"type": "text", "text": ""}]
        self._index += 2
        return []

    def garbage(self) -> Iterable[Any]:
        """Return a body of broken JSON."""
        return [Reply(200, "{this is not JSON")]

    def failure(self, failure: Reported, /) -> Iterable[Any]:
        """Return a reply of an error status."""
        return [Reply(failure.status, error_body(failure.status, failure.message))]

    def end(self) -> Any:
        """Return the message."""
        self._add(super().end())
        for index, written in self._inputs.items():
            self._message["content"][index]["input"] = json.loads(written or "{}")
        return [Reply(200, self._message)]

    def _add(self, frames: Iterable[Frame]) -> None:
        for event in map(_data, frames):
            match event["type"]:
                case "content_block_start":
                    self._message["content"].append(event["content_block"])
                case "content_block_delta":
                    self._grow_block(event["index"], event["delta"])
                case "message_delta":
                    self._message |= event["delta"]
                    self._message["usage"] |= event["usage"]

    def _grow_block(self, index: int, delta: _Event) -> None:
        if delta["type"] == "input_json_delta":
            self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
        else:
            name = _PIECES[delta["type"]]
            self._message["content"][index][name] += delta[name]


def _data(frame: Any) -> dict[str, Any]:
    """Return the data of an event."""
    data: dict[str, Any] = json.loads(frame.partition(b"data: ")[2])
    return data
