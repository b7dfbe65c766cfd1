"""Opened: the blocks of a reply that have begun, and those that have ended and may come again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field

from ...call_arguments import in_order
from ..openai_chat.fields import id_of
from ..repeated import Repeated

__all__ = ["CALL", "TEXT", "THINKING", "Ended", "Opened", "is_same_call", "kind_of"]

TEXT, THINKING, CALL = "text", "thinking", "tool_use"
_TEXTS = {TEXT, THINKING, "input"}

_AT_ONCE = {"encrypted_content", "signature"}
"""The fields that come in one piece, of which a later one replaces an earlier one."""


@define(eq=False)
class Opened:
    """A block that has begun.

    Attributes:
        kind: Its type.
        data: What came at its start, and what is to be given back of it.
        begun: How many characters of text preceded it.
        since: How many pieces of text and of thinking preceded it.
        call: The number of its call.
        is_later: Whether text or a call precedes it, so that its place must be kept.
        pieces: The pieces of its input.
        grown: The pieces of other fields, by their names.
        until: How many pieces of text and of thinking there were at its end.
        texts: Its texts by their names, once it has ended.
        earlier: The block that it may be once more.
        repeated: Compares the two, and holds what comes of it, until that is known.
    """

    kind: str
    data: dict[str, Any]
    begun: int
    since: tuple[int, int]
    call: int = 0
    is_later: bool = False
    pieces: list[str] = field(factory=list)
    grown: dict[str, list[str]] = field(factory=dict)
    until: tuple[int, int] = (0, 0)
    texts: Callable[[], dict[str, str]] = dict
    earlier: Opened | None = None
    repeated: Repeated | None = None

    @property
    def is_opaque(self) -> bool:
        """Whether it is kept as it is, since it means nothing to us."""
        return self.kind not in ("", TEXT, THINKING, CALL)

    def take(self, delta: Mapping[str, Any]) -> None:
        """Add what a delta brings, whose type is unknown."""
        for name, value in delta.items():
            if name == "type" or value is None:
                continue
            before = self.data.get(name)
            if isinstance(value, str) and name not in _AT_ONCE:
                self.grown.setdefault(name, []).append(value)
            elif isinstance(value, list) and isinstance(before, list):
                self.data[name] = [*before, *value]
            else:
                self.data[name] = value

    def join(self) -> None:
        """Put together what came in pieces."""
        for name, pieces in self.grown.items():
            before = self.data.get(name)
            self.data[name] = "".join([before if isinstance(before, str) else "", *pieces])
        self.grown = {}

    @property
    def is_repeated(self) -> bool:
        """Whether it is an earlier block once more, as far as it has come."""
        earlier, repeated = self.earlier, self.repeated
        if earlier is None or repeated is None:
            return False
        now, before = self.data, earlier.data
        if self.kind != CALL:
            is_same = repeated.is_all and self._input == earlier._input
            return is_same and all(now[key] == before.get(key) for key in now.keys() - _TEXTS)
        if now.get("input"):
            return in_order(earlier._input) == in_order(now["input"])
        return repeated.is_all

    @property
    def _input(self) -> Any:
        with suppress(ValueError, RecursionError):
            return json.loads("".join(self.pieces)) if self.pieces else self.data.get("input")


class Ended:
    """The blocks of a reply that have ended.

    Attributes:
        all: They, in the order in which they ended.
    """

    def __init__(self) -> None:
        self.all: list[Opened] = []
        self._at: dict[int, Opened] = {}
        self._calls: dict[str, Opened] = {}

    def earlier(self, index: int | None, block: Mapping[str, Any]) -> Opened | None:
        """Return the block that has ended, and that a new one may be once more.

        That is a call with its id, or else the latest block at its index.
        """
        if (id := id_of(block.get("id"))) is not None and kind_of(block) == CALL:
            call = self._calls.get(id)
            return call if call and is_same_call(call.data, block) else None
        last = None if index is None else self._at.get(index)
        if last is None or last.kind != kind_of(block):
            return None
        return last if last.data.get("id") == block.get("id") else None

    def note(self, index: int | None, opened: Opened) -> None:
        """Note a block that has ended."""
        self.all.append(opened)
        if index is not None:
            self._at[index] = opened
        if (id := id_of(opened.data.get("id"))) is not None and opened.kind == CALL:
            self._calls[id] = opened


def kind_of(block: Mapping[str, Any]) -> str:
    """Return the type of a block, or what it is by its text; empty when that is unknown."""
    kind = block.get("type")
    if isinstance(kind, str):
        return kind
    return next((name for name in (TEXT, THINKING) if isinstance(block.get(name), str)), "")


def is_same_call(begun: Mapping[str, Any], block: Mapping[str, Any]) -> bool:
    """Return whether the start of a block repeats the start of a call that has an id."""
    names = "type", "id", "name"
    is_call = block.get("type") == CALL and bool(block.get("id"))
    return is_call and all(begun.get(name) == block.get(name) for name in names)
