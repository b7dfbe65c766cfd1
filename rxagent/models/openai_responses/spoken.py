"""Spoken: what of a reply was emitted, and the items that its provider wants back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...events import Delta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ...messages import ProviderData
from ..blocks import Blocks
from ..divided import Divided
from ..openai_chat.fields import id_of
from ..openai_chat.nesting import is_deep
from ..own_tags import Tags
from .contents import CALL, Texts
from .items import Item
from .parts import Part, missing_of

__all__ = ["CHANNELS", "Spoken", "channel_of"]

_COMMENTARY = "commentary"
_SECRET = "encrypted_content"
_OF_CALLS = {"type", "status", "call_id", "name", "arguments"}
_NOT_GIVEN_BACK = {"status", "summary", "content"}
_NOTHING: tuple[Any, ...] = (None, "", [], {})
"""Values of fields that say nothing."""

_BETWEEN = "\n\n"
"""What stands between two parts of the reasoning."""

CHANNELS = "text", _COMMENTARY, "refusal"
"""What a message says: the answer, what comes before it, or why there is none."""


def channel_of(item: Item, name: str) -> str:
    """Return the channel of a text of an item."""
    return _COMMENTARY if item.is_commentary and name == "text" else name


class Spoken:
    """Makes the deltas of one reply, and keeps the items that the provider wants back.

    Args:
        origin: The origin that gets the items back; None keeps none.
        tags: The tags between which the model may write its thoughts.
    """

    def __init__(self, origin: str | None, tags: Sequence[Tags]) -> None:
        self._origin = origin
        self._blocks = Blocks(origin)
        self._text = Divided(self._blocks, tags)
        self._said: dict[str, list[str]] = {name: [] for name in CHANNELS}
        self._commented = self._heard = 0
        self._speaking: Item | None = None
        self._comments: list[Item] = []
        self._thinking: list[Item] = []
        self._thought = 0
        self._has_thought = self._has_kept = False
        self._lost: set[Item] = set()

    def pieces(self, item: Item, name: str, number: int, piece: str) -> Iterator[Delta]:
        """Yield the deltas of a piece of an item."""
        if name == "text" and not item.is_commentary:
            yield from self._say(item, piece)
        else:
            yield self.piece(item, name, number, piece)

    @property
    def are_plain(self) -> bool:
        """Whether each further piece of text has one delta."""
        return self._text.are_over

    def end(self) -> Iterator[Delta]:
        """Yield what was held back of the text, at the end of an item."""
        yield from self._counted(self._text.end())

    def piece(self, item: Item, name: str, number: int, piece: str) -> Delta:
        """Return the delta of a piece of an item, which has one."""
        match name:
            case "text" if item.is_commentary:
                return self._comment(item, number, piece)
            case "text":
                return next(self._say(item, piece))
            case "arguments":
                return ToolCallDelta(item.call, arguments=piece)
            case "refusal":
                self._said[name].append(piece)
                return RefusalDelta(piece)
        return self._think(item, (name, number), piece)

    def call(self, item: Item, data: Mapping[str, Any]) -> ToolCallDelta:
        """Return the delta that begins a call, whose name is known."""
        item.call = self._blocks.calls
        self._blocks.calls += 1
        back = item.kept = _back_of(data)
        extra = (ProviderData(self._origin, back),) if back and self._origin is not None else ()
        id = id_of(data.get("call_id")) or id_of(data.get("id"))
        return ToolCallDelta(item.call, id, item.name, "", extra)

    @property
    def has_answered(self) -> bool:
        """Whether an answer was said, or refused."""
        return any(any(map(str.strip, self._said[name])) for name in ("text", "refusal"))

    def answer(self, item: Item, text: str) -> Iterator[Delta]:
        """Yield the text of a commentary as the answer, and keep that it is the same."""
        self._blocks.text += len(text)
        yield TextDelta(text)
        if item in self._comments:
            again = {"type": "message", "again": self._comments.index(item)}
            yield from self._blocks.keep(again, len(text))

    def missing_in_all(self, channel: str, whole: list[Part]) -> list[Part] | None:
        """Return what the text of all items adds to what was said; None if it does not show it.

        Args:
            channel: The channel of the text.
            whole: The texts of all items in that channel, each with any number.
        """
        said = "".join(self._said[channel])
        is_known = "".join(text for _, text in whole).startswith(said)
        return [*missing_of(whole, len(said))] if said and is_known else None

    def has_said(self, item: Item, texts: Texts) -> bool:
        """Return whether the text of an item was said since it began, if also as another one's."""
        if item.begun is None or "text" not in texts:
            return False
        text = "".join(text for _, text in texts["text"])
        said = "".join(self._said[channel_of(item, "text")])
        return said[item.heard :].startswith(text)

    def _say(self, item: Item, piece: str) -> Iterator[Delta]:
        if item.begun is None:
            item.begun, item.heard = self._blocks.text, self._heard
        self._heard += len(piece)
        self._said["text"].append(piece)
        self._speaking = item
        yield from self._counted(self._text.add(piece))

    def _counted(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        for delta in deltas:
            match delta:
                case TextDelta(text) if self._speaking is not None:
                    self._speaking.said += len(text)
                case ReasoningDelta(text, ()):
                    self._thought += len(text)
                case ReasoningDelta():  # it keeps the thought as a block
                    self._thought = 0
            yield delta

    def _comment(self, item: Item, number: int, piece: str) -> ReasoningDelta:
        if item.begun is None:
            item.begun = item.heard = self._commented
        self._commented += len(piece)
        self._said[_COMMENTARY].append(piece)
        return self._think(item, ("text", number), piece)

    def _think(self, item: Item, place: tuple[str, int], piece: str) -> ReasoningDelta:
        if item.latest != place or self._thinking[-1:] != [item]:
            item.is_mixed = item.is_mixed or bool(item.thoughts and self._thinking[-1:] != [item])
            item.latest = place
            before = _BETWEEN if self._has_thought else ""
            begin = self._thought + len(before)
            item.thoughts.append([place[0], begin, begin])
            piece = before + piece
            self._has_thought = True
            self._thinking.append(item)
        self._thought += len(piece)
        item.thoughts[-1][2] = self._thought
        return self._blocks.reason(piece)

    def place(self, item: Item, whole: Mapping[str, Any]) -> int:
        """Note the place of an item that is whole now, and return the length of its text.

        It is zero if other text stands behind it.
        """
        is_last = (item.begun or 0) + item.said == self._blocks.text
        size = item.said if is_last and not item.is_commentary else 0
        item.whole, item.place, item.behind = whole, self._blocks.place(size), set(self._lost)
        item.is_paired = self._has_kept
        item.own_thoughts = [] if item.is_mixed else [[*part] for part in item.thoughts]
        return size

    def keep(self, item: Item, whole: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what keeps an item that the provider wants back.

        A plain message needs none of its data, unless reasoning precedes it. What follows
        reasoning that cannot be given back must lose its id, so it is not kept.

        Args:
            item: The item.
            whole: The item as a whole.
        """
        size = self.place(item, whole)
        if item.kind == CALL:
            yield from self._complete_call(item, whole)
            return
        item.kept = self._data_of(item, whole, size)
        if item.kept is None:
            return
        if item.is_commentary:
            self._comments.append(item)
        for other in self._thinking:
            other.is_mixed = other.is_mixed or other is not item
        self._thinking.clear()
        self._thought = 0
        yield from self._blocks.keep(item.kept, size)

    def complete(self, item: Item, whole: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what keeps the fields that an item lacked when it came as a whole first.

        Args:
            item: The item.
            whole: The item once more.
        """
        if item.place is None or item.is_commentary or _is_earlier(item, whole):
            return
        if item.kind == CALL:
            yield from self._complete_call(item, whole)
            return
        known = {name: value for name, value in item.whole.items() if value not in _NOTHING}
        data = self._data_of(item, {**whole, **known}, item.place.data["text"])
        if data is not None and data != item.kept:
            yield from self._blocks.keep_late(data, item.place, item.kept is not None)
            item.kept = data

    def _complete_call(self, item: Item, whole: Mapping[str, Any]) -> Iterator[Delta]:
        back = {**_back_of(whole), **(item.kept or {})}
        id = id_of(whole.get("call_id")) or id_of(whole.get("id"))
        if back != item.kept and id is not None:
            yield from self._blocks.tell({"call": id, "data": back})
        item.kept = back

    def _data_of(self, item: Item, whole: Mapping[str, Any], size: int) -> dict[str, Any] | None:
        """Return what is kept of an item; None if nothing is."""
        data = {name: value for name, value in whole.items() if value is not None}
        match item.kind:
            case "message" if item.is_commentary:
                if item.is_mixed or not item.thoughts:
                    return None
                data = {"type": item.kind, "id": data.get("id"), "phase": _COMMENTARY}
                data["parts"] = item.thoughts
            case "message":
                data = {name: data[name] for name in ("type", "id", "phase") if name in data}
                is_paired = item.is_paired or not item.behind <= self._lost
                if not size or not (is_paired or "phase" in data or item.begun):
                    return None
            case "reasoning":
                for name in _NOT_GIVEN_BACK & data.keys():
                    del data[name]
                has_content = any(name == "content" for name, _, _ in item.thoughts)
                if is_deep(data) or not (has_content or data.get(_SECRET)):
                    self._lost.add(item)
                    return None
                self._lost.discard(item)
                self._has_kept = True
                data["parts"] = item.own_thoughts
            case _ if not self._lost.isdisjoint(item.behind):
                return None
        return None if is_deep(data) else data


def _is_earlier(item: Item, whole: Mapping[str, Any]) -> bool:
    """Return whether an item is an earlier one once more, also in what only the end has shown."""
    if item.repeated is None or item.earlier is None:
        return False
    known = item.earlier.kept or {}
    return item.kind != "reasoning" or whole.get(_SECRET) in (None, known.get(_SECRET))


def _back_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a call is given back beside what we know of it."""
    return {
        name: value
        for name, value in call.items()
        if name not in _OF_CALLS and value is not None and not is_deep(value)
    }
