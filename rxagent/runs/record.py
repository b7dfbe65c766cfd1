"""What a run remembers of its events, for those who come late and for its state."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from threading import RLock
from typing import Literal, TypeAlias

from ..arguments import shown
from ..errors import describe
from ..events import Event, RunFailed
from ..operators._channels import channel, coalesced
from ..state import State, fold, fold_all
from .packed import Packed

__all__ = ["Keep", "Record", "Told", "numbered"]

Keep: TypeAlias = Literal["everything", "merged", "nothing"]
"""What late viewers get of the past: every event; pieces joined; or only what follows."""

Told: TypeAlias = Iterator[tuple[Event, int]]
"""Events, each with the number of events of the run that have been told with it."""

_PACK = 256
_FORGET = 64


def numbered(events: Sequence[Event], start: int, end: int) -> Told:
    """Number what stands for the events from `start` to `end`; all is told with the last one."""
    return zip(events, chain([start] * (len(events) - 1), [end]), strict=False)


class Record:
    """The events of a run so far, in little room.

    One at a time may add; reading is safe on any thread meanwhile.

    Args:
        before: The state that the events continue.
        keep: What those who come late are told.
    """

    def __init__(self, before: State, keep: Keep) -> None:
        self._keep = keep
        self._changing = RLock()  # a signal may come, and cancel the run, meanwhile
        self._entries: list[Event | Packed] = []
        self._pieces: list[Event] = []
        self._channels: list[Hashable] = []
        self._packed = 0
        self._settled = 0  # how many entries no further piece can be joined to
        self._folding = RLock()
        self._folded = before, 0  # a state, and how many entries are in it
        self._failure: RunFailed | None = None

    def __len__(self) -> int:
        with self._changing:
            return self._packed + len(self._pieces)

    def add(self, event: Event) -> None:
        """Remember one more event."""
        kind = channel(event)
        if kind is None:
            self._settle(event)
            return
        self._channels.append(kind)
        self._pieces.append(event)
        if len(self._pieces) >= _PACK:
            with self._changing:
                self._pack()

    def _settle(self, event: Event) -> None:
        if not isinstance(event, Event):
            raise TypeError(f"A run is made of events, and {shown(event)} is none.")
        with self._changing:
            self._pack()
            self._entries.append(event)
            self._packed += 1
            self._settled = len(self._entries)
        if self._keep == "nothing" and self._settled >= _FORGET:
            self._forget()

    def _pack(self) -> None:
        if self._pieces:
            self._entries.append(Packed(self._pieces, self._channels))
            self._packed += len(self._pieces)
            self._pieces, self._channels = [], []

    def _forget(self) -> None:
        with self._folding:
            state, folded = self._fold()
            with self._changing:
                del self._entries[:folded]
                self._settled -= folded
                self._folded = state, 0

    def fail(self, error: Exception) -> None:
        """Remember why the run has ended without an answer; nothing is added after it."""
        self._failure = RunFailed(type(error).__name__, describe(error))

    # Reading

    @property
    def is_kept(self) -> bool:
        """Whether there is a past to replay."""
        return self._keep != "nothing"

    def since(self, seq: int) -> Told:
        """Return what is kept of the events that came after the first `seq` ones."""
        if self._keep == "nothing":
            return iter(())
        with self._changing:
            return self._told(seq, self._entries[:], self._pieces[:])

    def _told(self, seq: int, entries: Iterable[Event | Packed], pieces: list[Event]) -> Told:
        end = 0
        for entry in entries:
            start, end = end, end + (entry.count if isinstance(entry, Packed) else 1)
            if seq >= end:
                continue
            if not isinstance(entry, Packed):
                yield entry, end
            elif seq > start or self._keep == "everything":
                yield from self._rest(list(entry.pieces()), max(seq - start, 0), start, end)
            else:
                yield from numbered(entry.joined, start, end)
        yield from self._rest(pieces, max(seq - end, 0), end, end + len(pieces))

    def _rest(self, pieces: list[Event], skip: int, start: int, end: int) -> Told:
        rest = pieces[skip:]
        if self._keep == "everything":
            return zip(rest, range(start + skip + 1, end + 1), strict=True)
        return numbered(list(coalesced(rest)), start + skip, end)

    @property
    def state(self) -> State:
        """What the events so far come to; folds only what is new."""
        with self._folding:
            state, folded = self._fold()
            with self._changing:
                latest, pieces = self._entries[folded:], self._pieces[:]
        state = fold_all(state, coalesced(chain(_joined(latest), pieces)))
        return state if self._failure is None else fold(state, self._failure)

    def _fold(self) -> tuple[State, int]:
        state, folded = self._folded
        with self._changing:
            settled = self._settled
            entries = self._entries[folded:settled]
        self._folded = fold_all(state, _joined(entries)), settled
        return self._folded


def _joined(entries: Iterable[Event | Packed]) -> Iterator[Event]:
    for entry in entries:
        if isinstance(entry, Packed):
            yield from entry.joined
        else:
            yield entry
