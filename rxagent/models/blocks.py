"""Blocks: the parts of a reply that its provider wants back, in their order.

A message holds its text, its reasoning and its calls apart. A block is kept with its place among
them, as numbers of characters and of calls, so that a later request can repeat the reply as it
came.

.. code-block:: text

    thinking ─ text ─ call ─ text   ─Blocks─▶   Message(text, calls, reasoning, extra)
    thinking ─ text ─ call ─ text   ◀─parts_of─   the same message
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import crc32

from attrs import frozen
from jiter import from_json

from ..events import ReasoningDelta
from ..messages import Message, ProviderData, ToolCall

__all__ = ["Block", "Blocks", "Place", "data_of", "parts_of"]


@frozen
class Place:
    """Where a block stands in its reply.

    Attributes:
        number: How many blocks were kept before it.
        data: Its place among texts, reasoning and calls, as numbers.
    """

    number: int
    data: dict[str, Any]


@frozen
class Block:
    """A part of a reply that its provider wants back.

    Attributes:
        data: What the provider sent, as JSON.
        text: The text or reasoning of the block; None if it was changed since, as by an operator.
    """

    data: dict[str, Any]
    text: str | None = ""


class Blocks:
    """Keeps the blocks of one reply.

    Attributes:
        text: How many characters of text have come so far; to be counted by the reader.
        calls: How many calls have begun so far; to be counted by the reader.

    Args:
        origin: The origin that gets the blocks back; None keeps none.
    """

    def __init__(self, origin: str | None) -> None:
        self.text = 0
        self.calls = 0
        self._origin = origin
        self._kept = 0
        self._reasoning = self._start = 0
        self._sum = 0

    def reason(self, text: str) -> ReasoningDelta:
        """Return a piece of the reasoning of the block that is kept next."""
        self._reasoning += len(text)
        self._sum = _sum(text, self._sum)
        return ReasoningDelta(text)

    def keep(self, data: Mapping[str, Any], text: int = 0) -> Iterator[ReasoningDelta]:
        """Yield what keeps a block, at its end.

        Its reasoning is what came since the block before it.

        Args:
            data: What the provider wants back, as JSON, without the text of the block.
            text: How many of the latest characters of text belong to the block, which then has no
                reasoning.
        """
        place = self.place(text)
        self._start, self._sum = self._reasoning, 0
        self._kept += 1
        yield from self.tell({"block": data, **place.data})

    def place(self, text: int = 0) -> Place:
        """Return the place of a block that ends here; the reasoning since the last one is its own.

        Args:
            text: As for `keep`.
        """
        at = [self.text - text, self.calls]
        reasoning = [self._start, self._reasoning, self._sum]
        return Place(self._kept, {"at": at, "text": text, "reasoning": reasoning})

    def keep_late(
        self, data: Mapping[str, Any], place: Place, replaces: bool
    ) -> Iterator[ReasoningDelta]:
        """Yield what keeps a block at its place, after others were kept.

        Args:
            data: What the provider wants back.
            place: The place.
            replaces: Whether the block was kept there before, with other data.
        """
        where = {"instead" if replaces else "before": place.number}
        yield from self.tell({"block": data, **place.data, **where})

    def tell(self, data: Mapping[str, Any]) -> Iterator[ReasoningDelta]:
        """Yield what keeps any data with the message."""
        if self._origin is not None:
            yield ReasoningDelta("", (ProviderData(self._origin, data),))


def parts_of(message: Message, origin: str | None) -> Iterator[str | ToolCall | Block]:
    """Yield texts, calls and blocks of a reply in their order, none of them empty.

    Blocks of other origins are left out; text and calls never are. Between two blocks, texts go
    before calls.

    Args:
        message: The reply.
        origin: Where the request goes.
    """
    text, calls = message.text, message.tool_calls
    said = called = 0
    for data in _in_place(data_of(message.extra, origin)):
        match data:
            case {
                "block": dict(block),
                "at": [int(at), int(count)],
                "text": int(size),
                "reasoning": [int(start), int(end), int(checked)],
            } if min(at, count, size, start, end) >= 0:
                pass
            case _:
                continue
        if before := text[said:at]:
            yield before
        yield from calls[called:count]
        said, called = max(said, at), max(called, count)
        if size:
            own: str | None = text[said : at + size]
            said = max(said, at + size)
        else:
            own = message.reasoning[start:end]
            own = own if _sum(own) == checked else None
        if own != "" or not size:
            yield Block(block, own)
    if rest := text[said:]:
        yield rest
    yield from calls[called:]


def _in_place(kept: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the data of blocks in their order, of which some may have been kept late."""
    blocks: list[dict[str, Any]] = []
    late: dict[int, list[dict[str, Any]]] = {}
    for data in kept:
        match data:
            case {"before": int(number)}:
                late.setdefault(number, []).append(data)
            case {"instead": int(number)}:
                if 0 <= number < len(blocks):
                    blocks[number] = data
            case {"block": _}:
                blocks.append(data)
    for number, block in enumerate(blocks):
        yield from late.pop(number, ())
        yield block
    for number in sorted(late):
        yield from late[number]


def data_of(extra: Iterable[ProviderData], origin: str | None) -> Iterator[dict[str, Any]]:
    """Yield the data of an origin that can be sent as JSON, each as a plain copy."""
    for kept in extra:
        if kept.provider == origin:
            try:
                yield from_json(json.dumps(kept.data, allow_nan=False).encode())
            except (TypeError, ValueError, RecursionError):  # better dropped than the request
                continue


def _sum(text: str, before: int = 0) -> int:
    return crc32(text.encode(errors="surrogatepass"), before)
