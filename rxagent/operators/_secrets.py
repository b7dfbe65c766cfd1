"""Secrets: keys and tokens, which are left out of what is written to a file.

A secret is found by its form, by its name, or since it is known: the value of a variable such as
`OPENAI_API_KEY`, or of an argument of the model. A text is also read as JSON, whose escapes may
hide a secret, and texts that are pieces of one are searched as one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ._escapes import Reading, readings
from ._key_forms import keys_in

__all__ = ["SECRET", "Secrets", "secrets_of"]

SECRET = "[secret]"
"""Stands for a key or a token."""

_SURE_NAME = re.compile(
    r"(?:password|passwd|passphrase|secret|authorization|credentials?)$"
    r"|(?:api|access|secret|private|auth|signing|encryption)[-_ ]?key$"
    r"|(?:access|auth|refresh|id|api|session|bearer|security)[-_ ]?token$",
    re.IGNORECASE,
)
"""The names of secrets, wherever they stand."""

_NAME = re.compile(
    r"(?:^|[^a-z])(?:key|token|auth|cookie)$|(?:api|access|secret)_?key",
    re.IGNORECASE,
)
"""The names of secrets among options, headers and variables; elsewhere these are plain words."""

_NAMED = re.compile(r"""(["'])([\w .-]{1,64})\1\s*:\s*(?=["'])""")
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+\\?)', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*+\\?)", re.DOTALL),
}
"""A text up to its quote, or up to where it was cut off."""

_LEAST = 8
"""A shorter value of a variable or an argument may be a word of the conversation."""
_DEEPEST = 6
_MOST_PASSES = 8

_Span = tuple[int, int]


class Secrets:
    """Finds secrets, and hides them.

    Args:
        known: The texts that are secrets.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = sorted({text.strip() for text in known}, key=lambda one: (-len(one), one))
        self._values = re.compile("|".join(map(re.escape, self._known))) if self._known else None

    def hidden(self, value: Any) -> Any:
        """Return a JSON value in which `[secret]` stands for each secret."""
        match value:
            case str():
                return self.hidden_pieces([value])[0]
            case Mapping():
                return {
                    self.hidden(name): self._hidden_under(name, item)
                    for name, item in value.items()
                }
            case list() | tuple():
                return [self.hidden(item) for item in value]
        return value

    def _hidden_under(self, name: str, value: Any) -> Any:
        match value:
            case str() if value and _is_name(name):
                return SECRET
            case list() | tuple():
                return [self._hidden_under(name, item) for item in value]
        return self.hidden(value)

    def hidden_pieces(self, pieces: Sequence[str]) -> list[str]:
        """Return the pieces of a text with `[secret]` in the piece in which each secret begins."""
        texts = list(pieces)
        # What is hidden may have stood before a key, of which it was a part until now.
        for _ in range(_MOST_PASSES):
            spans = self._spans("".join(texts))
            hidden = _replaced(texts, spans) if spans else texts
            if hidden == texts:
                break
            texts = hidden
        return texts

    def _spans(self, text: str) -> list[_Span]:
        """Return where the secrets of a text are, in their order and apart from one another."""
        found = [
            (reading.at(start), reading.at(end))
            for reading in readings(text)
            for start, end in self._spans_in(reading)
        ]
        apart: list[_Span] = []
        for start, end in sorted(found):
            if apart and start < apart[-1][1]:
                apart[-1] = apart[-1][0], max(end, apart[-1][1])
            else:
                apart.append((start, end))
        return apart

    def _spans_in(self, reading: Reading) -> Iterator[_Span]:
        text = reading.text
        yield from keys_in(text)
        yield from _named_in(reading)
        if self._values:
            yield from (found.span() for found in self._values.finditer(text))
        for known in self._known:
            yield from _begun_at_the_end(text, known)


def secrets_of(model: Any = None) -> Secrets:
    """Return the secrets of the environment and of a model."""
    named = [*os.environ.items(), *_named_texts(model, _DEEPEST)]
    return Secrets(text for name, text in named if _is_name(name) and len(text.strip()) >= _LEAST)


def _is_name(name: str) -> bool:
    return bool(_SURE_NAME.search(name) or _NAME.search(name))


def _named_in(reading: Reading) -> Iterator[_Span]:
    """Yield the texts under the name of a secret, in a text that has JSON."""
    for found in _NAMED.finditer(reading.text):
        if _SURE_NAME.search(found[2]) and reading.is_quote(found.start()):
            quoted = _QUOTED[found.string[found.end()]].match(found.string, found.end())
            if quoted and quoted[1]:
                yield quoted.span(1)


def _begun_at_the_end(text: str, known: str) -> Iterator[_Span]:
    """Yield the end of a text that was cut off in the second half of a known secret."""
    half = known[: max(_LEAST, len(known) // 2)]
    start = text.find(half, max(0, len(text) - len(known) + 1))
    while start >= 0:
        if known.startswith(text[start:]):
            yield start, len(text)
            return
        start = text.find(half, start + 1)


def _replaced(pieces: Sequence[str], spans: Sequence[_Span]) -> list[str]:
    replaced, begin, following = [], 0, 0
    for piece in pieces:
        end = begin + len(piece)
        kept, at = list[str](), begin
        while following < len(spans) and spans[following][0] < end:
            start, stop = spans[following]
            if start >= begin:
                kept += [piece[at - begin : start - begin], SECRET]
            at = min(stop, end)
            if stop > end:
                break
            following += 1
        replaced.append("".join([*kept, piece[at - begin :]]))
        begin = end
    return replaced


def _named_texts(thing: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the texts within a model, with the names of their arguments or attributes."""
    for name, item in _parts_of(thing):
        if isinstance(item, str):
            yield name, item
        elif depth:
            yield from _named_texts(item, depth - 1)


def _parts_of(thing: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        return [(name, item) for name, item in thing.items() if isinstance(name, str)]
    if isinstance(thing, list | tuple):
        return [("", item) for item in thing if not isinstance(item, str)]
    if not getattr(thing, "is_model", False) or isinstance(thing, type):
        return ()
    if attrs.has(type(thing)):
        return [(one.name, getattr(thing, one.name)) for one in attrs.fields(type(thing))]
    return list(getattr(thing, "__dict__", {}).items())
