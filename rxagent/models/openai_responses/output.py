"""The output of one reply of OpenAI's Responses protocol: its items, as they grow."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from attrs import define, field

from ...events import Delta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...messages import ProviderData
from ..blocks import Blocks
from ..openai_chat.fields import Halves, id_of, whole
from ..openai_chat.nesting import is_deep

__all__ = ["Add", "Key", "Output"]

Key = int | str | None
"""What tells items apart: the index of an item, or else its id."""

Add = Callable[[str], Delta]
"""Adds a piece to a part of an item, and returns its delta."""

_CALL, _MESSAGE, _REASONING = "function_call", "message", "reasoning"
_KIND_OF = {
    "arguments": _CALL,
    "content": _REASONING,
    "refusal": _MESSAGE,
    "summary": _REASONING,
    "text": _MESSAGE,
}
"""The texts of items, each with the type of item that has it."""

_CONTENTS = {
    "output_text": ("text", "text"),
    "reasoning_text": ("content", "text"),
    "refusal": ("refusal", "refusal"),
    "summary_text": ("summary", "text"),
    "text": ("content", "text"),
}
"""The parts of whole items by their types: which of the texts they hold, and under what name."""

_OF_CALLS = {"type", "status", "call_id", "name", "arguments"}
_NOT_GIVEN_BACK = {"status", "summary", "content"}
_BETWEEN = "\n\n"
"""What stands between two parts of the reasoning."""


@define
class _Item:
    """An item that has begun.

    Attributes:
        kind: Its type.
        id: Its id; None if that is not known.
        begun: How many characters of text preceded it.
        call: The number of its call.
        has_name: Whether the name of its call was emitted.
        seen: The texts and parts of which a piece was emitted.
        parts: Where the parts of its reasoning are, among the characters since the block before.
        latest: The latest part of its reasoning.
    """

    kind: str
    id: str | None
    begun: int
    call: int
    has_name: bool = False
    seen: set[tuple[str, int]] = field(factory=set)
    parts: list[list[Any]] = field(factory=list)
    latest: tuple[str, int] | None = None


class Output:
    """Turns the items of one reply into deltas, and keeps those that the provider wants back.

    Attributes:
        has_calls: Whether a tool was called.
        has_items: Whether anything has begun.

    Args:
        origin: The origin that gets the items back; None keeps none.
    """

    def __init__(self, origin: str | None) -> None:
        self.has_calls = self.has_items = False
        self._origin = origin
        self._blocks = Blocks(origin)
        self._open: dict[Key, _Item] = {}
        self._closed: set[Key] = set()
        self._halves = Halves()
        self._thought = 0
        self._has_thought = self._has_kept = self._has_lost = False

    @property
    def has_halves(self) -> bool:
        """Whether the first half of a character waits for its other one."""
        return bool(self._halves)

    def start(self, key: Key, item: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what the start of an item holds."""
        kind = item.get("type")
        if isinstance(kind, str):
            opened = self._opened(key, kind, id_of(item.get("id")))
            if kind == _CALL:
                yield from self._name(opened, item)

    def adder(self, key: Key, name: str, part: int) -> Add:
        """Return what adds pieces to a text of an item, which may have begun without a word."""
        opened = self._opened(key, _KIND_OF[name])
        place = name, part
        opened.seen.add(place)
        match name:
            case "text":
                return self._say
            case "refusal":
                return RefusalDelta
            case "arguments":
                return lambda piece: ToolCallDelta(opened.call, arguments=piece)
        return lambda piece: self._think(opened, place, piece)

    def grow(self, key: Key, name: str, part: int, piece: str) -> Iterator[Delta]:
        """Yield what a piece adds to a text of an item."""
        if joined := self._halves.join((key, name, part), piece):
            yield self.adder(key, name, part)(joined)

    def fill(self, key: Key, name: str, part: int, text: str) -> Iterator[Delta]:
        """Yield a text that is whole now, unless it came in pieces."""
        if key in self._closed:
            return
        if (name, part) not in self._opened(key, _KIND_OF[name]).seen:
            yield from self.grow(key, name, part, text)

    def stop(self, key: Key, item: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what is missing of an item that is whole now, and keep it."""
        kind = item.get("type")
        if not isinstance(kind, str):
            return
        yield from self.flush()
        opened = self._opened(key, kind, id_of(item.get("id")))
        if kind == _CALL:
            yield from self._name(opened, item)
        if not opened.seen:
            yield from self._fill(key, opened, item)
            yield from self.flush()
        del self._open[key]
        self._closed.add(key)
        yield from self._keep(opened, item)

    def flush(self) -> Iterator[Delta]:
        """Yield the replacements of halves whose other ones did not come."""
        for place, text in self._halves.flush().items():
            key, name, part = cast(tuple[Key, str, int], place)
            yield self.adder(key, name, part)(text)

    def _opened(self, key: Key, kind: str, id: str | None = None) -> _Item:
        """Return the item of a key, which begins if it is another than before."""
        opened = self._open.get(key)
        if opened is not None and opened.kind == kind and id in (None, opened.id):
            return opened
        if opened is not None and opened.kind == kind and opened.id is None:
            opened.id = id
            return opened
        opened = self._open[key] = _Item(kind, id, self._blocks.text, self._blocks.calls)
        self._closed.discard(key)
        self.has_items = True
        if kind == _CALL:
            self.has_calls = True
            self._blocks.calls += 1
        return opened

    def _name(self, opened: _Item, item: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield id and name of a call, once."""
        name = item.get("name")
        if opened.has_name or not isinstance(name, str):
            return
        opened.has_name = True
        back = {
            key: value
            for key, value in item.items()
            if key not in _OF_CALLS and value is not None and not is_deep(value)
        }
        extra = (ProviderData(self._origin, back),) if back and self._origin is not None else ()
        id = id_of(item.get("call_id")) or id_of(item.get("id"))
        yield ToolCallDelta(opened.call, id, whole(name), "", extra)

    def _fill(self, key: Key, opened: _Item, item: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield the texts of a whole item."""
        if opened.kind == _CALL:
            arguments = item.get("arguments")
            if arguments and isinstance(arguments, str):
                yield from self.grow(key, "arguments", 0, arguments)
            return
        if opened.kind not in (_MESSAGE, _REASONING):
            return
        contents = item.get("content") or ()
        if isinstance(contents, str):
            contents = [{"type": "output_text", "text": contents}]
        for part, content in enumerate([*(item.get("summary") or ()), *contents]):
            name, under = _CONTENTS.get(content.get("type"), ("", ""))
            if _KIND_OF.get(name) == opened.kind and (text := content.get(under)):
                yield from self.grow(key, name, part, text)

    def _say(self, piece: str) -> TextDelta:
        self._blocks.text += len(piece)
        return TextDelta(piece)

    def _think(self, opened: _Item, place: tuple[str, int], piece: str) -> ReasoningDelta:
        if opened.latest != place:
            opened.latest = place
            before = _BETWEEN if self._has_thought else ""
            begin = self._thought + len(before)
            opened.parts.append([place[0], begin, begin])
            piece = before + piece
            self._has_thought = True
        self._thought += len(piece)
        opened.parts[-1][2] = self._thought
        return self._blocks.reason(piece)

    def _keep(self, opened: _Item, item: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what keeps an item that the provider wants back.

        A plain message needs none of its data, unless reasoning precedes it. What follows
        reasoning that cannot be given back must lose its id, so it is not kept.
        """
        data = {name: value for name, value in item.items() if value is not None}
        size = 0
        match opened.kind:
            case "function_call":
                return
            case "message":
                size = self._blocks.text - opened.begun
                data = {name: data[name] for name in ("type", "id", "phase") if name in data}
                if not size or not (self._has_kept or "phase" in data or opened.begun):
                    return
            case "reasoning":
                for name in _NOT_GIVEN_BACK & data.keys():
                    del data[name]
                has_content = any(name == "content" for name, _, _ in opened.parts)
                if is_deep(data) or not (has_content or data.get("encrypted_content")):
                    self._has_lost = True
                    return
                self._has_kept = True
                data["parts"] = opened.parts
            case _ if self._has_lost:
                return
        if not is_deep(data):
            self._thought = 0
            yield from self._blocks.keep(data, size)
