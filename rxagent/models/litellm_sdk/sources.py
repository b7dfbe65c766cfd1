"""Sources: where the lines of a reply pass by, before LiteLLM reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, Protocol

__all__ = ["Watcher", "open_source"]


class Watcher(Protocol):
    """Looks at what a provider sends."""

    def is_plain(self, line: bytes) -> bool:
        """Return whether there is nothing to be seen in a line, with its end."""

    def note(self, piece: bytes) -> None:
        """Look at a line, with its end."""

    def readable(self, text: str) -> str:
        """Return the data of an event, or a line, without what LiteLLM could not read."""


def open_source(source: Any, watcher: Watcher) -> bool:
    """Let the lines of a reader of LiteLLM's, or of OpenAI's SDK, pass by a watcher.

    Returns:
        Whether the lines can be seen.
    """
    lines: Any = getattr(source, "streaming_response", None)
    if hasattr(lines, "stream_iterator"):  # events of the Responses protocol
        decoder = _Decoder(import_module("openai._streaming").SSEDecoder(), watcher)
        lines.stream_iterator = decoder.aiter_bytes(lines.response.aiter_bytes())
        return True
    if hasattr(lines, "__aiter__") and not hasattr(lines, "completed_response"):
        source.streaming_response = _Lines(lines, watcher)
        return True
    if hasattr(own := getattr(source, "_decoder", None), "aiter_bytes"):
        source._decoder = _Decoder(own, watcher)
        return True
    return False


class _Lines:
    """The lines of a reply, each of which is seen."""

    def __init__(self, lines: Any, watcher: Watcher) -> None:
        self._lines = lines
        self._watcher = watcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lines, name)

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for line in self._lines:
            yield self._seen(line)
        self._watcher.note(b"\n\n")

    def _seen(self, line: Any) -> Any:
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        if not isinstance(text, str):
            return line
        self._watcher.note(text.removesuffix("\n").encode(errors="replace") + b"\n")
        shown = self._watcher.readable(text)
        if shown is text:
            return line
        return shown.encode() if isinstance(line, bytes) else shown


class _Decoder:
    """The decoder of OpenAI's SDK, whose bytes and events are seen."""

    def __init__(self, decoder: Any, watcher: Watcher) -> None:
        self._decoder = decoder
        self._watcher = watcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        """Yield the events in the bytes of a reply."""
        async for event in self._decoder.aiter_bytes(_noted(iterator, self._watcher)):
            data = self._watcher.readable(event.data)
            if data is not event.data:
                event = type(event)(event=event.event, data=data, id=event.id, retry=event.retry)
            yield event


async def _noted(chunks: AsyncIterator[bytes], watcher: Watcher) -> AsyncIterator[bytes]:
    """Yield bytes, so that each line is noted just before its end is read; plain ones need not."""
    rest: list[bytes] = []
    async for chunk in chunks:
        passed: list[bytes] = []
        for piece in chunk.splitlines(keepends=True):
            rest.append(piece)
            if piece.endswith((b"\n", b"\r")):
                line = b"".join(rest)
                rest.clear()
                if not watcher.is_plain(line):
                    yield b"".join(passed)
                    passed.clear()
                    watcher.note(line)
            passed.append(piece)
        yield b"".join(passed)
    watcher.note(b"".join(rest) + b"\n\n")
