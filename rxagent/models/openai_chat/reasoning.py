"""Contents and reasoning, in the many forms in which models send them and want them back."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from ...frozen import FrozenList, freeze
from ...streams.fairness import REST, Rest, rested
from ..failures import failure_in

__all__ = [
    "REASONING_FIELDS",
    "Called",
    "Failed",
    "ReasoningParts",
    "pieces_in",
    "reasoning_fields_of",
    "thoughts_in",
]

REASONING_FIELDS = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "reasoning_details",
    "thinking",
)
"""The fields of a message that may hold reasoning; the first that has text is read."""

_FIELDS_SET = {*REASONING_FIELDS}
_TEXTS = ("text", "summary", "thinking", "content", "reasoning", "reasoning_content")
_THOUGHT = re.compile(r"(.*[_.-])?(thinking|reasoning|thoughts?)([_.-].*)?", re.IGNORECASE)


class Failed(tuple[Any]):
    """The description of an error in the place of a part of a content; it has one item."""


class Called(tuple[Mapping[str, Any]]):
    """A tool call in the place of a part of a content; it has one item."""


_Piece: TypeAlias = tuple[Literal["text", "reasoning", "refusal"], str] | Failed | Called | Rest
_CALLS = ("tool_use", "tool_call", "function_call")


def reasoning_fields_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields in which a message may hold reasoning; none, if it cannot."""
    return () if _FIELDS_SET.isdisjoint(fields) else REASONING_FIELDS


def pieces_in(content: Any) -> Iterator[_Piece]:
    """Yield the pieces of a content: text, reasoning, refusals, or an error.

    Raises:
        TypeError: It is neither text, nor an object, nor a list of them.
    """
    match content:
        case str():
            yield "text", content
        case list():  # of parts, as Mistral's models that think
            for part in rested(content):
                if part is REST:
                    yield REST
                elif part:
                    yield from pieces_in(part)
        case Mapping():
            yield from _pieces_of(content)
        case _:
            raise TypeError


def _pieces_of(part: Mapping[str, Any]) -> Iterator[_Piece]:
    if (error := failure_in(part, inside=True)) is not None:
        yield Failed((error,))
        return
    if part.get("type") in _CALLS:
        yield Called((part,))
        return
    thought = part if _is_thought(part) else part.get("thinking")
    for piece in thoughts_in(thought):
        if piece:
            yield REST if piece is REST else ("reasoning", piece)
    if thought is part:
        return
    refusal = part.get("refusal")
    if refusal and isinstance(refusal, str):
        yield "refusal", refusal
    for name in ("text", "value", "content"):
        if text := part.get(name):
            yield from pieces_in(text)
            return


def thought_parts(content: Any) -> Iterator[Mapping[str, Any] | Rest]:
    """Yield those parts of a content that are thoughts."""
    for part in rested(content) if isinstance(content, list) else (content,):
        if part is REST:
            yield REST
        elif isinstance(part, Mapping) and _is_thought(part):
            yield part


def _is_thought(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    is_named = isinstance(kind, str) and _THOUGHT.fullmatch(kind) is not None
    return is_named or part.get("thought") is True


def thoughts_in(reasoning: Any) -> Iterator[str | Rest]:
    """Yield the texts of reasoning, which may be a long list of parts."""
    if isinstance(reasoning, list):
        for part in rested(reasoning):
            yield REST if part is REST else _thought_in(part)
    else:
        yield _thought_in(reasoning)


def _thought_in(reasoning: Any) -> str:
    match reasoning:
        case str():
            return reasoning
        case list():
            return "".join(map(_thought_in, reasoning))
        case Mapping():
            return next((text for name in _TEXTS if (text := _thought_in(reasoning.get(name)))), "")
    return ""


class ReasoningParts:
    """Puts the parts of structured reasoning together from their pieces, to be sent back."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[type, _Parts]] = {}

    def __bool__(self) -> bool:
        return bool(self._fields)

    def add(self, name: str, value: Any) -> Iterator[Rest]:
        """Add the value of a field of a message, a list or an object."""
        kind = list if isinstance(value, list) else dict
        _, parts = self._fields.setdefault(name, (kind, _Parts()))
        for piece in rested(value if isinstance(value, list) else [value]):
            if piece is REST:
                yield REST
            else:
                parts.add(piece)

    def take(self) -> Generator[Rest, None, dict[str, Any]]:
        """Remove and return the fields of a message that were put together."""
        fields, self._fields = self._fields, {}
        taken = {}
        for name, (kind, parts) in fields.items():
            whole = FrozenList()
            for part in rested(parts.all):
                if part is REST:
                    yield REST
                else:
                    list.append(whole, freeze(part.whole))  # in slices
            taken[name] = whole[0] if kind is dict and len(whole) == 1 else whole
        return taken


class _Parts:
    """The parts of one field, in the order in which they began.

    A piece belongs to the part of its id, index and type; without id or index, to the latest one.
    """

    def __init__(self) -> None:
        self.all: list[_Part] = []
        self._known: dict[str, _Part] = {}

    def add(self, piece: Any) -> None:
        marks = _marks(piece)
        part = self._known.get(marks) if marks else None
        if part is None and self.all and _may_follow(self.all[-1].value, piece):
            part = self.all[-1]
        if part is None or not part.join(piece):
            part = _Part(piece)
            self.all.append(part)
        if marks:
            self._known[marks] = part


class _Part:
    """A part of a list, whose texts, and the parts inside it, may come in pieces.

    A signature ends it.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, _Parts] = {}

    def join(self, piece: Any) -> bool:
        """Add a piece; return False when it is not of this part."""
        value = self.value
        if not (isinstance(value, Mapping) and isinstance(piece, Mapping)):
            return False
        texts = {name: piece[name] for name in _TEXTS if isinstance(piece.get(name), str)}
        lists = {name: piece[name] for name in _TEXTS if isinstance(piece.get(name), list)}
        if not (texts or lists or "signature" in piece) or self._is_behind(piece, texts, lists):
            return False
        for name, text in texts.items():
            first = value.get(name)
            self._texts.setdefault(name, [first] if isinstance(first, str) else []).append(text)
        for name, parts in lists.items():
            self._join_list(name, parts)
        read = texts.keys() | lists.keys()
        others = {key: item for key, item in piece.items() if item is not None and key not in read}
        self.value = {**value, **others}
        return True

    def _is_behind(self, piece: Any, texts: dict[str, str], lists: dict[str, Any]) -> bool:
        """Return whether a piece comes behind the signature of this part."""
        signature = self.value.get("signature")
        if not signature:
            return False
        has_another = piece.get("signature") not in (None, "", signature)
        return has_another or any(texts.values()) or any(lists.values())

    def _join_list(self, name: str, parts: list[Any]) -> None:
        if name not in self._lists:
            joined = self._lists[name] = _Parts()
            first = self.value.get(name)
            for part in first if isinstance(first, list) else ():
                joined.add(part)
        for part in parts:
            self._lists[name].add(part)

    @property
    def whole(self) -> Any:
        if not (self._texts or self._lists):
            return self.value
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        lists = {name: [part.whole for part in parts.all] for name, parts in self._lists.items()}
        return {**self.value, **texts, **lists}


def _marks(piece: Any) -> str:
    """Return what identifies the part of a piece; empty when it has neither id nor index."""
    if not isinstance(piece, Mapping):
        return ""
    marks = [piece.get(name) for name in ("type", "id", "index")]
    return "" if marks[1:] == [None, None] else repr(marks)


def _may_follow(value: Any, piece: Any) -> bool:
    """Return whether a piece has no mark that the part before it lacks, or has otherwise."""
    if not (isinstance(value, Mapping) and isinstance(piece, Mapping)):
        return False
    if any(value.get(name) != piece.get(name) for name in ("type", "index")):
        return False
    return piece.get("id") in (None, value.get("id")) or value.get("id") is None
