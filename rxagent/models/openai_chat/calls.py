"""Fragments of tool calls in all dialects: where they hold a name and arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ...exact_json import exact_text
from ...operators._arguments import Arguments
from .nesting import is_deep

__all__ = ["ARGUMENTS", "Calls", "Fragment"]

_OF_CALLS = {"index", "id", "type", "function"}
_USUAL = {"name", "arguments"}
_UNFINISHED = re.compile(r"(?:-|\b[a-z]{1,5})\Z")
"""A number or a word at the end, such as `fal`."""

_ESCAPE = len(r"\u0000")
ARGUMENTS = ("arguments", "input", "parameters", "args")
"""The names under which servers send the arguments of a call."""


class Fragment:
    """A fragment of a call, which has its name and arguments inside `function` or beside it.

    Attributes:
        function: The object that has them.
        name: The name, of any type.
        arguments: The arguments as text.
        is_object: Whether they came as an object.

    Args:
        fields: The fragment as it came.

    Raises:
        TypeError: It has an unknown shape.
    """

    __slots__ = ("_fields", "_key", "arguments", "function", "is_object", "name")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        inner = fields.get("function")
        if inner and not isinstance(inner, str | Mapping):
            raise TypeError
        self._fields = fields
        self.function = inner if inner and isinstance(inner, Mapping) else fields
        self.name = inner if inner and isinstance(inner, str) else self.function.get("name")
        self._key = "arguments"
        arguments = self.function.get("arguments")
        if arguments is None:
            present = (key for key in ARGUMENTS if self.function.get(key) is not None)
            self._key = next(present, "arguments")
            arguments = self.function.get(self._key)
        self.is_object = arguments is not None and not isinstance(arguments, str)
        self.arguments: str | None = exact_text(arguments) if self.is_object else arguments

    def beside(self) -> dict[str, Any]:
        """Return the unknown fields, which the provider of a call wants back."""
        is_flat = self.function is self._fields
        if not is_flat and _OF_CALLS >= self._fields.keys() and _USUAL >= self.function.keys():
            return {}  # as nearly always
        read = {"name", self._key}
        kept = _known(self._fields, _OF_CALLS | read if is_flat else _OF_CALLS)
        if not is_flat and (inner := _known(self.function, read)):
            kept["function"] = inner
        return kept


class Calls:
    """Knows which calls of a reply lack their end, or could not be read."""

    def __init__(self) -> None:
        self._arguments: dict[int, Arguments] = {}
        self._lengths: dict[int, int] = {}
        self._ids: dict[int, str | None] = {}
        self._repeating: set[int] = set()
        """The calls whose pieces have shown that each repeats those before it."""

        self._read: set[int] = set()
        self._unread: set[int] = set()
        self.names: set[str] = set()

    def __bool__(self) -> bool:
        """Return whether any call was read."""
        return bool(self._read)

    @property
    def has_unread(self) -> bool:
        """Whether there are calls of which neither name nor arguments could be read."""
        return not self._unread <= self._read

    @property
    def are_open(self) -> bool:
        """Whether the arguments of a call visibly lack their end."""
        return any(
            given.text.lstrip()[:1] in ("{", "[") and not given.are_whole
            for given in self._arguments.values()
        )

    @property
    def are_cut(self) -> bool:
        """Whether a call has no arguments, so that it may be cut behind its name."""
        return any(
            index not in self._arguments or not self._arguments[index].text.strip()
            for index in self._read
        )

    def new_in(self, index: int, id: str | None, arguments: str) -> str:
        """Return what a piece adds to the arguments of a call: some servers repeat those before."""
        own = self._ids.setdefault(index, id) or id
        size = self._lengths.get(index, 0) if id in (None, own) else 0
        if not 0 < size <= len(arguments) or arguments.lstrip()[:1] != "{":
            return arguments
        before = self._arguments[index].text
        if not arguments.startswith(before):
            return arguments
        if len(arguments) > size and not _may_begin(before + arguments) and _may_begin(arguments):
            self._repeating.add(index)
        return arguments[size:] if index in self._repeating else arguments

    def add(self, index: int, name: str | None, arguments: str | None) -> None:
        """Add a fragment that holds a name or arguments."""
        self._read.add(index)
        if name:
            self.names.add(name)
        if arguments:
            self._arguments.setdefault(index, Arguments()).add(arguments)
            self._lengths[index] = self._lengths.get(index, 0) + len(arguments)

    def add_unread(self, index: int) -> None:
        """Add a fragment that holds something else only."""
        self._unread.add(index)


def _may_begin(text: str) -> bool:
    """Return whether a text may be the beginning of JSON."""
    text = _UNFINISHED.sub("0", text)
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        is_at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        return is_at_end or ("escape" in error.msg and error.pos >= len(text) - _ESCAPE)
    except RecursionError:
        return True
    return True


def _known(fields: Mapping[str, Any], read: set[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if name not in read and value is not None and not is_deep(value)
    }
