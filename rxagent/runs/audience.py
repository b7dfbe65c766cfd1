"""The audience: all who watch a run, each with a fate of its own."""

from abc import abstractmethod
from collections.abc import Callable, Iterable

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..events import Event
from ..streams import Home, Hub
from .faults import Faults
from .record import Record, Told

__all__ = ["Audience", "Seat"]


class Seat(abc.ObserverBase[Event]):
    """An observer that can be told of the past too.

    Attributes:
        seat: Holds its place among those who are told.
    """

    seat: SingleAssignmentDisposable

    @property
    @abstractmethod
    def hears_errors(self) -> bool:
        """Whether somebody notices when it is told an error."""

    @abstractmethod
    def begin(self, replay: Told, seq: int) -> None:
        """Take what is kept of the `seq` events so far."""


class Audience:
    """All who watch a run, told one thing after the other, in its gate.

    Args:
        home: The run's.
        record: What those who come late are told.
        on_heard: Called when somebody is told the error that ended the run.
    """

    def __init__(self, home: Home, record: Record, on_heard: Callable[[], None]) -> None:
        self.faults = Faults(home)
        self.ended = False
        self._error: Exception | None = None
        self._home = home
        self._record = record
        self._on_heard = on_heard
        self._hub: Hub[Event] = Hub(self.report)

    def admit(self, seat: Seat, since: int) -> None:
        """Tell somebody what happened after the first `since` events, and then the rest."""
        self._home.gate(self._join, seat, since)

    def _join(self, seat: Seat, since: int) -> None:
        if seat.seat.is_disposed:
            return
        try:
            seat.begin(self._record.since(since), len(self._record))
            if not self.ended:
                seat.seat.disposable = self._hub.add(seat)
            elif self._error is None:
                seat.on_completed()
            else:
                self._hear([seat])
                seat.on_error(self._error)
        except KeyboardInterrupt:
            raise
        except BaseException as fault:
            self.report(seat, fault)

    def tell(self, event: Event) -> None:
        """Tell all of an event."""
        self._record.add(event)
        self._hub.on_next(event)

    def end(self, error: Exception | None) -> None:
        """Tell all of the end."""
        self.ended, self._error = True, error
        if error is None:
            self._hub.on_completed()
        else:
            self._hear(self._hub.observers)
            self._hub.on_error(error)

    def _hear(self, observers: Iterable[abc.ObserverBase[Event]]) -> None:
        if any(isinstance(seat, Seat) and seat.hears_errors for seat in observers):
            self._on_heard()

    def report(self, seat: object, fault: BaseException) -> None:
        """Tell of what somebody has raised, and log it."""
        # Whoever gave no on_error to ReactiveX raises the run's own error, which is no fault.
        if fault is not self._error:
            self.faults.report(getattr(seat, "watching", seat), fault)
