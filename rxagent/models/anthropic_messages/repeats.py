"""Repeats: what a whole message says beyond the blocks that came before it."""

from collections.abc import Callable, Mapping
from typing import Any

from ..agreement import contradicts
from ..openai_chat.fields import id_of

__all__ = ["Repeats"]

_Block = Mapping[str, Any]


class Repeats:
    """Notes what a reply has said, and finds what a whole message adds to it.

    Some gateways stream a message, and send it whole at the end.

    Attributes:
        is_streamed: Whether a part came as an event of a stream.
        is_contradicted: Whether a whole message differs from the texts that came as events.

    Args:
        kind_of: Returns the type of a block.
    """

    def __init__(self, kind_of: Callable[[_Block], str]) -> None:
        self.is_streamed = self.is_contradicted = False
        self._kind_of = kind_of
        self._texts: list[str] = []
        self._calls: set[Any] = set()
        self._others: list[_Block] = []

    def say(self, text: str) -> None:
        """Note a text of the answer."""
        self._texts.append(text)

    def begin(self, block: _Block) -> None:
        """Note a block that begins."""
        match self._kind_of(block):
            case "text":
                pass
            case "tool_use":
                self._calls |= {id_of(block.get("id")), block.get("name")}
            case _:
                self._others.append(dict(block))

    def new_in(self, blocks: list[Any]) -> list[Any]:
        """Return the blocks of a whole message that are new, and of texts their new ends."""
        new: list[Any] = []
        known = self._known_in("".join(map(self._text_in, blocks)))
        kinds = {self._kind_of(block) for block in self._others}
        for block in blocks:
            if text := self._text_in(block):
                if known < len(text):
                    new.append({"type": "text", **_fields(block), "text": text[known:]})
                known = max(known - len(text), 0)
            elif isinstance(block, Mapping) and not self._has(block, kinds):
                new.append(block)
        return new

    def _known_in(self, text: str) -> int:
        """Return how many characters of the text of a message were said before it."""
        said = "".join(self._texts)
        if text.startswith(said):
            return len(said)
        if self.is_streamed:
            self.is_contradicted = self.is_contradicted or contradicts(said, text)
            return len(text)
        return 0

    def _has(self, block: _Block, kinds: set[str]) -> bool:
        kind = self._kind_of(block)
        if kind == "tool_use":
            id = id_of(block.get("id"))
            return (block.get("name") if id is None else id) in self._calls
        return block in self._others or (self.is_streamed and kind in kinds)

    def _text_in(self, block: Any) -> str:
        if isinstance(block, str):
            return block
        if not isinstance(block, Mapping) or self._kind_of(block) != "text":
            return ""
        text = block.get("text")
        return text if isinstance(text, str) else ""


def _fields(block: Any) -> _Block:
    return block if isinstance(block, Mapping) else {}
