"""Performing a diagram in virtual time: play its rows, run its pipeline, record the result."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import evolve, frozen
from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.subject import Subject

from ...arguments import did_you_mean
from ...errors import MarbleSyntaxError, describe
from ...streams import RunScheduler
from ..clock import Restless, VirtualScheduler
from .bindings import made
from .diagram import Diagram, Note, Pipeline, Subscription
from .rows import Kind
from .scope import public

__all__ = ["ColdRow", "HotRow", "Outcome", "Recording", "Row", "perform"]

_NOT_HERE = (
    "A row plays in virtual time, which cannot be waited for: instead of blocking by `run`, "
    "`result` or `each`, expect what comes, by `m.expect(stream).to_be(...)` or a row `out:`."
)


class Row(Observable[Any]):
    """A stream that plays notes, and records its subscriptions."""

    def __init__(self, scheduler: RunScheduler, notes: tuple[Note, ...]) -> None:
        super().__init__()
        self.subscriptions: list[Subscription] = []
        self._scheduler = scheduler
        self._notes = notes

    def _subscribe_core(
        self, observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        if not self._scheduler.on_loop_thread:
            raise RuntimeError(_NOT_HERE)
        subscription = Subscription(self._scheduler.loop.time())
        self.subscriptions.append(subscription)

        def dispose() -> None:
            subscription.disposed = self._scheduler.loop.time()

        return CompositeDisposable(Disposable(dispose), self._play(observer))

    @abstractmethod
    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        """Play the notes to a new observer."""


class ColdRow(Row):
    """A row that begins again for each subscription."""

    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        timers = [
            self._scheduler.schedule_relative(note.at, partial(_emit, observer, note))
            for note in self._notes
        ]
        return CompositeDisposable(timers)


class HotRow(Row):
    """A row that plays once; an observer that subscribes after its end receives only the end."""

    def __init__(self, scheduler: RunScheduler, notes: tuple[Note, ...]) -> None:
        super().__init__(scheduler, notes)
        self._subject = Subject[Any]()

    def start(self) -> None:
        """Begin to play."""
        for note in self._notes:
            self._scheduler.schedule_relative(note.at, partial(_emit, self._subject, note))

    def _play(self, observer: abc.ObserverBase[Any]) -> abc.DisposableBase:
        return self._subject.subscribe(observer)


def _emit(observer: abc.ObserverBase[Any], note: Note, *_: object) -> None:
    match note.kind:
        case Kind.NEXT:
            observer.on_next(note.value)
        case Kind.ERROR:
            observer.on_error(note.value)
        case Kind.COMPLETED:
            observer.on_completed()


class Endless(Exception):
    """A stream has emitted so much that it will probably not end."""


class Recording:
    """A subscription that records what its stream emits.

    Args:
        home: Where and when it is subscribed.
        limit: After how many notes the stream counts as endless.
    """

    def __init__(self, scheduler: VirtualScheduler, limit: int) -> None:
        self.notes: list[Note] = []
        self._scheduler = scheduler
        self._limit = limit
        self._is_called_elsewhere = False
        self._subscription = SingleAssignmentDisposable()

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended or was disposed."""
        ended = bool(self.notes) and self.notes[-1].kind is not Kind.NEXT
        return ended or self._subscription.is_disposed

    @property
    def is_astray(self) -> bool:
        """Whether a thread that waits in real time has emitted something, or may still do so."""
        return not self.is_over and (self._is_called_elsewhere or self._scheduler.has_escaped)

    def subscribe(self, stream: Observable[Any]) -> None:
        """Subscribe to the stream, and record what it emits."""
        self._subscription.disposable = stream.subscribe(
            partial(self._write, Kind.NEXT),
            partial(self._write, Kind.ERROR),
            partial(self._write, Kind.COMPLETED),
            scheduler=self._scheduler,
        )

    def dispose(self, *_: object) -> None:
        """Dispose the subscription."""
        self._subscription.dispose()

    def _write(self, kind: Kind, value: Any = None) -> None:
        if not self._scheduler.on_loop_thread:
            self._is_called_elsewhere = True
            return
        if len(self.notes) >= self._limit:
            self.dispose()
            raise Endless(f"It has emitted {self._limit:,} items, and goes on.")
        self.notes.append(Note(self._scheduler.clock, kind, value))


# A diagram.

_TOO_MUCH = 1_000
_TOO_LONG = 100_000
_CALL = "A model is called with a request: `model(request)`."


@frozen
class Outcome:
    """What came of a diagram: the notes of its result, and the subscriptions of each row.

    It `is_astray` if it is not over because something waits in real time.
    """

    notes: tuple[Note, ...]
    is_over: bool
    is_astray: bool
    subscriptions: Mapping[str, tuple[Subscription, ...]]


def perform(diagram: Diagram) -> Outcome:
    """Play a diagram in virtual time, and return the outcome.

    Raises:
        MarbleSyntaxError: The pipeline raises, is no stream, or never ends; or an import fails.
    """
    own = {name: one.load() for name, one in diagram.imports.items()}
    for value in diagram.bindings.values():
        made(value)  # Values that cannot be made raise before anything plays.
    with VirtualScheduler() as scheduler:
        rows: dict[str, Row] = {
            source.name: (HotRow if source.is_hot else ColdRow)(
                scheduler, tuple(evolve(note, value=made(note.value)) for note in source.notes)
            )
            for source in diagram.sources
        }
        recording = Recording(scheduler, len(diagram.out.notes) + _TOO_MUCH)

        def begin() -> None:
            result = _evaluate(diagram.pipeline, {**own, **rows}, scheduler)
            begun = 0.0
            for watch in diagram.watches_of("out"):
                begun = watch.subscribed or 0.0
                if watch.disposed is not None:
                    scheduler.schedule_relative(watch.disposed, recording.dispose)
            scheduler.schedule_relative(begun, lambda *_: recording.subscribe(result))
            for row in rows.values():
                if isinstance(row, HotRow):
                    row.start()

        # The virtual loop must be running while the pipeline is evaluated.
        scheduler.call_on_loop(begin)
        _run(diagram.pipeline, scheduler)
        outcome = Outcome(
            tuple(recording.notes),
            recording.is_over,
            recording.is_astray,
            {name: tuple(row.subscriptions) for name, row in rows.items()},
        )
        recording.dispose()
    return outcome


def _evaluate(
    pipeline: Pipeline, known: Mapping[str, Any], scheduler: VirtualScheduler
) -> Observable[Any]:
    scope: dict[str, Any] = {}
    for name, node in pipeline.names.items():
        try:
            scope[name] = known[name] if name in known else public(name, scheduler)
        except LookupError:
            what = (
                f"Nothing is called {name!r}; import what is your own: "
                f"`from package.module import {name}`."
            )
            raise pipeline.snippet.flaw_at(node, what) from None
    try:
        result = eval(pipeline.code, scope)
    except Exception as error:
        what = f"The pipeline raises {describe(error)}{_hint(error, scope)}"
        raise pipeline.snippet.flaw_raised(error, what) from error
    if not isinstance(result, Observable):
        what = type(result).__name__
        hint = f" {_CALL}" if callable(result) else ""
        raise pipeline.snippet.flaw(f"The pipeline is a {what} and no Observable.{hint}")
    return result


def _hint(error: Exception, scope: Mapping[str, Any]) -> str:
    """Return a hint for an attribute that does not exist."""
    if not isinstance(error, AttributeError):
        return ""
    if error.name == "pipe" and callable(error.obj):
        return f". {_CALL}"
    owner = next((f"{name}." for name, value in scope.items() if value is error.obj), "")
    hint = did_you_mean(error.name, dir(error.obj))
    return hint.replace(" Did you mean ", f". Did you mean {owner}")


def _run(pipeline: Pipeline, scheduler: VirtualScheduler) -> None:
    try:
        scheduler.run(turns=_TOO_LONG)
    except MarbleSyntaxError:
        raise
    except (Endless, Restless) as error:
        raise pipeline.snippet.flaw(
            f"The pipeline never ends; a row `out^ ---!` disposes it. {error}"
        ) from None
    except Exception as error:
        what = f"While it plays, something raises {describe(error)}"
        raise pipeline.snippet.flaw_raised(error, what) from error
