"""Repeats: what a whole message says beyond the blocks that came before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...call_arguments import in_order
from ..agreement import contradicts
from ..openai_chat.fields import id_of

__all__ = ["Repeats"]

_Block = Mapping[str, Any]


@frozen(eq=False)
class _Call:
    """A call that has begun.

    Attributes:
        id: Its id.
        name: Its name.
        pieces: The pieces of its arguments, which grow.
    """

    id: str | None
    name: Any
    pieces: list[str]

    def has_id_of(self, block: _Block) -> bool:
        """Return whether the block of a call has this id."""
        return self.id is not None and id_of(block.get("id")) == self.id

    def says(self, block: _Block) -> bool:
        """Return whether the block of a call has this name and these arguments."""
        is_named = bool(block.get("name") == self.name)
        return is_named and in_order(block.get("input") or {}) == in_order("".join(self.pieces))

    def may_be(self, block: _Block) -> bool:
        """Return whether the block of a call has this name, and no id."""
        return block.get("name") == self.name and id_of(block.get("id")) is None


class Repeats:
    """Notes what a reply has said, and finds what a whole message adds to it.

    Some gateways stream a message, and send it whole at the end.

    Attributes:
        is_streamed: Whether a part came as an event of a stream.
        is_contradicted: Whether a whole message differs from the texts that came as events.
        texts: The pieces of the text so far.

    Args:
        kind_of: Returns the type of a block.
    """

    def __init__(self, kind_of: Callable[[_Block], str]) -> None:
        self.is_streamed = self.is_contradicted = False
        self._kind_of = kind_of
        self.texts: list[str] = []
        self._calls: list[_Call] = []
        self._others: list[_Block] = []

    def say(self, text: str) -> None:
        """Note a text of the answer."""
        self.texts.append(text)

    def begin(self, block: _Block, pieces: list[str]) -> None:
        """Note a block that begins; the pieces of its arguments are added to a list."""
        match self._kind_of(block):
            case "text":
                pass
            case "tool_use":
                self._calls.append(_Call(id_of(block.get("id")), block.get("name"), pieces))
            case _:
                self._others.append(dict(block))

    def new_in(self, blocks: list[Any]) -> list[Any]:
        """Return the blocks of a whole message that are new, and of texts their new ends."""
        new: list[Any] = []
        known = self._known_in("".join(map(self._text_in, blocks)))
        kinds = {self._kind_of(block) for block in self._others}
        calls = self._calls_in(blocks)
        for block in blocks:
            if text := self._text_in(block):
                if known < len(text):
                    new.append({"type": "text", **_fields(block), "text": text[known:]})
                known = max(known - len(text), 0)
            elif not isinstance(block, Mapping):
                continue
            elif self._kind_of(block) == "tool_use":
                if not any(block is call for call in calls):
                    new.append(block)
            elif not self._has(block, kinds):
                new.append(block)
        return new

    def _known_in(self, text: str) -> int:
        """Return how many characters of the text of a message were said before it."""
        said = "".join(self.texts)
        if text.startswith(said):
            return len(said)
        if self.is_streamed:
            self.is_contradicted = self.is_contradicted or contradicts(said, text)
            return len(text)
        return 0

    def _calls_in(self, blocks: list[Any]) -> list[_Block]:
        """Return the calls of a message that have begun before, under their ids or others."""
        calls = [
            block
            for block in blocks
            if isinstance(block, Mapping) and self._kind_of(block) == "tool_use"
        ]
        left = list(self._calls)
        found: list[_Block] = []
        for is_same in (_Call.has_id_of, _Call.says, _Call.may_be):
            for block in calls:
                among = self._calls if is_same is _Call.has_id_of else left
                same = next((call for call in among if is_same(call, block)), None)
                if same is not None and not any(block is other for other in found):
                    found.append(block)
                    left = [call for call in left if call is not same]
        return found

    def _has(self, block: _Block, kinds: set[str]) -> bool:
        return block in self._others or (self.is_streamed and self._kind_of(block) in kinds)

    def _text_in(self, block: Any) -> str:
        if isinstance(block, str):
            return block
        if not isinstance(block, Mapping) or self._kind_of(block) != "text":
            return ""
        text = block.get("text")
        return text if isinstance(text, str) else ""


def _fields(block: Any) -> _Block:
    return block if isinstance(block, Mapping) else {}
