"""The content of one reply of Anthropic's Messages protocol: its blocks, as they grow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import compress
from typing import Any, cast

from attrs import frozen

from ...events import Delta, ReasoningDelta, StepRetried, ToolCallDelta
from ...exact_json import exact_text
from ...messages import ProviderData
from ...streams.fairness import REST, Rest
from ..blocks import Blocks
from ..cut_calls import Latest
from ..divided import Divided
from ..openai_chat.fields import Halves, id_of, string, whole
from ..openai_chat.nesting import is_deep
from ..openai_chat.reasoning import thoughts_in
from ..own_tags import Tags
from ..repeated import Repeated
from .cache import FALLBACK
from .declined import reason_of_fallback, staying
from .opened import CALL, TEXT, THINKING, Ended, Opened, is_same_call, kind_of
from .repeats import Repeats

__all__ = ["Content", "Piece"]

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


class Content:
    """Turns the blocks of one reply into deltas, and keeps those that the provider wants back.

    Attributes:
        has_lost: Whether arguments came of which no call had begun.
        repeats: What was said, for a whole message that may repeat it.

    Args:
        origin: The origin that gets the blocks back; None keeps none.
        signs: Whether the server signs each thought that it takes back.
        tags: The tags between which the model may write its thoughts.
    """

    def __init__(self, origin: str | None, signs: bool, tags: Sequence[Tags]) -> None:
        self.has_lost = False
        self.repeats = Repeats(kind_of)
        self._origin = origin
        self._signs = signs
        self._blocks = Blocks(origin)
        self._tags = tags
        self._text = Divided(self._blocks, tags)
        self._open: dict[int | None, Opened] = {}
        self._ended = Ended()
        self._latest_call = Latest()
        self._thoughts: list[str] = []
        self._halves = Halves()
        self._latest: int | None = None
        self._follows = False
        self._retractions = 0

    @property
    def has_halves(self) -> bool:
        """Whether the first half of a character waits for its other one."""
        return bool(self._halves.kept)

    def start(self, index: int | None, block: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        """Yield what the start of a block holds, unless that is a call's, and repeated."""
        if (begun := self._open.get(index)) is not None:
            if index is not None and is_same_call(begun.data, block):
                return
            yield from self.stop(index)
        yield from self._latest_call.release()
        kind = kind_of(block)
        if kind == FALLBACK:
            yield from self._hand_over(block)
        since = len(self.repeats.texts), len(self._thoughts)
        opened = Opened(kind, dict(block), self._blocks.text, since, is_later=self._follows)
        opened.earlier = self._ended.earlier(index, block)
        self._open[index] = opened
        self._latest = index
        if opened.earlier is None:
            yield from self._begin(opened)
        else:
            opened.repeated = Repeated(opened.earlier.texts())
        if kind == TEXT:
            yield from self._say(opened, block.get("text"))
        elif kind == THINKING:
            yield from self._think(opened, block.get("thinking"))
        self._follows = kind in (TEXT, CALL)

    def piece(self, index: int | None, delta: dict[str, Any]) -> Piece | None:
        """Return what grows a block, unless it does more than that."""
        name = _GROWING.get(_kind_of_delta(delta))
        opened = self._opened(index)
        is_held = opened is not None and opened.repeated is not None
        if name is None or is_held or not isinstance(delta.get(name), str):
            return None
        add: Callable[[str], Delta] | None = None
        if name == "thinking":
            add = self._thought
        elif name == "text":
            if not self._text.are_over:
                return None
        else:
            if opened is None or opened.kind != CALL:  # `grow` decides what that means
                return None
            add = partial(_argued, opened)
        return Piece(delta, name, add)

    def said(self, text: str) -> None:
        """Note that this text of the answer was emitted."""
        self.repeats.say(text)
        self._blocks.text += len(text)

    def grow(self, index: int | None, delta: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        """Yield what a delta adds to a block."""
        opened = self._opened(index)
        match _kind_of_delta(delta):
            case "text_delta":
                yield from self._say(opened, delta.get("text"))
            case "thinking_delta":
                yield from self._think(opened, delta.get("thinking"))
            case "input_json_delta":
                yield from self._argue(opened, delta.get("partial_json"))
            case "signature_delta" if opened is not None:
                opened.data["signature"] = delta.get("signature")
            case "citations_delta" if opened is not None:
                citations = opened.data.get("citations") or []
                opened.data["citations"] = [*citations, delta.get("citation")]
            case _ if opened is not None and opened.is_opaque:
                opened.take(delta)

    def stop(self, index: int | None) -> Iterator[Delta]:
        """Yield what a block has kept until its end."""
        yield from self._flush()
        opened = self._open.pop(index, None)
        if opened is None:
            return
        opened.join()
        if opened.is_repeated:
            return
        if opened.repeated is not None:
            yield from self._release(opened)
        yield from self._latest_call.release()
        yield from self._stop(opened)
        opened.until = len(self.repeats.texts), len(self._thoughts)
        opened.texts = partial(self._texts_of, opened)
        self._ended.note(index, opened)

    def _stop(self, opened: Opened) -> Iterator[Delta]:
        data = opened.data
        match opened.kind:
            case "text":
                yield from self._text.end()
                citations = data.get("citations")
                citations = None if is_deep(citations) else list(map(_sent_back, citations or ()))
                size = self._blocks.text - opened.begun
                if citations or (size and opened.is_later):
                    kept = {"type": TEXT, **({"citations": citations} if citations else {})}
                    yield from self._blocks.keep(kept, size)
            case "thinking":
                signature = data.get("signature")
                if isinstance(signature, str) and (signature or not self._signs):
                    yield from self._blocks.keep({"type": THINKING, "signature": signature})
                elif not self._signs:
                    yield from self._blocks.keep({"type": THINKING})
            case "tool_use":
                if data.get("input"):
                    arguments = exact_text(data["input"])
                    self._latest_call.hold(_argued(opened, arguments))
            case kind if kind and not is_deep(data):
                with suppress(ValueError, RecursionError):
                    if opened.pieces:
                        data["input"] = json.loads("".join(opened.pieces))
                    yield from self._blocks.keep(data)

    def end(self, is_whole: bool, is_cut: bool = False) -> Iterator[Delta]:
        """Yield what is left at the end of the reply.

        Args:
            is_whole: Whether the blocks that are open lack nothing but their end.
            is_cut: Whether the length limit has cut the reply.
        """
        for index in list(self._open) if is_whole else ():
            yield from self.stop(index)
        yield from self._latest_call.release(is_cut)
        yield from self._flush()
        yield from self._text.end()

    def keep(self, data: dict[str, Any]) -> Iterator[Delta]:
        """Yield what the provider wants back, beside the blocks."""
        if self._origin is not None:
            yield ReasoningDelta("", (ProviderData(self._origin, data),))

    def _opened(self, index: int | None) -> Opened | None:
        """Return the block with an index; without one, the latest."""
        if index is None:
            return self._open.get(self._latest)
        return self._open.get(index) or self._open.get(None)

    def _hand_over(self, fallback: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what retracts the reply so far, and what stays of it, if anything does not.

        The model that takes over goes on behind the text, and knows nothing of the calls.
        """
        for index in list(self._open):
            yield from self.stop(index)
        yield from self._flush()
        ended = self._ended.all
        stay = [*compress(ended, staying([opened.data for opened in ended]))]
        if len(stay) == len(ended):
            return
        self._ended, self._blocks = Ended(), Blocks(self._origin)
        self._text = Divided(self._blocks, self._tags)
        self._latest_call.release()
        self.has_lost = self._follows = False
        self._retractions += 1
        yield StepRetried(self._retractions, reason_of_fallback(fallback))
        at, follows = 0, False
        for opened in stay:
            begin, end = (max(at, place) for place in (opened.since[0], opened.until[0]))
            yield from self._say_again(at, begin)
            opened.begun, opened.is_later = self._blocks.text, follows
            yield from self._say_again(begin, end)
            yield from self._stop(opened)
            self._ended.note(None, opened)
            at, follows = end, opened.kind == TEXT
        yield from self._say_again(at, len(self.repeats.texts))

    def _say_again(self, begin: int, end: int) -> Iterator[Delta]:
        if text := "".join(self.repeats.texts[begin:end]):
            yield from self._text.add(text)

    # Blocks that are repeated

    def _texts_of(self, opened: Opened) -> dict[str, str]:
        (text, thinking), (text_end, thinking_end) = opened.since, opened.until
        pieces = {
            "input": opened.pieces,
            TEXT: self.repeats.texts[text:text_end],
            THINKING: self._thoughts[thinking:thinking_end],
        }
        return {name: "".join(parts) for name, parts in pieces.items()}

    def _begin(self, opened: Opened) -> Iterator[Delta]:
        self.repeats.begin(opened.data, opened.pieces)
        if opened.kind == CALL:
            yield self._call(opened, opened.data)

    def _release(self, opened: Opened) -> Iterator[Delta]:
        """Yield what was held of a block that is no repeated one."""
        held = () if opened.repeated is None else opened.repeated.held
        opened.repeated = None
        yield from self._begin(opened)
        for name, text in held:
            yield from self._delta(opened, name, text)

    def _emit(self, opened: Opened | None, name: str, text: str) -> Iterator[Delta]:
        repeated = None if opened is None else opened.repeated
        if repeated is not None and repeated.goes_on(name, text):
            repeated.held.append((name, text))
            return
        if opened is not None and repeated is not None:
            yield from self._release(opened)
        yield from self._delta(opened, name, text)

    # Deltas

    def _delta(self, opened: Opened | None, name: str, text: str) -> Iterator[Delta]:
        if name == "input" and opened is not None:
            yield _argued(opened, text)
        elif name == THINKING:
            yield self._thought(text)
        else:
            self.repeats.say(text)
            yield from self._text.add(text)

    def _thought(self, text: str) -> ReasoningDelta:
        self._thoughts.append(text)
        return self._blocks.reason(text)

    def _call(self, opened: Opened, block: Mapping[str, Any]) -> Delta:
        name = whole(string(block.get("name")))
        if not name:
            raise LookupError
        opened.call = self._blocks.calls
        self._blocks.calls += 1
        others = {key: block[key] for key in sorted(block.keys() - _OF_CALLS)}
        kept = {key: it for key, it in others.items() if it is not None and not is_deep(it)}
        extra = (ProviderData(self._origin, kept),) if kept and self._origin is not None else ()
        return ToolCallDelta(opened.call, id_of(block.get("id")), name, None, extra)

    def _say(self, opened: Opened | None, text: Any) -> Iterator[Delta]:
        if text and (joined := self._halves.join((opened, TEXT), string(text))):
            yield from self._emit(opened, TEXT, joined)

    def _think(self, opened: Opened | None, thinking: Any) -> Iterator[Delta | Rest]:
        for text in thoughts_in(thinking):
            if text is REST:
                yield REST
            elif text and (joined := self._halves.join((opened, THINKING), text)):
                yield from self._emit(opened, THINKING, joined)

    def _argue(self, opened: Opened | None, text: Any) -> Iterator[Delta]:
        if not text:
            return
        if opened is None or opened.kind in (TEXT, THINKING):
            if self._blocks.calls:
                raise LookupError  # they may belong to any of the calls
            self.has_lost = True
        elif opened.kind != CALL:
            if isinstance(text, str):
                opened.pieces.append(text)
        elif joined := self._halves.join((opened, "input"), string(text)):
            yield from self._emit(opened, "input", joined)

    def _flush(self) -> Iterator[Delta]:
        for place, half in self._halves.flush().items():
            opened, name = cast(tuple[Opened | None, str], place)
            yield from self._emit(opened, name, half)


def _kind_of_delta(delta: Mapping[str, Any]) -> Any:
    """Return the type of a delta, or what it is by what it holds."""
    if (kind := delta.get("type")) is not None:
        return kind
    return next((kind for kind, name in _DELTAS.items() if name in delta), "")


def _sent_back(citation: Any) -> Any:
    """Return a citation as Anthropic takes it back: without the id of a file."""
    if not isinstance(citation, Mapping):
        return citation
    return {name: value for name, value in citation.items() if name != "file_id"}


def _argued(opened: Opened, text: str) -> ToolCallDelta:
    opened.data["input"] = None  # whatever came at the start
    opened.pieces.append(text)
    return ToolCallDelta(opened.call, arguments=text)
