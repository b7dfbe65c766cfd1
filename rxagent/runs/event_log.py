"""EventLog: the events of a run in little memory, for late observers and for its state."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, count, islice
from operator import gt
from threading import Lock
from typing import Any, Literal, TypeAlias

from attrs import Factory, define

from ..arguments import shown
from ..coalescing import (
    TEXTS,
    Joiner,
    NumberedEvents,
    channel,
    coalesced,
    like,
    numbered,
    piece,
    texts_of,
)
from ..errors import describe
from ..events import Event, FinalAnswer, RunFailed, RunStarted
from ..state import State, fold, fold_all

__all__ = ["EventLog", "Keep", "PackedDeltas"]

Keep: TypeAlias = Literal["everything", "merged", "nothing"]
"""What late observers get of the past: every event; pieces joined; or nothing."""

_PACK = 256
_FORGET = 64


class PackedDeltas:
    """Neighbouring pieces, joined by channel, which can be separated again.

    Beside the text, a piece costs a byte or two.

    Args:
        pieces: Events that are pieces, at least one.
        channels: The channel of each.

    Attributes:
        joined: The pieces of each channel in one; the channels in the order in which they began.
        count: How many pieces there are.
    """

    __slots__ = ("_lengths", "_order", "count", "joined")

    def __init__(self, pieces: Sequence[Event], channels: Sequence[Hashable]) -> None:
        numbers = {channel: number for number, channel in enumerate(dict.fromkeys(channels))}
        texts = texts_of(pieces, numbers)
        self.count = len(pieces)
        self._lengths = _small(list(map(len, texts)))
        if len(numbers) == 1:
            self._order: Sequence[int] | None = None
            self.joined: tuple[Event, ...] = (like(pieces[0])("".join(texts)),)
            return
        self._order = order = _small([numbers[channel] for channel in channels])
        by_channel: list[list[str]] = [[] for _ in numbers]
        for number, text in zip(order, texts, strict=True):
            by_channel[number].append(text)
        firsts = (pieces[order.index(number)] for number in numbers.values())
        self.joined = tuple(
            like(first)("".join(parts)) for first, parts in zip(firsts, by_channel, strict=True)
        )

    def pieces(self) -> Iterator[Event]:
        """Yield the pieces, separated again."""
        channels = [(like(event), piece(event)) for event in self.joined]
        ends = [0] * len(channels)
        for number, length in zip(self._order or bytes(self.count), self._lengths, strict=True):
            make, text = channels[number]
            start = ends[number]
            ends[number] = end = start + length
            yield make(text[start:end])

    def numbered(self, start: int) -> NumberedEvents:
        """Return the joined pieces, counted on from `start`."""
        order = self._order or bytes(self.count)
        alternate = any(map(gt, order, order[1:]))
        counts = None if alternate else list(map(order.count, range(len(self.joined))))
        return numbered(self.joined, counts, start, start + self.count)


def _small(numbers: list[int]) -> Sequence[int]:
    try:
        return bytes(numbers)
    except ValueError:
        return array("Q", numbers)


@define(eq=False)
class _Page:
    """The events up to one of them, and the pieces after it.

    Entries are counted from the beginning of the run. A page that is replaced is still a true
    beginning of the run: its list of pieces grows no more, and entries are only added behind it.
    """

    first: int
    """How many entries came before those that are kept."""
    before: State
    """What those come to."""
    entries: list[Event | PackedDeltas]
    end: int = 0
    """How many entries are on this page; the list may hold more."""
    settled: int = 0
    """How many of them no further piece can be joined to."""
    events: int = 0
    """How many events they stand for."""
    pieces: list[Event] = Factory(list)
    channels: list[Hashable] = Factory(list)

    def between(self, start: int, end: int) -> list[Event | PackedDeltas]:
        """Return some of the entries."""
        return self.entries[start - self.first : end - self.first]


class EventLog:
    """The events of a run so far, in little memory.

    One thread at a time may add, and never waits; reading is safe on any thread meanwhile, also in
    a signal handler. A reader takes the current page, which is complete in itself.

    Args:
        before: The state that the events continue.
        keep: What late observers get of the past.

    Attributes:
        is_adding: Whether the run is about to add an event, or has just done so.
    """

    def __init__(self, before: State, keep: Keep) -> None:
        self._keep = keep
        self._page = _Page(0, before, [])
        self._known = before, 0  # a state, and how many entries are in it
        self._learning = Lock()
        self._failure: RunFailed | None = None
        self.is_adding = False

    def __len__(self) -> int:
        page = self._page
        return page.events + len(page.pieces)

    def add(self, event: Event) -> None:
        """Add an event."""
        page = self._page
        kind: Any = type(event)
        if kind not in TEXTS and (kind := channel(event)) is None:
            self._settle(event)
            return
        page.channels.append(kind)
        page.pieces.append(event)
        if len(page.pieces) >= _PACK:
            self._page = self._turned(page)

    def _settle(self, event: Event) -> None:
        if not isinstance(event, Event):
            raise TypeError(f"A run emits events, and {shown(event)} is none.")
        self._page = page = self._turned(self._page, event)
        if self._keep == "nothing" and page.end - page.first >= _FORGET:
            state = self._fold(page, self._known)
            self._page = _Page(page.end, state, [], page.end, page.end, page.events)

    def _turned(self, page: _Page, event: Event | None = None) -> _Page:
        """Return the page that follows: the pieces packed, and perhaps an event after them."""
        more: list[Event | PackedDeltas] = []
        if page.pieces:
            more.append(PackedDeltas(page.pieces, page.channels))
        events, settled = page.events + len(page.pieces), page.settled
        if event is not None:
            more.append(event)
            events, settled = events + 1, page.end + len(more)
        page.entries[page.end - page.first :] = more  # an interrupted turn may have left some
        end = page.end + len(more)
        return _Page(page.first, page.before, page.entries, end, settled, events)

    def fail(self, error: Exception) -> None:
        """Keep why the run has ended without an answer; nothing is added after it."""
        self._failure = _failure(error)

    # Reading

    @property
    def is_kept(self) -> bool:
        """Whether there is a past to replay."""
        return self._keep != "nothing"

    def since(self, seq: int) -> NumberedEvents:
        """Return what is kept of the events that came after the first `seq` ones."""
        if self._keep == "nothing":
            return iter(())
        page = self._page
        return self._replay(seq, page.between(page.first, page.end), page.pieces[:])

    def _replay(
        self, seq: int, entries: Iterable[Event | PackedDeltas], pieces: list[Event]
    ) -> NumberedEvents:
        end = 0
        for entry in entries:
            start, end = end, end + (entry.count if isinstance(entry, PackedDeltas) else 1)
            if seq >= end:
                continue
            if not isinstance(entry, PackedDeltas):
                yield entry, end
            elif seq > start or self._keep == "everything":
                yield from self._rest(entry.pieces(), start, max(seq - start, 0))
            else:
                yield from entry.numbered(start)
        yield from self._rest(pieces, end, max(seq - end, 0))

    def _rest(self, pieces: Iterable[Event], start: int, skip: int) -> NumberedEvents:
        """Yield pieces but for some that are skipped, counted on from `start`."""
        rest = islice(pieces, skip, None)
        if self._keep == "everything":
            return zip(rest, count(start + skip + 1))
        joiner = Joiner()
        for event in rest:
            joiner.add(channel(event), event)
        return joiner.take_numbered(start + skip)

    @property
    def answer(self) -> Any:
        """The answer in `state`, without the cost of folding."""
        page = self._page
        for entry in reversed(page.between(page.first, page.end)):
            if isinstance(entry, FinalAnswer):
                return entry.value
            if isinstance(entry, RunStarted):
                return None
        return page.before.answer

    @property
    def state(self) -> State:
        """The state that the events so far fold into; folds only what is new."""
        return self._state_with(self._failure)  # read first, since it is written last

    def state_after(self, error: Exception) -> Callable[[], State | None]:
        """Return a function that returns the state as `error` leaves it, or None.

        There is none if the events are such that they do not fold.
        """
        failure = _failure(error)  # not the error itself, which may hold this function

        def state() -> State | None:
            try:
                return self._state_with(failure)
            except Exception:
                return None

        return state

    def _state_with(self, failure: RunFailed | None) -> State:
        known = self._known  # before the page, so that it is never ahead of it
        page = self._page
        state = self._fold(page, known)
        latest = chain(_joined(page.between(page.settled, page.end)), page.pieces[:])
        state = fold_all(state, coalesced(latest))
        return state if failure is None else fold(state, failure)

    def _fold(self, page: _Page, known: tuple[State, int]) -> State:
        """Fold the settled entries of a page, continuing from a known state."""
        state, folded = known
        if folded < page.first:
            state, folded = page.before, page.first
        if folded < page.settled:
            state = fold_all(state, _joined(page.between(folded, page.settled)))
            self._learn(state, page.settled)
        return state

    def _learn(self, state: State, folded: int) -> None:
        """Let the next reader continue from here, unless another one has come further."""
        if self._learning.acquire(blocking=False):
            try:
                if folded > self._known[1]:
                    self._known = state, folded
            finally:
                self._learning.release()


def _failure(error: Exception) -> RunFailed:
    return RunFailed(type(error).__name__, describe(error))


def _joined(entries: Iterable[Event | PackedDeltas]) -> Iterator[Event]:
    for entry in entries:
        if isinstance(entry, PackedDeltas):
            yield from entry.joined
        else:
            yield entry
