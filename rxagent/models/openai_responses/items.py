"""Items: which item of a reply an event is about, by whatever identifies it.

Servers differ in what they send. Some gateways encrypt the id of an item again in each event, some
leave out ids or indexes, or repeat an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any

from attrs import define, field, frozen

from ..blocks import Place
from ..repeated import Repeated
from .contents import CALL, OF_MODEL, Texts
from .parts import CONTRADICTS, EQUALS, EXTENDS, UNKNOWN, Parts

__all__ = ["Item", "Items", "Signs"]

Fit = Callable[["Item"], int]
"""Returns how well what an event holds fits to what has come of an item."""

_FEW = 64
"""How many of the latest items are searched for one that nothing but its content identifies."""


@frozen
class Signs:
    """What an event tells about its item.

    Attributes:
        kind: The type of the item.
        index: Its index.
        id: Its id.
        call_id: The id of its call.
        name: The name of its call.
    """

    kind: str
    index: int | None
    id: str | None
    call_id: str | None = None
    name: str | None = None


@define(eq=False)
class Item:
    """An item that has begun.

    Attributes:
        kind: Its type.
        index: Its index; None if that is not known.
        ids: Its ids.
        call_id: The id of its call.
        name: The name of its call, once that was emitted.
        call: The number of its call.
        texts: Its texts by their names.
        held: Pieces of the arguments of a call whose name is not known.
        pending: Whole texts that are not complete in what was emitted.
        data: What the whole item has beside its id and its state.
        whole: The item, as it was when it came as a whole first.
        kept: What was kept of it for its provider.
        place: Where it stands among what is kept.
        behind: The items before it that could not be kept.
        is_paired: Whether reasoning before it was kept.
        own_thoughts: What was in `thoughts` when it came as a whole first, unless it was mixed.
        is_announced: Whether an event has said that it begins.
        is_whole: Whether it came as a whole.
        state: Its state, as the latest event that has it as a whole says.
        begun: Where its text begins among all text; None before its first piece.
        heard: The same, with the thoughts that stand between tags.
        said: How many characters of text it has.
        thoughts: Where the parts of its reasoning are, among the characters since the block before.
        latest: The latest part of its reasoning.
        is_mixed: Whether other reasoning stands between that of the item.
        is_commentary: Whether it is a message before the answer, which is read as reasoning.
        earlier: The item that it may be once more.
        repeated: Compares the two, and holds what comes of it, until that is known.
    """

    kind: str
    index: int | None = None
    ids: set[str] = field(factory=set)
    call_id: str | None = None
    name: str | None = None
    call: int = 0
    texts: dict[str, Parts] = field(factory=dict)
    held: list[str] = field(factory=list)
    pending: dict[str, dict[int, str]] = field(factory=dict)
    data: Mapping[str, Any] | None = None
    whole: Mapping[str, Any] = field(factory=dict)
    kept: Mapping[str, Any] | None = None
    place: Place | None = None
    behind: set[Item] = field(factory=set)
    is_paired: bool = False
    own_thoughts: list[list[Any]] = field(factory=list)
    is_announced: bool = False
    is_whole: bool = False
    state: Any = None
    begun: int | None = None
    heard: int = 0
    said: int = 0
    thoughts: list[list[Any]] = field(factory=list)
    latest: tuple[str, int] | None = None
    is_mixed: bool = False
    is_commentary: bool = False
    earlier: Item | None = None
    repeated: Repeated | None = None

    def parts(self, name: str) -> Parts:
        """Return what has come of a text."""
        return self.texts.setdefault(name, Parts())

    def must_wait(self, name: str, number: int) -> bool:
        """Return whether a part of a text is behind one of which it is not known what is new."""
        return any(before < number for before in self.pending.get(name, ()))

    def wait(self, name: str, number: int, piece: str) -> None:
        """Note a piece that waits behind such a part."""
        pending = self.pending.setdefault(name, {})
        pending[number] = pending.get(number, "") + piece

    def fit(self, texts: Texts, data: Mapping[str, Any] | None) -> int:
        """Return how a whole item fits to what has come of this one."""
        if data is not None and self.data == data:
            return EQUALS
        fits = {known.fit(texts[name]) for name, known in self.texts.items() if name in texts}
        return CONTRADICTS if CONTRADICTS in fits else max(fits, default=UNKNOWN)


class Items:
    """The items of one reply, in the order in which they began.

    Attributes:
        has_strays: Whether a piece had to begin an item, which may be that of another item.
    """

    def __init__(self) -> None:
        self.has_strays = False
        self._all: dict[str, list[Item]] = {}
        self._by_id: dict[tuple[str, str], list[Item]] = {}
        self._by_index: dict[tuple[str, int], list[Item]] = {}
        self._by_call: dict[str, list[Item]] = {}
        self._latest: Item | None = None
        self._kinds: dict[int, set[str]] = {}
        """The types of the items at an index, which is none where they are several."""
        self._ids_repeat = self._ids_change = False
        """Whether an id was found in a second event, and whether an item has had two."""

    def __iter__(self) -> Iterator[Item]:
        for items in self._all.values():
            yield from items

    def __bool__(self) -> bool:
        """Whether any item has begun."""
        return bool(self._all)

    def begun(self, signs: Signs) -> Item:
        """Return the item of an event that says that it begins; it may have begun before."""
        item = self._announced(signs)
        if item is None or item.is_whole:
            item = self._new(signs)
        item.is_announced = True
        return self._learn(item, signs)

    def of_piece(self, signs: Signs) -> Item:
        """Return the item to which a piece belongs."""
        item = self._with_id(signs)
        if item is None:
            at = self._open_at(signs)
            item = at or self._latest_open(signs)
            # A server that announces one item announces each, so that this id is only odd.
            is_certain = at is not None and at.is_announced
            if item is not None and item.texts and not is_certain:
                item = None if self._has_other_id(item, signs) else item
        self.has_strays = self.has_strays or item is None
        if item is None or item.is_whole:
            item = self._new(signs)
        return self._learn(item, signs, is_piece=True)

    def of_whole(self, signs: Signs, fit: Fit) -> Item:
        """Return the item of an event that holds a whole text of it, or all of it."""
        item = self._best(signs, fit, self._accepts)
        return self._learn(item or self._new(signs), signs)

    def find_last(self, signs: Signs, fit: Fit, taken: set[Item], is_first: bool) -> Item | None:
        """Return the item that the last event repeats, or None.

        Args:
            signs: What identifies it.
            fit: Returns how well it fits to an item.
            taken: The items that others of the last event repeat.
            is_first: Whether it must be certain.
        """

        def is_one(item: Item, _: Signs, how: int) -> bool:
            if item in taken or how == EQUALS:
                return item not in taken
            is_named = self._is_named(item, signs)
            if is_first:
                return is_named and how > CONTRADICTS
            return is_named or item.index == signs.index or how == EXTENDS

        return self._best(signs, fit, is_one, is_last=True)

    def add(self, signs: Signs) -> Item:
        """Return a new item."""
        return self._learn(self._new(signs), signs)

    # What identifies an item.

    def _new(self, signs: Signs) -> Item:
        item = Item(signs.kind)
        if (earlier := self._earlier(signs)) is not None:
            item.earlier = earlier
            item.repeated = Repeated({name: it.text for name, it in earlier.texts.items()})
        self._latest = item
        self._all.setdefault(signs.kind, []).append(item)
        return item

    def _earlier(self, signs: Signs) -> Item | None:
        """Return the whole item that a new one may repeat: one at its place, or right before it.

        Calls that have ids of their own are several, even if they are alike.
        """
        if signs.kind not in OF_MODEL:
            return None
        found: list[Item] = [*self._by_call.get(signs.call_id or "", ())[-1:]]
        found += self._by_id.get((signs.kind, signs.id or ""), ())[-1:]
        if signs.index is not None and len(self._kinds.get(signs.index, ())) < 2:
            found += self._by_index.get((signs.kind, signs.index), ())[-1:]
        if signs.kind != CALL and self._latest is not None:
            found.append(self._latest)
        for item in found:
            is_other = None not in (item.call_id, signs.call_id) and item.call_id != signs.call_id
            if item.kind == signs.kind and item.is_whole and not is_other:
                return item
        return None

    def _learn(self, item: Item, signs: Signs, is_piece: bool = False) -> Item:
        if signs.id is not None and signs.id not in item.ids:
            self._ids_change = self._ids_change or bool(item.ids)
            if not (is_piece and item.ids):
                item.ids.add(signs.id)
                self._by_id.setdefault((item.kind, signs.id), []).append(item)
        if item.index is None and signs.index is not None:
            item.index = signs.index
            self._kinds.setdefault(signs.index, set()).add(item.kind)
            self._by_index.setdefault((item.kind, signs.index), []).append(item)
        if item.call_id is None and signs.call_id is not None:
            item.call_id = signs.call_id
            self._by_call.setdefault(signs.call_id, []).append(item)
        return item

    def _with_id(self, signs: Signs) -> Item | None:
        """Return the item with an id; the one at the index, or the latest, of several."""
        same = self._by_id.get((signs.kind, signs.id or ""))
        if not same:
            return None
        self._ids_repeat = True
        at = [item for item in same if item.index == signs.index] if len(same) > 1 else same
        return (at or same)[-1]

    def _open_at(self, signs: Signs) -> Item | None:
        """Return the latest item at an index, unless it is whole."""
        at = () if signs.index is None else self._by_index.get((signs.kind, signs.index), ())
        return at[-1] if at and not at[-1].is_whole else None

    def _latest_open(self, signs: Signs) -> Item | None:
        """Return the latest item, if it may go on with an event that has this index."""
        known = self._all.get(signs.kind)
        latest = known[-1] if known else None
        may_be = latest is not None and None in (signs.index, latest.index)
        return latest if may_be and latest is not None and not latest.is_whole else None

    def _announced(self, signs: Signs) -> Item | None:
        if signs.kind == CALL:
            for item in reversed(self._by_call.get(signs.call_id or "", ())):
                is_elsewhere = None not in (signs.index, item.index) and signs.index != item.index
                if not is_elsewhere and not self._is_other_call(item, signs):
                    return item
        same = self._with_id(signs)
        if same is not None and not self._is_other_call(same, signs):
            is_elsewhere = signs.index is not None and same.index not in (None, signs.index)
            return None if is_elsewhere and same.is_announced else same
        at = self._open_at(signs)
        if at is not None and not self._is_other_call(at, signs):
            return None if at.is_announced and self._has_other_id(at, signs) else at
        latest = self._latest_open(signs)
        if latest is None or self._is_other_call(latest, signs):
            return None
        is_repeated = not latest.texts and signs.id is None
        return latest if not latest.is_announced or is_repeated else None

    def _best(
        self,
        signs: Signs,
        fit: Fit,
        accepts: Callable[[Item, Signs, int], bool],
        is_last: bool = False,
    ) -> Item | None:
        """Return the item that fits best among those that are accepted, or None."""
        found: list[Item] = [*self._by_call.get(signs.call_id or "", ())]
        found += self._by_id.get((signs.kind, signs.id or ""), ())
        for named in sorted(found, key=lambda item: item.index != signs.index):
            how = fit(named)
            is_other = how == CONTRADICTS or self._is_other_call(named, signs, how, is_last)
            if not is_other and accepts(named, signs, how):
                self._ids_repeat = self._ids_repeat or signs.id in named.ids
                return named
        if signs.index is not None:
            found += self._by_index.get((signs.kind, signs.index), ())[-_FEW:]
        found += islice(reversed(self._all.get(signs.kind, ())), _FEW)
        ranked = []
        for item in dict.fromkeys(found):
            if item.kind == signs.kind:
                how = fit(item)
                is_other = self._is_other_call(item, signs, how, is_last)
                if not is_other and accepts(item, signs, how):
                    ranked.append((self._rank(item, signs, how), item))
        return max(ranked, key=itemgetter(0), default=(None, None))[1]

    def _has_other_id(self, item: Item, signs: Signs) -> bool:
        """Return whether an id shows that an event is about another item."""
        is_new = signs.id is not None and bool(item.ids) and signs.id not in item.ids
        return is_new and self._ids_repeat and not self._ids_change

    def _is_other_call(
        self, item: Item, signs: Signs, how: int | None = None, is_last: bool = False
    ) -> bool:
        """Return whether a call is another than that of an event.

        What identifies the item, its id and its index, decides before the id of the call, which
        some servers change with each event. The last event repeats what came, so that its
        contents decide there.

        Args:
            item: The item of the call.
            signs: What the event tells.
            how: How its contents fit; None where it begins an item, and has none.
            is_last: Whether it is the last event.
        """
        if None not in (item.name, signs.name) and item.name != signs.name:
            return True
        if None in (item.call_id, signs.call_id) or item.call_id == signs.call_id:
            return False
        is_at = signs.index is not None and item.index == signs.index
        is_begun = item.is_whole or (how is None and item.is_announced)
        if signs.id in item.ids and is_at:
            return item.is_whole and how != EQUALS and not is_last
        if is_last:
            return how == CONTRADICTS
        if signs.id in item.ids:
            return is_begun or None not in (item.index, signs.index)
        is_same = is_at and how != CONTRADICTS and not self._has_other_id(item, signs)
        return is_begun or not is_same

    def _is_named(self, item: Item, signs: Signs) -> bool:
        """Return whether an item has an id of an event."""
        return signs.id in item.ids or (signs.call_id is not None and item.call_id == signs.call_id)

    def _accepts(self, item: Item, signs: Signs, fit: int) -> bool:
        """Return whether a whole text, or a whole item, is one of this item."""
        is_elsewhere = None not in (signs.index, item.index) and signs.index != item.index
        if self._is_named(item, signs):
            return fit == EQUALS or not is_elsewhere or (fit > CONTRADICTS and not item.is_whole)
        is_other = self._has_other_id(item, signs)
        if is_elsewhere:  # calls may be alike, so that one with another id is another
            is_other = is_other or (item.kind == CALL and not self._ids_change)
            return fit == EQUALS and not item.is_whole and not is_other
        is_unnamed = item.kind == CALL and item.name is None
        if is_unnamed and is_other:
            return False
        is_at = signs.index is not None and item.index == signs.index
        if is_at and not item.is_whole:
            return fit > CONTRADICTS or not (is_other or is_unnamed)
        if item.is_whole:
            return fit > (CONTRADICTS if is_at else EXTENDS) and not is_other
        return fit >= EXTENDS or (fit == UNKNOWN and not is_other)

    def _rank(self, item: Item, signs: Signs, fit: int) -> tuple[Any, ...]:
        """Return how well an item fits, to be compared."""
        is_at = signs.index is not None and item.index == signs.index
        is_near = is_at and fit > CONTRADICTS
        return self._is_named(item, signs), is_near, fit, not item.is_whole
