"""Repeated: what comes of an item that may be an earlier one once more.

OpenAI itself sends some messages twice, in two items, and gateways send items again, under their
own ids or others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from attrs import define, field

from .contents import CALL, texts_of
from .parts import Parts

__all__ = ["Repeated", "once"]

_T = TypeVar("_T")

_TELLING = "encrypted_content", "phase"
"""What else an item has that another one with the same texts has not."""


@define(eq=False)
class Repeated:
    """Holds what comes of an item while it repeats an earlier one.

    Attributes:
        held: The pieces that are held: of which text, of which of its parts, and the piece.
        naming: What named the call, if that is held.

    Args:
        texts: The texts of the earlier item, which is whole.
        name: The name of its call.
        data: What else it has.
    """

    _texts: Mapping[str, Parts]
    _name: str | None
    _data: Mapping[str, Any]
    held: list[tuple[str, int, str]] = field(factory=list, init=False)
    naming: Mapping[str, Any] | None = field(default=None, init=False)
    _known: dict[str, str] = field(factory=dict, init=False)
    _at: dict[str, int] = field(factory=dict, init=False)

    def names(self, name: str, data: Mapping[str, Any]) -> bool:
        """Hold the name of a call, and return True, if the earlier call has it."""
        if name == self._name:
            self.naming = data
        return name == self._name

    def goes_on(self, name: str, number: int, piece: str) -> bool:
        """Hold a piece of a text, and return True, if the earlier item goes on with it."""
        at = self._at.get(name, 0)
        if not self._text(name).startswith(piece, at):
            return False
        self._at[name] = at + len(piece)
        self.held.append((name, number, piece))
        return True

    @property
    def is_all(self) -> bool:
        """Whether all texts of the earlier item have come again."""
        return all(self._at.get(name, 0) == len(self._text(name)) for name in self._texts)

    def is_same(self, data: Mapping[str, Any]) -> bool:
        """Return whether an item that is whole now is the earlier one once more."""
        return self.is_all and all(self._data.get(name) == data.get(name) for name in _TELLING)

    def _text(self, name: str) -> str:
        if name not in self._known:
            parts = self._texts.get(name)
            self._known[name] = "" if parts is None else parts.text
        return self._known[name]


def once(wholes: Sequence[tuple[_T, Any]]) -> list[tuple[_T, Any]]:
    """Return the items of the last event, those that are repeated once.

    Args:
        wholes: The items, each beside something else.
    """
    kept: list[tuple[_T, Any]] = []
    calls: list[Any] = []
    before: Any = None
    for beside, data in wholes:
        now = _identity_of(data)
        if now[0] == CALL:
            is_repeated = now in calls
            calls.append(now)
        else:
            is_repeated = now == before and any(now[1:])
        before = now
        if not is_repeated:
            kept.append((beside, data))
    return kept


def _identity_of(data: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two items that are one have in common."""
    texts = {name: "".join(text for _, text in parts) for name, parts in texts_of(data).items()}
    kind = data.get("type")
    if kind == CALL:
        id = data.get("call_id")
        return kind, object() if id is None else id, data.get("name"), texts
    return kind, texts, *map(data.get, _TELLING)
