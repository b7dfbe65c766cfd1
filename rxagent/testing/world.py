"""Worlds: models, streams and tools whose timing and faults are drawn from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited, ToolError
from ..events import Delta, TextDelta
from ..messages import Message, Request
from ..operators._models import Pipeable
from ..streams import RunScheduler
from .marbles.diagram import Note
from .marbles.rows import Kind
from .marbles.scope import tool_of
from .models import ScriptedModel

if TYPE_CHECKING:
    from ..tools import Tool

__all__ = ["PlayedRow", "World"]

_GAPS = (0.0, 0.0, 0.001, 0.001, 0.002, 0.01, 0.1, 1.0)
"""The seconds between two items; equal times are likely, and so are orders of any kind."""
_STALLS = 0.2
"""The part of the faults after which nothing more comes."""


@define
class PlayedRow:
    """A subscription of a stream of a world: what it played, and when it was disposed."""

    name: str
    begun: float
    notes: list[Note] = field(factory=list)
    disposed: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it neither ended nor was disposed."""
        has_ended = bool(self.notes) and self.notes[-1].kind is not Kind.NEXT
        return not has_ended and self.disposed is None


class World:
    """Makes models, streams and tools for a pipeline that is explored.

    Each subscription has a timing of its own, and faults of its own.

    Attributes:
        random: What everything is drawn from; a pipeline may draw from it, too.
        rows: What was played.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rows: list[PlayedRow] = []
        self._names: Counter[str] = Counter()

    def model(self, *turns: Any, faults: float = 0.3) -> WorldModel:
        """Return a model that gives the turns of a script, in pieces.

        Args:
            turns: The answers, as `ScriptedModel` takes them.
            faults: The part of its answers that fail: at once, after some pieces, or by silence.
        """
        return WorldModel(ScriptedModel(turns), self._named("model"), self, faults)

    def stream(self, *items: Any, faults: float = 0.0) -> Observable[Any]:
        """Return a cold stream of items, some of whose subscriptions fail."""
        return self._played(self._named("stream"), items, faults, ModelUnavailable)

    def tool(self, name: str, *outputs: Any, faults: float = 0.0) -> Tool:
        """Return a tool whose calls emit these outputs, and some of which fail."""
        return tool_of(name, self._played(self._named(name), outputs, faults, ToolError))

    def answer(self, name: str, deltas: Sequence[Delta], faults: float) -> Observable[Delta]:
        """Return an answer of a model, whose texts come in pieces."""

        def pieces() -> Iterable[Delta]:
            for delta in deltas:
                yield from self._pieces(delta)

        return self._played(name, pieces, faults, self._model_error)

    def _named(self, name: str) -> str:
        self._names[name] += 1
        return f"{name}{self._names[name]}"

    def _pieces(self, delta: Delta) -> Iterable[Delta]:
        if not isinstance(delta, TextDelta) or len(delta.text) < 2:
            yield delta
            return
        many = self.random.randint(0, min(3, len(delta.text) - 1))
        cuts = [0, *sorted(self.random.sample(range(1, len(delta.text)), many)), len(delta.text)]
        for start, end in pairwise(cuts):
            yield TextDelta(delta.text[start:end])

    def _model_error(self, what: str) -> ModelError:
        if self.random.random() < 0.3:
            return RateLimited(what, retry_after=self.random.choice((None, 0.0, 0.5, 2.0)))
        return self.random.choice((ModelUnavailable, ModelTimeout))(what)

    def _played(
        self,
        name: str,
        items: Sequence[Any] | Callable[[], Iterable[Any]],
        faults: float,
        error: Callable[[str], Exception],
    ) -> Observable[Any]:
        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            row = PlayedRow(self._named(f"{name}_"), round(run_scheduler.loop.time(), 6))
            self.rows.append(row)
            left = [(Kind.NEXT, item) for item in (items() if callable(items) else items)]
            if self.random.random() < faults:
                left = left[: self.random.randint(0, len(left))]
                if self.random.random() >= _STALLS:
                    left.append((Kind.ERROR, error(f"Fault of {row.name}.")))
            else:
                left.append((Kind.COMPLETED, None))
            return _Playing(row, left, observer, run_scheduler, self.random).begin()

        return Observable(subscribe)


@frozen(eq=False)
class WorldModel(Pipeable):
    """A model of a world."""

    script: ScriptedModel
    name: str
    world: World
    faults: float

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the answer to a request."""
        said: list[Delta] = []
        errors: list[Exception] = []
        self.script(Request.of(request)).subscribe(said.append, errors.append)
        if errors:
            raise errors[0]
        return self.world.answer(self.name, said, self.faults)


class _Playing:
    """Plays a row, one item after the other."""

    def __init__(
        self,
        row: PlayedRow,
        left: list[tuple[Kind, Any]],
        observer: abc.ObserverBase[Any],
        scheduler: RunScheduler,
        random: Random,
    ) -> None:
        self._row = row
        self._left = iter(left)
        self._observer = observer
        self._scheduler = scheduler
        self._random = random
        self._timer: abc.DisposableBase = Disposable()
        self._is_over = False

    def begin(self) -> abc.DisposableBase:
        self._wait()
        return Disposable(self._dispose)

    def _dispose(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._row.disposed = round(self._scheduler.loop.time(), 6)
            self._timer.dispose()

    def _wait(self) -> None:
        following = next(self._left, None)
        if following is not None:
            self._timer = self._scheduler.schedule_relative(
                self._random.choice(_GAPS), partial(self._play, *following)
            )

    def _play(self, kind: Kind, value: Any, *_: object) -> None:
        if self._is_over:
            return
        at = round(self._scheduler.loop.time() - self._row.begun, 6)
        self._row.notes.append(Note(at, kind, value))
        self._is_over = kind is not Kind.NEXT
        match kind:
            case Kind.NEXT:
                self._observer.on_next(value)
            case Kind.ERROR:
                self._observer.on_error(value)
            case Kind.COMPLETED:
                self._observer.on_completed()
        if not self._is_over:
            self._wait()
