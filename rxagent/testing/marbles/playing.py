"""Streams that play rows, and what writes down what a stream tells, in virtual time."""

from abc import abstractmethod
from functools import partial
from typing import Any

from attrs import define
from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable

from ...streams import Home
from ..clock import VirtualHome
from .diagram import Note
from .rows import Kind

__all__ = ["ColdRow", "Endless", "HotRow", "Recording", "Subscription"]


_NOT_HERE = (
    "A row plays in virtual time, in which nobody waits: instead of blocking by `run`, `result` or "
    "`each`, expect what comes, by `m.expect(stream).to_be(...)` or a row `out:`."
)


@define
class Subscription:
    """When somebody subscribed, and when they disposed; None means not yet."""

    subscribed: float
    disposed: float | None = None


class Row(Observable[Any]):
    """A stream that plays notes, and remembers who subscribed to it."""

    def __init__(self, home: Home, notes: tuple[Note, ...]) -> None:
        super().__init__()
        self.subscriptions: list[Subscription] = []
        self._home = home
        self._notes = notes

    def _subscribe_core(
        self, observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        if not self._home.is_here:
            raise RuntimeError(_NOT_HERE)
        subscription = Subscription(self._now)
        self.subscriptions.append(subscription)

        def dispose() -> None:
            subscription.disposed = self._now

        return CompositeDisposable(Disposable(dispose), self._play(observer))

    @property
    def _now(self) -> float:
        return self._home.loop.time()

    @abstractmethod
    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        """Play the notes to somebody who has subscribed."""

    def _schedule(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        timers = [
            self._home.schedule_relative(note.at, partial(_tell, observer, note))
            for note in self._notes
        ]
        return CompositeDisposable(timers)


class ColdRow(Row):
    """A row that begins anew for each who subscribes."""

    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        return self._schedule(observer)


class HotRow(Row):
    """A row that plays once, whoever listens; who comes after its end is told of the end alone."""

    def __init__(self, home: Home, notes: tuple[Note, ...]) -> None:
        super().__init__(home, notes)
        self._observers: tuple[abc.ObserverBase[Any], ...] = ()
        self._end: Note | None = None

    def start(self) -> None:
        """Begin to play."""
        for note in self._notes:
            self._home.schedule_relative(note.at, partial(self._pass, note))

    def _pass(self, note: Note, *_: object) -> None:
        if note.kind is not Kind.NEXT:
            self._end = note
        for observer in self._observers:
            _tell(observer, note)

    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        if self._end is not None:
            _tell(observer, self._end)
            return Disposable()
        self._observers = (*self._observers, observer)
        return Disposable(lambda: self._remove(observer))

    def _remove(self, observer: abc.ObserverBase[Any]) -> None:
        self._observers = tuple(other for other in self._observers if other is not observer)


def _tell(observer: abc.ObserverBase[Any], note: Note, *_: object) -> None:
    match note.kind:
        case Kind.NEXT:
            observer.on_next(note.value)
        case Kind.ERROR:
            observer.on_error(note.value)
        case Kind.COMPLETED:
            observer.on_completed()


class Endless(Exception):
    """A stream has told so much that it will hardly end."""


class Recording:
    """All that a stream tells to one who subscribes to it.

    Args:
        home: Where and when it is subscribed.
        limit: After how many notes it is held to be endless.
    """

    def __init__(self, home: VirtualHome, limit: int) -> None:
        self.notes: list[Note] = []
        self._home = home
        self._limit = limit
        self._is_told_elsewhere = False
        self._subscription = SingleAssignmentDisposable()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come, since the stream has ended or was disposed."""
        ended = bool(self.notes) and self.notes[-1].kind is not Kind.NEXT
        return ended or self._subscription.is_disposed

    @property
    def is_astray(self) -> bool:
        """Whether something more is to come, or came, from a thread that waits in real time."""
        return not self.is_over and (self._is_told_elsewhere or self._home.has_escaped)

    def subscribe(self, stream: Observable[Any]) -> None:
        """Begin to write down what the stream tells."""
        self._subscription.disposable = stream.subscribe(
            partial(self._write, Kind.NEXT),
            partial(self._write, Kind.ERROR),
            partial(self._write, Kind.COMPLETED),
            scheduler=self._home,
        )

    def dispose(self, *_: object) -> None:
        """Let go of the stream."""
        self._subscription.dispose()

    def _write(self, kind: Kind, value: Any = None) -> None:
        if not self._home.is_here:
            self._is_told_elsewhere = True
            return
        if len(self.notes) >= self._limit:
            self.dispose()
            raise Endless(f"It has told {self._limit:,} things, and goes on.")
        self.notes.append(Note(self._home.loop.time(), kind, value))
