"""Readers: viewers that ask, which is what loops over a run do."""

from collections.abc import Callable, Iterator

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..errors import BufferOverflow
from ..events import Event
from ..streams.each import DRY, Pull
from .broadcast import QueueSeat
from .buffers import Mailbox
from .replay import Told

__all__ = ["Following", "Reader"]


class Reader(QueueSeat, abc.DisposableBase):
    """A viewer that keeps what it is told until somebody asks for it.

    Args:
        mailbox: Where the events wait.
        look: Ends the run if its loop is gone.
        wake: Called, on any thread, when something has come after `read` had nothing left.
    """

    def __init__(
        self, mailbox: Mailbox, look: Callable[[], object], wake: Callable[[], object]
    ) -> None:
        self.look = look
        self.seat = SingleAssignmentDisposable()
        self._mailbox = mailbox
        self._wake = wake
        self._woken = False
        self._ended = self._is_left = False
        self._error: Exception | None = None

    @property
    def hears_errors(self) -> bool:
        """Always, since it raises them."""
        return True

    @property
    def seq(self) -> int:
        """How many events of the run have been asked for."""
        return self._mailbox.seq

    def begin(self, replay: Told, seq: int) -> None:
        """Keep what has happened so far."""
        self._mailbox.begin(replay, seq)
        self._call()

    def on_next(self, event: Event) -> None:
        """Keep an event; leave the run where there is no room, which `read` raises then."""
        try:
            self._mailbox.put(event)
        except BufferOverflow as error:
            self.on_error(error)
            self.seat.dispose()
            return
        if not self._woken:
            self._call()

    def on_error(self, error: Exception) -> None:
        """Keep the error."""
        self._error = error
        self.on_completed()

    def on_completed(self) -> None:
        """Keep the end."""
        self._ended = True
        self._call()

    def _call(self) -> None:
        self._woken = True
        self._wake()

    def read(self) -> Iterator[Event]:
        """Yield what has come, and `DRY` whenever that was all; raise the error."""
        while not self._is_left:
            ended, event = self._ended, self._mailbox.take()
            if event is not None:
                yield event
            elif ended and self._error is not None:
                raise self._error
            elif ended:
                return
            elif self._woken:
                self._woken = False
            else:
                yield DRY

    def dispose(self) -> None:
        """Leave the run; whoever waits is told nothing more."""
        self._is_left = True
        self.seat.dispose()
        self._mailbox.close()
        self._call()


class Following(Pull[Event, Reader]):
    """One `async for` over a run; it leaves when it is dropped, as leaving the loop does."""

    @property
    def seq(self) -> int:
        """How many events of the run it has been told of; as `since`, it goes on there."""
        return self._inbox.seq
