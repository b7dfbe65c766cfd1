"""The content of one reply of Anthropic's Messages protocol: its blocks, as they grow."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from attrs import define, field, frozen

from ...events import Delta, ReasoningDelta, TextDelta, ToolCallDelta
from ...exact_json import exact_text
from ...messages import ProviderData
from ...streams.fairness import REST, Rest
from ..blocks import Blocks
from ..openai_chat.fields import Halves, id_of, string, whole
from ..openai_chat.nesting import is_deep
from ..openai_chat.reasoning import thoughts_in
from .repeats import Repeats

__all__ = ["Content", "Piece"]

_TEXT, _THINKING, _CALL = "text", "thinking", "tool_use"
_OF_CALLS = {"type", "id", "name", "input"}
_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""The deltas that grow a block, each with the name of its text."""

_DELTAS = {**_GROWING, "signature_delta": "signature", "citations_delta": "citation"}
"""The deltas, each with the name of what it holds."""


@frozen
class Piece:
    """A piece of a block.

    Attributes:
        delta: The object that has the text.
        name: The text's name.
        add: Adds one more text of this kind, and returns its delta; None for text of the answer,
            which `Content.said` adds.
    """

    delta: dict[str, Any]
    name: str
    add: Callable[[str], Delta] | None


@define
class _Open:
    """A block that has begun.

    Attributes:
        kind: Its type.
        data: What came at its start, and what is to be given back of it.
        begun: How many characters of text preceded it.
        call: The number of its call.
        is_later: Whether text or a call precedes it, so that its place must be kept.
        pieces: The pieces of its input.
    """

    kind: str
    data: dict[str, Any]
    begun: int
    call: int = 0
    is_later: bool = False
    pieces: list[str] = field(factory=list)


class Content:
    """Turns the blocks of one reply into deltas, and keeps those that the provider wants back.

    Attributes:
        has_lost: Whether arguments came of which no call had begun.
        repeats: What was said, for a whole message that may repeat it.

    Args:
        origin: The origin that gets the blocks back; None keeps none.
        signs: Whether the server signs each thought that it takes back.
    """

    def __init__(self, origin: str | None, signs: bool) -> None:
        self.has_lost = False
        self.repeats = Repeats(_kind_of)
        self._origin = origin
        self._signs = signs
        self._blocks = Blocks(origin)
        self._open: dict[int | None, _Open] = {}
        self._halves = Halves()
        self._latest: int | None = None
        self._follows = False

    @property
    def has_halves(self) -> bool:
        """Whether the first half of a character waits for its other one."""
        return bool(self._halves.kept)

    def start(self, index: int | None, block: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        """Yield what the start of a block holds, unless that is a call's, and repeated."""
        if (begun := self._open.get(index)) is not None:
            if index is not None and _is_same_call(begun.data, block):
                return
            yield from self.stop(index)
        kind = _kind_of(block)
        opened = _Open(kind, dict(block), self._blocks.text, is_later=self._follows)
        self.repeats.begin(block, opened.pieces)
        self._open[index] = opened
        self._latest = index
        if kind == _TEXT:
            yield from self._say(block.get("text"))
        elif kind == _THINKING:
            yield from self._think(block.get("thinking"))
        elif kind == _CALL:
            yield self._call(opened, block)
        self._follows = kind in (_TEXT, _CALL)

    def piece(self, index: int | None, delta: dict[str, Any]) -> Piece | None:
        """Return what grows a block, unless it does more than that."""
        name = _GROWING.get(_kind_of_delta(delta))
        if name is None or not isinstance(delta.get(name), str):
            return None
        add: Callable[[str], Delta] | None = None
        if name == "thinking":
            add = self._blocks.reason
        elif name != "text":
            opened = self._opened(index)
            if opened is None or opened.kind != _CALL:  # `grow` decides what that means
                return None
            add = partial(_argued, opened)
        return Piece(delta, name, add)

    def said(self, text: str) -> None:
        """Note that this text of the answer was emitted."""
        self.repeats.say(text)
        self._blocks.text += len(text)

    def grow(self, index: int | None, delta: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        """Yield what a delta adds to a block."""
        match _kind_of_delta(delta):
            case "text_delta":
                yield from self._say(delta.get("text"))
            case "thinking_delta":
                yield from self._think(delta.get("thinking"))
            case "input_json_delta":
                yield from self._argue(index, delta.get("partial_json"))
            case "signature_delta" if (opened := self._opened(index)) is not None:
                opened.data["signature"] = delta.get("signature")
            case "citations_delta" if (opened := self._opened(index)) is not None:
                citations = opened.data.get("citations") or []
                opened.data["citations"] = [*citations, delta.get("citation")]

    def stop(self, index: int | None, cut: bool = False) -> Iterator[Delta]:
        """Yield what a block has kept until its end.

        Args:
            index: The block's index.
            cut: Whether the length limit may have cut the block, of which the server has sent
                what it could read.
        """
        yield from self._flush()
        opened = self._open.pop(index, None)
        if opened is None:
            return
        data = opened.data
        match opened.kind:
            case "text":
                citations = data.get("citations")
                if is_deep(citations):
                    citations = None
                size = self._blocks.text - opened.begun
                if citations or (size and opened.is_later):
                    kept = {"type": _TEXT, **({"citations": citations} if citations else {})}
                    yield from self._blocks.keep(kept, size)
            case "thinking":
                signature = data.get("signature")
                if isinstance(signature, str) and (signature or not self._signs):
                    yield from self._blocks.keep({"type": _THINKING, "signature": signature})
                elif not self._signs:
                    yield from self._blocks.keep({"type": _THINKING})
            case "tool_use":
                if data.get("input"):
                    arguments = exact_text(data["input"])
                    yield _argued(opened, arguments[:-1] if cut else arguments)
            case kind if kind and not is_deep(data):
                with suppress(ValueError, RecursionError):
                    if opened.pieces:
                        data["input"] = json.loads("".join(opened.pieces))
                    yield from self._blocks.keep(data)

    def end(self, is_whole: bool) -> Iterator[Delta]:
        """Yield what is left at the end of the reply.

        Args:
            is_whole: Whether the blocks that are open lack nothing but their end.
        """
        for index in list(self._open) if is_whole else ():
            yield from self.stop(index)
        yield from self._flush()

    def _opened(self, index: int | None) -> _Open | None:
        """Return the block with an index; without one, the latest."""
        if index is None:
            return self._open.get(self._latest)
        return self._open.get(index) or self._open.get(None)

    def _call(self, opened: _Open, block: Mapping[str, Any]) -> Delta:
        name = whole(string(block.get("name")))
        if not name:
            raise LookupError
        opened.call = self._blocks.calls
        self._blocks.calls += 1
        others = {key: block[key] for key in sorted(block.keys() - _OF_CALLS)}
        kept = {key: it for key, it in others.items() if it is not None and not is_deep(it)}
        extra = (ProviderData(self._origin, kept),) if kept and self._origin is not None else ()
        return ToolCallDelta(opened.call, id_of(block.get("id")), name, None, extra)

    def _say(self, text: Any) -> Iterator[Delta]:
        if text and (joined := self._halves.join(_TEXT, string(text))):
            yield self._said(joined)

    def _said(self, text: str) -> TextDelta:
        self.said(text)
        return TextDelta(text)

    def _think(self, thinking: Any) -> Iterator[ReasoningDelta | Rest]:
        for text in thoughts_in(thinking):
            if text is REST:
                yield REST
            elif text and (joined := self._halves.join(_THINKING, text)):
                yield self._blocks.reason(joined)

    def _argue(self, index: int | None, text: Any) -> Iterator[Delta]:
        opened = self._opened(index)
        if not text:
            return
        if opened is None or opened.kind in (_TEXT, _THINKING):
            if self._blocks.calls:
                raise LookupError  # they may belong to any of the calls
            self.has_lost = True
        elif opened.kind != _CALL:
            if isinstance(text, str):
                opened.pieces.append(text)
        elif joined := self._halves.join(opened.call, string(text)):
            yield _argued(opened, joined)

    def _flush(self) -> Iterator[Delta]:
        for key, half in self._halves.flush().items():
            match key:
                case int():
                    yield ToolCallDelta(key, arguments=half)
                case "thinking":
                    yield self._blocks.reason(half)
                case _:
                    yield self._said(half)


def _kind_of(block: Mapping[str, Any]) -> str:
    """Return the type of a block, or what it is by its text; empty when that is unknown."""
    kind = block.get("type")
    if isinstance(kind, str):
        return kind
    return next((name for name in (_TEXT, _THINKING) if isinstance(block.get(name), str)), "")


def _kind_of_delta(delta: Mapping[str, Any]) -> Any:
    """Return the type of a delta, or what it is by what it holds."""
    if (kind := delta.get("type")) is not None:
        return kind
    return next((kind for kind, name in _DELTAS.items() if name in delta), "")


def _is_same_call(begun: Mapping[str, Any], block: Mapping[str, Any]) -> bool:
    """Return whether the start of a block repeats the start of a call that has an id."""
    names = "type", "id", "name"
    is_call = block.get("type") == _CALL and bool(block.get("id"))
    return is_call and all(begun.get(name) == block.get(name) for name in names)


def _argued(opened: _Open, text: str) -> ToolCallDelta:
    opened.data["input"] = None  # whatever came at the start
    opened.pieces.append(text)
    return ToolCallDelta(opened.call, arguments=text)
