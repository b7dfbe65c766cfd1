"""Reasonings: what a model thinks, in the many forms in which it is sent and wanted back."""

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from ..frozen import FrozenList, freeze
from ..streams.fairness import REST, Rest, rested

__all__ = ["FIELDS", "Kept", "thought_in", "thoughts_in"]

FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "reasoning_details")
"""The fields of a message that may hold reasoning; the first that has text is read."""

_TEXTS = ("text", "summary", "thinking", "content", "reasoning", "reasoning_content")


def thoughts_in(said: Any) -> Iterator[str | Rest]:
    """Yield the texts of reasoning, which may be a long list of parts."""
    if isinstance(said, list):
        for part in rested(said):
            yield REST if part is REST else thought_in(part)
    else:
        yield thought_in(said)


def thought_in(said: Any) -> str:
    """Return the text of reasoning that is a text, an object, or a list of parts."""
    match said:
        case str():
            return said
        case list():
            return "".join(map(thought_in, said))
        case Mapping():
            return next((text for name in _TEXTS if (text := thought_in(said.get(name)))), "")
    return ""


class Kept:
    """The parts of structured reasoning, put together from their pieces, to be sent back."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[type, _Parts]] = {}

    def __bool__(self) -> bool:
        return bool(self._fields)

    def add(self, name: str, said: Any) -> Iterator[Rest]:
        """Take in what a field of a message holds, a list or an object."""
        kind = list if isinstance(said, list) else dict
        _, parts = self._fields.setdefault(name, (kind, _Parts()))
        for piece in rested(said if isinstance(said, list) else [said]):
            if piece is REST:
                yield REST
            else:
                parts.add(piece)

    def take(self) -> Generator[Rest, None, dict[str, Any]]:
        """Return the fields of a message that were put together, and forget them."""
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
        if part is None and self.all and _may_follow(self.all[-1].said, piece):
            part = self.all[-1]
        if part is None or not part.join(piece):
            part = _Part(piece)
            self.all.append(part)
        if marks:
            self._known[marks] = part


class _Part:
    """A part of a list, whose texts may come in pieces."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self._texts: dict[str, list[str]] = {}

    def join(self, piece: Any) -> bool:
        """Take in a piece of the same part; tell whether it is one."""
        said = self.said
        if not (isinstance(said, Mapping) and isinstance(piece, Mapping)):
            return False
        texts = {name: piece[name] for name in _TEXTS if isinstance(piece.get(name), str)}
        if not texts and "signature" not in piece:
            return False
        for name, text in texts.items():
            first = said.get(name)
            self._texts.setdefault(name, [first] if isinstance(first, str) else []).append(text)
        others = {key: value for key, value in piece.items() if value is not None}
        self.said = {**said, **{key: others[key] for key in others.keys() - texts.keys()}}
        return True

    @property
    def whole(self) -> Any:
        if not self._texts:
            return self.said
        return {**self.said, **{name: "".join(texts) for name, texts in self._texts.items()}}


def _marks(piece: Any) -> str:
    """Return what tells a part from others; nothing, where it has neither id nor index."""
    if not isinstance(piece, Mapping):
        return ""
    marks = [piece.get(name) for name in ("type", "id", "index")]
    return "" if marks[1:] == [None, None] else repr(marks)


def _may_follow(said: Any, piece: Any) -> bool:
    """Tell whether a piece bears no mark that the part before it lacks, or has otherwise."""
    if not (isinstance(said, Mapping) and isinstance(piece, Mapping)):
        return False
    if any(said.get(name) != piece.get(name) for name in ("type", "index")):
        return False
    return piece.get("id") in (None, said.get("id")) or said.get("id") is None
