"""Mailboxes: what waits for a viewer."""

from collections import deque

from ..events import Event
from .record import Told

__all__ = ["Mailbox"]


class Mailbox:
    """The events that wait for one viewer, in order.

    The run puts, the viewer takes; each does so from one thread at a time, and neither waits for
    the other.

    Args:
        room: How many events may wait before this one does what its kind does about it.

    Attributes:
        seq: How many events of the run the viewer has been told, lost ones included.
        dropped: How many pieces were lost.
    """

    def __init__(self, room: int) -> None:
        self.seq = self.dropped = 0
        self._room = room
        self._queue: deque[Event] = deque()
        self._replay: Told | None = None

    def begin(self, replay: Told, seq: int) -> None:
        """Let what has happened so far, which were `seq` events, be taken before all else."""
        self._replay = replay
        self._seq_then = seq

    @property
    def merged(self) -> int:
        """How many pieces were joined to others that were waiting."""
        return 0

    def put(self, event: Event) -> None:
        """Let an event wait."""
        self._queue.append(event)

    def take(self) -> Event | None:
        """Return the event that has waited longest; None when there is none."""
        if self._replay is not None:
            told = next(self._replay, None)
            if told is not None:
                event, self.seq = told
                return event
            self._replay, self.seq = None, self._seq_then
        try:
            event = self._queue.popleft()
        except IndexError:
            return self._more()
        self.seq += 1
        return event

    def _more(self) -> Event | None:
        """Return what waits elsewhere; None when there is nothing."""
        return None

    def close(self) -> None:
        """Let go of what waits; nothing more is put."""
        self._queue.clear()

    def __len__(self) -> int:
        return len(self._queue)
