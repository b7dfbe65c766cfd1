"""Buffers: the events that wait for a viewer, and what happens when they are too many."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from threading import RLock
from typing import Any, Literal, TypeAlias

from reactivex import abc

from ..arguments import number, shown
from ..coalescing import TEXTS, Joiner, NumberedEvents, channel
from ..errors import BufferOverflow
from ..events import Event
from ..streams import RunScheduler
from ..streams.each import EMPTY

__all__ = ["Buffer", "Overflow", "buffer_for", "check_since"]


class Buffer:
    """The events that wait for one viewer, in order.

    The run puts, the viewer takes; each does so from one thread at a time, and neither waits for
    the other.

    Args:
        room: How many events may wait before the overflow policy applies.

    Attributes:
        seq: How many events of the run the viewer has received, lost ones included.
        dropped: How many pieces were lost.
    """

    def __init__(self, room: int) -> None:
        self.seq = self.dropped = 0
        self._room = room
        self._queue: deque[Event] = deque()
        self._replay: NumberedEvents | None = None

    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Let a replay, which stands for `seq` events, be taken before all else."""
        self._replay = replay
        self._seq_then = seq

    @property
    def merged(self) -> int:
        """How many pieces were joined to others in the buffer."""
        return 0

    def put(self, event: Event) -> None:
        """Add an event."""
        self._queue.append(event)

    def take(self) -> Event | Any:
        """Return the event that has waited longest, or `EMPTY`."""
        if self._replay is not None:
            replayed = next(self._replay, None)
            if replayed is not None:
                event, self.seq = replayed
                return event
            self._replay, self.seq = None, self._seq_then
        try:
            event = self._queue.popleft()
        except IndexError:
            return self._more()
        self.seq += 1
        return event

    def _more(self) -> Event | Any:
        """Return what waits elsewhere, or `EMPTY`."""
        return EMPTY

    def close(self) -> None:
        """Drop what waits; nothing more is put."""
        self._queue.clear()

    def __len__(self) -> int:
        return len(self._queue)


_MANY = 256

Overflow: TypeAlias = Literal["merge", "block", "fail", "drop_oldest"]


def buffer_for(overflow: Overflow, room: int, scheduler: RunScheduler) -> Buffer:
    """Return a buffer with an overflow policy, for a viewer of a run.

    Raises:
        TypeError: `room` is no whole number.
        ValueError: There is no such policy, or no room.
    """
    kinds: dict[str, Callable[[], Buffer]] = {
        "merge": lambda: MergeBuffer(room),
        "block": lambda: BlockBuffer(room, scheduler),
        "fail": lambda: FailBuffer(room),
        "drop_oldest": lambda: DropBuffer(room),
    }
    if overflow not in list(kinds):  # which need not be hashable
        raise ValueError(f"overflow is one of {', '.join(map(repr, kinds))}, not {overflow!r}.")
    number("buffer", room, least=1, whole=True, what="a number of events")
    return kinds[overflow]()


def check_since(since: int, count: int) -> None:
    """Check that a viewer can begin at an event, when there were `count` events so far.

    Raises:
        TypeError: `since` is no whole number.
        ValueError: There is no such event yet.
    """
    is_whole = isinstance(since, int) and not isinstance(since, bool)
    if not is_whole or not 0 <= since <= count:
        fault = ValueError if is_whole else TypeError
        raise fault(f"since is a number from 0 to {count:,}, not {shown(since)}.")


class MergeBuffer(Buffer):
    """Joins pieces by channel, each up to the next event that is no piece: nothing is lost.

    When the queue is full, events go into a crowd, many at a time, until that has been taken.
    """

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._crowding = RLock()  # a reader may be collected, and close this, meanwhile
        self._crowd: _Crowd | None = None
        self._outside: list[Event] = []
        self._merged = 0

    def put(self, event: Event) -> None:
        """Add an event; join a piece to those of its channel when the queue is full."""
        outside = self._outside  # read first, since what has left it is in the crowd already
        if not outside and self._crowd is None and len(self._queue) < self._room:
            self._queue.append(event)
            return
        outside.append(event)
        if len(outside) >= _MANY:
            with self._crowding:
                self._join()

    def _join(self) -> _Crowd:
        crowd = self._crowd
        if crowd is None:
            crowd = self._crowd = _Crowd()
        count = len(self._outside)
        crowd.add(self._outside[:count])
        del self._outside[:count]
        return crowd

    def _more(self) -> Event | Any:
        with self._crowding:
            if not self._is_crowded:
                return EMPTY
            if not self._queue:  # else the run was quicker, and the queue comes first
                crowd = self._join()
                self._merged += crowd.merged
                self.begin(crowd.replay(self.seq), self.seq + crowd.count)
                self._crowd = None
        return self.take()

    def close(self) -> None:
        """Drop what waits; nothing more is put."""
        super().close()
        with self._crowding:
            self._crowd = None
            self._outside.clear()

    @property
    def merged(self) -> int:
        """How many pieces were joined to others in the buffer."""
        with self._crowding:
            return self._merged + self._join().merged if self._is_crowded else self._merged

    @property
    def _is_crowded(self) -> bool:
        return self._crowd is not None or bool(self._outside)

    def __len__(self) -> int:
        with self._crowding:
            return super().__len__() + (len(self._join()) if self._is_crowded else 0)


class _Crowd:
    """Events that found no room, joined."""

    def __init__(self) -> None:
        self.count = 0
        self._settled: list[tuple[Event, int]] = []
        self._joiner = Joiner()
        self._began = 0

    def add(self, events: Sequence[Event]) -> None:
        """Add events."""
        kind: Hashable | None
        kinds = set(map(type, events))
        if len(kinds) == 1 and kinds <= TEXTS:  # the usual case
            (kind,) = kinds
            self.count += len(events)
            self._joiner.extend(kind, events)
            return
        for event in events:
            kind = channel(event)
            if kind is not None:
                self._joiner.add(kind, event)
                self.count += 1
            else:
                self._settle()
                self.count = self._began = self.count + 1
                self._settled.append((event, self.count))

    @property
    def merged(self) -> int:
        """How many pieces were joined to others."""
        return self.count - len(self)

    def _settle(self) -> None:
        self._settled.extend(self._joiner.take_numbered(self._began))

    def replay(self, seq: int) -> NumberedEvents:
        """Return all events, numbered from `seq` on."""
        self._settle()
        return ((event, seq + count) for event, count in self._settled)

    def __len__(self) -> int:
        return len(self._settled) + len(self._joiner)


class BlockBuffer(Buffer):
    """Holds the run while it is full, until it is half empty."""

    def __init__(self, room: int, scheduler: RunScheduler) -> None:
        super().__init__(room)
        self._scheduler = scheduler
        self._hold: abc.DisposableBase | None = None
        self._closed = False

    def put(self, event: Event) -> None:
        """Add an event, and hold the run if that was the last place."""
        self._queue.append(event)
        if self._hold is None and len(self._queue) >= self._room and not self._closed:
            self._hold = self._scheduler.hold()
            self._release()  # the viewer may have taken all before it could see the hold

    def take(self) -> Event | Any:
        """Return the event that has waited longest, or `EMPTY`."""
        event = super().take()
        if self._hold is not None and self._is_low():
            self._scheduler.run_serialized(self._release)
        return event

    def _is_low(self) -> bool:
        return self._closed or len(self._queue) <= self._room // 2

    def _release(self) -> None:
        if self._hold is not None and self._is_low():
            self._hold.dispose()
            self._hold = None

    def close(self) -> None:
        """Drop what waits, and release the run; nothing more is put."""
        self._closed = True
        super().close()
        self._scheduler.run_serialized(self._release)


class FailBuffer(Buffer):
    """Refuses an event when it is full."""

    def put(self, event: Event) -> None:
        """Add an event.

        Raises:
            BufferOverflow: There is no room.
        """
        if len(self._queue) >= self._room:
            raise BufferOverflow(
                f"{self._room:,} events were waiting for a viewer, and there is no room for more. "
                'Give it a larger buffer=, or choose overflow="merge".'
            )
        self._queue.append(event)


class DropBuffer(Buffer):
    """Loses the pieces that have waited longest; what is no piece is never lost."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self._moving = RLock()  # a reader may be collected, and close this, meanwhile
        self._put = 0
        self._kept: deque[tuple[Event, int]] = deque()
        self._waiting: deque[tuple[Event, int]] = deque()

    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Let a replay, which stands for `seq` events, be taken before all else."""
        super().begin(replay, seq)
        self._put = seq

    def put(self, event: Event) -> None:
        """Add an event, in place of the oldest piece when the buffer is full."""
        with self._moving:
            self._put += 1
            self._waiting.append((event, self._put))
            if len(self) > self._room:
                self._drop()

    def _drop(self) -> None:
        while self._waiting:
            oldest = self._waiting.popleft()
            if channel(oldest[0]) is not None:
                self.dropped += 1
                return
            self._kept.append(oldest)

    def _more(self) -> Event | Any:
        with self._moving:
            try:
                event, self.seq = (self._kept or self._waiting).popleft()
            except IndexError:
                return EMPTY
        return event

    def close(self) -> None:
        """Drop what waits; nothing more is put."""
        with self._moving:
            self._kept.clear()
            self._waiting.clear()

    def __len__(self) -> int:
        return len(self._kept) + len(self._waiting)
