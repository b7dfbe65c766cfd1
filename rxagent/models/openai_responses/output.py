"""The output of one reply of OpenAI's Responses protocol: its items, put together from events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from ...events import Delta
from ...json_text import lacks_end
from ...streams.fairness import REST, Rest
from ..cut_calls import unended
from ..openai_chat.fields import Halves, id_of, whole
from ..openai_chat.nesting import is_deep
from ..own_tags import THINK, Tags
from .contents import CALL, MESSAGE, OF_MODEL, Texts, texts_of
from .items import Fit, Item, Items, Signs
from .once import TELLING, once
from .parts import Part
from .spoken import CHANNELS, Spoken, channel_of

__all__ = ["Add", "Contradicted", "Output", "Unnamed"]

Add = Callable[[str], Delta]
"""Adds a piece to a part of an item, and returns its delta."""

_IDS = "call_id", "id", "status"
"""What of a repeated item may differ."""

_OF_ALL = "text", "refusal"
"""The texts that the last event can be compared with as a whole."""


class Unnamed(Exception):
    """A call has arguments, but no name."""


class Contradicted(Exception):
    """The whole arguments of a call differ from their pieces."""


class Output:
    """Turns the items of one reply into deltas, each once, whichever events hold them.

    Attributes:
        has_calls: Whether a tool was called.
        is_contradicted: Whether the whole text of an answer differs from its pieces.

    Args:
        origin: The origin that gets the items back; None keeps none.
        tags: The tags between which the model may write its thoughts.
    """

    def __init__(self, origin: str | None, tags: Sequence[Tags] = (THINK,)) -> None:
        self.has_calls = self.is_contradicted = False
        self._items = Items()
        self._spoken = Spoken(origin, tags)
        self._halves = Halves()
        self._latest: tuple[Item, str, int] | None = None

    def __bool__(self) -> bool:
        """Whether anything has begun."""
        return bool(self._items)

    @property
    def is_cut(self) -> bool:
        """Whether a limit has cut an item, as its state says."""
        return any(item.state == "incomplete" for item in self._items if item.kind in OF_MODEL)

    @property
    def has_broken_off(self) -> bool:
        """Whether a call is in progress at the end, and its arguments lack theirs.

        The state alone says nothing: some servers leave an item in the state in which it began.
        """
        calls = (item for item in self._items if (item.kind, item.state) == (CALL, "in_progress"))
        return any(lacks_end(item.parts("arguments").text) for item in calls)

    @property
    def has_halves(self) -> bool:
        """Whether the first half of a character waits for its other one."""
        return bool(self._halves.kept)

    def start(self, index: int | None, data: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what the start of an item holds."""
        if (signs := _signs_of(index, data)) is not None:
            item = self._items.begun(signs)
            _note_phase(item, data)
            for name, parts in texts_of(data).items():
                item.pending.setdefault(name, {}).update(parts)
            yield from self._name(item, data)

    def grow(self, signs: Signs, name: str, part: int | None, piece: str) -> Iterator[Delta]:
        """Yield what a piece adds to a text of an item."""
        item = self._items.of_piece(signs)
        number = item.parts(name).number_of(part)
        if item.must_wait(name, number):
            self._latest = None
            item.wait(name, number, piece)
            return
        self._latest = item, name, number
        yield from self._grow(item, name, number, piece)

    def adder(self) -> Add | None:
        """Return what adds pieces as the latest `grow` did; None if they cannot be emitted yet."""
        if self._latest is None:
            return None
        item, name, number = self._latest
        if item.repeated is not None or (name == "arguments" and item.name is None):
            return None
        if name == "text" and not self._spoken.are_plain:
            return None
        note = item.parts(name).pieces(number).append
        spoken = self._spoken

        def add(piece: str) -> Delta:
            note(piece)
            return spoken.piece(item, name, number, piece)

        return add

    def fill(self, signs: Signs, name: str, part: int | None, text: str) -> Iterator[Delta]:
        """Yield what a text that is whole now adds to its pieces."""
        item = self._items.of_whole(signs, lambda item: item.parts(name).fit_part(part, text))
        if item.is_whole:
            return
        _check_arguments(item, name, [(0, text)] if text else [])
        parts = item.parts(name)
        if parts.is_first(part or 0) and self._has_said(item, {name: [(0, text)]}):
            parts.end(parts.number_of_whole(part, text))
            return
        if name in _OF_ALL and parts.is_part_contradicted_by(part, text):
            self.is_contradicted = True
        number = parts.number_of_whole(part, text)
        missing = parts.missing_in(number, text)
        if missing is None or item.must_wait(name, number):
            item.pending.setdefault(name, {})[number] = text
        else:
            item.pending.get(name, {}).pop(number, None)
            yield from self._complete(item, name, [(number, missing)] if missing else [])
            parts.end(number)

    def stop(self, index: int | None, data: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield what is missing of an item that is whole now, and keep it."""
        if (signs := _signs_of(index, data)) is None:
            return
        texts = texts_of(data)
        item = self._items.of_whole(signs, _fit(texts, data))
        _note_phase(item, data)
        yield from self._name(item, data)
        yield from self._stop(item, data, texts)

    def finish(self, output: Sequence[Any]) -> Iterator[Delta | Rest]:
        """Yield what the output of the last event adds to what came before it, and the rest."""
        wholes = once(
            [
                (signs, data)
                for index, data in enumerate(output)
                if (signs := _signs_of(index, data))
            ]
        )
        items = yield from self._find_all(wholes)
        texts = [texts_of(data) for _, data in wholes]
        for item, (_, data) in zip(items, wholes, strict=True):
            _note_phase(item, data)
        missing = self._missing_in_all(items, texts)
        for at, (item, (_, data)) in enumerate(zip(items, wholes, strict=True)):
            yield from self._name(item, data)
            for name in _OF_ALL:
                if (parts := missing.get(channel_of(item, name))) is not None:
                    yield from self._complete(item, name, parts.get(at, []))
                    texts[at].pop(name, None)
            yield from self._stop(item, data, texts[at])
            yield REST
        for item in self._items:
            if not item.is_whole:
                for name, pending in item.pending.items():
                    missing_parts = item.parts(name).missing(sorted(pending.items()))
                    yield from self._complete(item, name, [*missing_parts])
                if item.repeated is not None and not item.repeated.is_all:
                    yield from self._release(item)
        yield from self.flush()
        self._check()

    def answer(self) -> Iterator[Delta]:
        """Yield the commentary as the answer, at the end of a reply that has nothing else."""
        if self.has_calls or self._spoken.has_answered:
            return
        for item in self._items:
            if item.is_commentary and item.thoughts:
                yield from self._spoken.answer(item, item.parts("text").text)

    def flush(self) -> Iterator[Delta]:
        """Yield the replacements of halves whose other ones did not come."""
        for place, text in self._halves.flush().items():
            item, name, number = cast(tuple[Item, str, int], place)
            yield from self._emit(item, name, number, text)
        yield from self._spoken.end()

    def _find_all(self, wholes: list[tuple[Signs, Any]]) -> Generator[Rest, None, list[Item]]:
        """Return the items that the last event repeats, found by the certain signs first."""
        found: dict[int, Item] = {}
        taken: set[Item] = set()
        for is_first in (True, False):
            for at, (signs, data) in enumerate(wholes):
                if at not in found:
                    item = self._items.find_last(signs, _fit(texts_of(data), data), taken, is_first)
                    if item is not None:
                        found[at] = item
                        taken.add(item)
                yield REST
        return [found.get(at) or self._items.add(signs) for at, (signs, _) in enumerate(wholes)]

    def _missing_in_all(
        self, items: list[Item], texts: list[Texts]
    ) -> dict[str, dict[int, list[Part]]]:
        """Return what the texts of all items add to what was said, by their channels and items."""
        missing: dict[str, dict[int, list[Part]]] = {}
        for channel in CHANNELS:
            places = [
                (at, part)
                for at, item in enumerate(items)
                for name in _OF_ALL
                if channel_of(item, name) == channel
                for part in texts[at].get(name, ())
            ]
            whole = [(at, text) for at, (_, (_, text)) in enumerate(places)]
            added = self._spoken.missing_in_all(channel, whole)
            if added is not None:
                missing[channel] = {}
                for place, text in added:
                    at, (number, _) = places[place]
                    missing[channel].setdefault(at, []).append((number, text))
        return missing

    def _stop(self, item: Item, data: Mapping[str, Any], texts: Texts) -> Iterator[Delta]:
        item.state = data.get("status")
        has_said = self._has_said(item, texts)
        for name, parts in texts.items():
            _check_arguments(item, name, parts)
            if not (has_said and name == "text"):
                if name in _OF_ALL and item.parts(name).are_contradicted_by(parts):
                    self.is_contradicted = True
                missing = [*item.parts(name).missing(parts)]
                if name == "arguments" and item.state == "incomplete":
                    missing = [(number, unended(text)) for number, text in missing]
                yield from self._complete(item, name, missing)
        if item.is_whole:
            yield from self._spoken.complete(item, data)
        else:
            item.is_whole = True
            item.data = _rest_of(data)
            yield from self.flush()
            if _is_repeated(item, data):
                self._spoken.place(item, data)
            else:
                yield from self._release(item)
                yield from self._spoken.keep(item, data)

    def _has_said(self, item: Item, texts: Texts) -> bool:
        """Return whether a text was said, though its pieces had an odd id or odd numbers."""
        known = item.texts.get("text")
        may_be = self._items.has_strays or (known is not None and known.are_several)
        return may_be and self._spoken.has_said(item, texts)

    def _complete(self, item: Item, name: str, missing: list[Part]) -> Iterator[Delta]:
        """Yield what is missing of a text, whose last half of a character then is whole in it."""
        for number, text in missing:
            self._halves.drop((item, name, number))
            yield from self._grow(item, name, number, text)

    def _grow(self, item: Item, name: str, number: int, piece: str) -> Iterator[Delta]:
        if joined := self._halves.join((item, name, number), piece):
            yield from self._emit(item, name, number, joined)

    def _emit(self, item: Item, name: str, number: int, piece: str) -> Iterator[Delta]:
        item.parts(name).pieces(number).append(piece)
        if item.repeated is None or not item.repeated.goes_on(name, piece):
            yield from self._release(item)
            yield from self._say(item, name, number, piece)
        else:
            item.repeated.held.append(partial(self._say, item, name, number, piece))

    def _release(self, item: Item) -> Iterator[Delta]:
        """Yield what was held of an item that is no repeated one."""
        repeated, item.repeated = item.repeated, None
        for held in () if repeated is None else repeated.held:
            yield from held()

    def _say(self, item: Item, name: str, number: int, piece: str) -> Iterator[Delta]:
        if name == "arguments" and item.name is None:
            item.held.append(piece)
        else:
            yield from self._spoken.pieces(item, name, number, piece)

    def _name(self, item: Item, data: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield id and name of a call, once, and the arguments that came before them."""
        name = data.get("name")
        if item.kind != CALL or item.name is not None or not (name and isinstance(name, str)):
            return
        item.name = whole(name)
        if item.repeated is None or item.earlier is None or item.earlier.name != item.name:
            yield from self._release(item)
            yield from self._call(item, data)
        else:
            item.repeated.held.append(partial(self._call, item, data))

    def _call(self, item: Item, data: Mapping[str, Any]) -> Iterator[Delta]:
        self.has_calls = True
        yield self._spoken.call(item, data)
        if item.held:
            yield self._spoken.piece(item, "arguments", 0, "".join(item.held))
            item.held = []

    def _check(self) -> None:
        """Check that no call has lost its name, unless its arguments are those of another one.

        Raises:
            Unnamed: One has.
        """
        calls = [item for item in self._items if item.kind == CALL]
        known = {item.parts("arguments").text for item in calls if item.name is not None}
        if any(item.held and item.parts("arguments").text not in known for item in calls):
            raise Unnamed


def _note_phase(item: Item, data: Mapping[str, Any]) -> None:
    """Note that a message is commentary, unless it was said as the answer already."""
    if item.kind == MESSAGE and data.get("phase") == "commentary" and not item.said:
        item.is_commentary = True


def _is_repeated(item: Item, data: Mapping[str, Any]) -> bool:
    """Return whether an item that is whole now is an earlier one once more."""
    if item.repeated is None or item.earlier is None or not item.repeated.is_all:
        return False
    known = item.earlier.data or {}
    return all(known.get(name) == data.get(name) for name in TELLING)


def _check_arguments(item: Item, name: str, whole: Sequence[Part]) -> None:
    """Check that the whole arguments of a call do not contradict their pieces.

    Raises:
        Contradicted: They do.
    """
    text = "".join(part for _, part in whole)
    if name == "arguments" and item.parts(name).is_contradicted_by(text):
        raise Contradicted


def _signs_of(index: int | None, data: Any) -> Signs | None:
    """Return what an item tells about itself; None if it is none."""
    kind = data.get("type") if isinstance(data, Mapping) else None
    if not isinstance(kind, str):
        return None
    id, name = id_of(data.get("id")), data.get("name")
    if kind != CALL:
        return Signs(kind, index, id)
    is_named = bool(name) and isinstance(name, str)
    return Signs(kind, index, id, id_of(data.get("call_id")), whole(name) if is_named else None)


def _fit(texts: Texts, data: Mapping[str, Any]) -> Fit:
    rest = _rest_of(data)
    return lambda item: item.fit(texts, rest)


def _rest_of(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a repeated item repeats, whatever its id; None if it cannot be compared."""
    return (
        None if is_deep(data) else {name: value for name, value in data.items() if name not in _IDS}
    )
