"""Reasonings: what a model thinks, in the many forms in which it is sent and wanted back."""

from collections.abc import Mapping
from typing import Any

__all__ = ["FIELDS", "Kept", "thought_in"]

FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "reasoning_details")
"""The fields of a message that may hold reasoning; the first that has text is read."""

_TEXTS = ("text", "summary", "thinking", "content", "reasoning", "reasoning_content")


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
        self._fields: dict[str, tuple[type, list[_Part]]] = {}

    def add(self, name: str, said: Any) -> None:
        """Take in what a field of a message holds; a text is none of this."""
        if not said or not isinstance(said, list | Mapping):
            return
        kind = list if isinstance(said, list) else dict
        _, parts = self._fields.setdefault(name, (kind, []))
        for part in said if isinstance(said, list) else [said]:
            if not (parts and parts[-1].join(part)):
                parts.append(_Part(part))

    def take(self) -> dict[str, Any]:
        """Return the fields of a message that were put together, and forget them."""
        fields, self._fields = self._fields, {}
        return {
            name: parts[0].whole if kind is dict and len(parts) == 1 else [p.whole for p in parts]
            for name, (kind, parts) in fields.items()
        }


class _Part:
    """A part of a list, whose texts may come in pieces."""

    def __init__(self, said: Any) -> None:
        self._said = said
        self._texts: dict[str, list[str]] = {}

    def join(self, piece: Any) -> bool:
        """Take in a piece of the same part; tell whether it is one."""
        said = self._said
        if not (isinstance(said, Mapping) and isinstance(piece, Mapping)):
            return False
        texts = {name: piece[name] for name in _TEXTS if isinstance(piece.get(name), str)}
        is_next = any(said.get(name) != piece.get(name) for name in ("type", "index"))
        if is_next or (not texts and "signature" not in piece):
            return False
        for name, text in texts.items():
            first = said.get(name)
            self._texts.setdefault(name, [first] if isinstance(first, str) else []).append(text)
        others = {key: value for key, value in piece.items() if value is not None}
        self._said = {**said, **{key: others[key] for key in others.keys() - texts.keys()}}
        return True

    @property
    def whole(self) -> Any:
        if not self._texts:
            return self._said
        return {**self._said, **{name: "".join(texts) for name, texts in self._texts.items()}}
