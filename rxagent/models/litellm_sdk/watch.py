"""Watch: what a provider itself has sent, before LiteLLM reads it.

LiteLLM writes `stop` where the finish reason is missing, or is none that it knows, and drops some
errors. The lines of a reply show that, where its reader of lines can be reached.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ..failures import failure_in, wordless_failure_in
from ..openai_chat.fields import finish_of

__all__ = ["Watch"]

_REASONS = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
_AROUND = ("choices", "candidates", "delta", "message", "response")
"""Where a finish reason stands: in the object itself, or in one of these."""

_OF_REPLIES = {"candidates", "choices", "content_block", "delta", "done", "usageMetadata"}
"""The fields of which one shows that an object is a part of a reply."""


class Watch:
    """Sees the lines of one reply, as its provider has sent them.

    Attributes:
        failure: The description of an error that a line has reported, or None.
        is_open: Whether the lines can be seen.
        reasons: The finish reasons, in the provider's words.

    Args:
        stream: LiteLLM's stream, which is changed so that its lines are seen here first.
    """

    def __init__(self, stream: Any) -> None:
        self.failure: Any = None
        self.is_open = False
        self.reasons: list[str] = []
        self._stream = stream
        if (source := getattr(stream, "completion_stream", None)) is not None:
            self._open(source)
        elif callable(call := getattr(stream, "make_call", None)):
            stream.make_call = partial(self._call, call)

    def reason(self, given: str) -> str | None:
        """Return the finish reason that counts, where LiteLLM gives one; None if none was sent."""
        strange = next((word for word in self.reasons if finish_of(word) is None), None)
        return strange or (given if self.reasons else None)

    def see(self, line: Any) -> Any:
        """Look at a line, and return it, without a usage that LiteLLM could not read."""
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        if not isinstance(text, str):
            return line
        head, brace, rest = text.partition("{")
        if not brace or head.strip() not in ("", "data:"):
            if head.startswith("event:") and head[6:].strip() == "error" and self.failure is None:
                self.failure = {"message": "the provider reported an error"}
            return line
        try:
            value = json.loads(brace + rest)
        except (ValueError, RecursionError):
            return line
        self._look(value)
        if not _has_odd_usage(value):
            return line
        del value["usage"]
        text = head + json.dumps(value)
        return text.encode() if isinstance(line, bytes) else text

    def _look(self, value: Mapping[str, Any]) -> None:
        is_known = not _OF_REPLIES.isdisjoint(value) or isinstance(value.get("message"), Mapping)
        error = failure_in(value, is_known=is_known)
        if error is None and not is_known:
            error = wordless_failure_in(value)
        if error is not None and (self.failure is None or set(self.failure) == {"message"}):
            self.failure = error
        self.reasons += _reasons_in(value)

    async def _call(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        source = await call(*args, **kwargs)
        self._open(source)
        return source

    def _open(self, source: Any) -> None:
        """Let the lines of a reader of LiteLLM's, or of OpenAI's SDK, pass by here."""
        if hasattr(lines := getattr(source, "streaming_response", None), "__aiter__"):
            source.streaming_response = _Lines(lines, self.see)
            self.is_open = True
        elif hasattr(decoder := getattr(source, "_decoder", None), "aiter_bytes"):
            source._decoder = _Decoder(decoder, self.see)
            self.is_open = True


class _Lines:
    """The lines of a reply, each of which is seen.

    Args:
        lines: The lines.
        see: Looks at each, and returns what is read in its place.
    """

    def __init__(self, lines: Any, see: Callable[[Any], Any]) -> None:
        self._lines = lines
        self._see = see

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lines, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for line in self._lines:
            yield self._see(line)


class _Decoder:
    """The decoder of OpenAI's SDK, whose events are seen."""

    def __init__(self, decoder: Any, see: Callable[[Any], Any]) -> None:
        self._decoder = decoder
        self._see = see

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """Yield the events in the bytes of a reply."""
        async for event in self._decoder.aiter_bytes(iterator):
            if event.event:
                self._see(f"event: {event.event}")
            data = self._see(event.data)
            if data is not event.data:
                event = type(event)(event=event.event, data=data, id=event.id, retry=event.retry)
            yield event


def _reasons_in(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the finish reasons that an object of a reply holds."""
    for part in (value, *_parts_of(value)):
        for name in _REASONS:
            reason = part.get(name)
            if isinstance(reason, str) and reason:
                yield reason


def _parts_of(value: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for name in _AROUND:
        inner = value.get(name)
        for part in inner if isinstance(inner, list) else (inner,):
            if isinstance(part, Mapping):
                yield part


def _has_odd_usage(value: Mapping[str, Any]) -> bool:
    """Return whether a report of usage is none that can be read."""
    usage = value.get("usage")
    if usage is None:
        return False
    if not isinstance(usage, Mapping):
        return True
    counts = (count for name, count in usage.items() if str(name).endswith("tokens"))
    return any(count is not None and (type(count) is not int or count < 0) for count in counts)
