"""The operator that cuts a run when it has spent its budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..arguments import number, shown
from ..coalescing import coalesced
from ..errors import BudgetExceeded, UnknownPrice, describe
from ..estimate import estimated
from ..events import (
    Event,
    MessageCompleted,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
    ToolStarted,
    Usage,
)
from ..lazy_field import Lazy
from ..ledger import Charge, Ledger
from ..prices import Price
from ..state import State, fold, fold_all
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ._operator import operator

__all__ = ["budget"]

_TEXTS = frozenset((TextDelta, ReasoningDelta, RefusalDelta))
_TURN_ENDS = frozenset((StepStarted, PlanStarted, MessageCompleted, Summarised, StepRetried))
_AT_MOST = 4
"""How many times the tokens of a report the estimate of the same text may be."""

_MANY = 256
_SLICE = 25.0
"""The estimated tokens that a run writes before it enters them in a ledger of several runs."""

_Path: TypeAlias = tuple[str, ...]
"""The calls within which an inner run happens, the outermost first."""


@operator
def budget(
    tokens: int | None = None,
    usd: float | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    tool_calls: int | None = None,
    *,
    ledger: Ledger | None = None,
    prices: Mapping[str, Price] | Price | None = None,
) -> Callable[[Observable[Event]], Observable[Event]]:
    """Cut a run, with all its inner agents, as soon as it has spent more than it may.

    Tokens and dollars are estimated with each piece that a model writes, and corrected by each
    report of usage, so a run is also cut in the middle of an answer: its requests are closed and
    its tools are cancelled. Input is not known before its report. Before a model has reported its
    name, its pieces cost nothing, unless `prices` is a single `Price`.

    Each subscription has the whole budget. For several runs, share a `Ledger`. Piped to a model,
    it limits each answer. A budget within an inner agent ends that agent alone, as a failed call
    that the outer one reads; what it has spent counts in both.

    .. marbles:: budget/budget

    Args:
        tokens: Tokens of input and output.
        usd: Dollars.
        seconds: Seconds since the subscription, without those in which the run was paused.
        steps: Steps of all agents.
        tool_calls: Calls whose code runs. A further step or call does not begin.
        ledger: The ledger of several runs, which has limits of its own.
        prices: The prices of the models, as a table, a dict, or one `Price` for all of them; by
            default `rxagent.prices.PRICES`.

    Raises:
        BudgetExceeded: The run has spent more; its `state` is the state until then. By `on_error`.
        UnknownPrice: Dollars are limited, and the price of a model is unknown; by `on_error`.
    """
    number("seconds", seconds, above=0, optional=True)
    own: dict[str, Any] = {"tokens": tokens, "usd": usd, "steps": steps, "tool_calls": tool_calls}
    Ledger(**own, prices=prices)  # which checks them
    if not isinstance(ledger, Ledger | None):
        raise TypeError(f"ledger must be a Ledger, not {shown(ledger)}.")
    if ledger is None and seconds is None and all(each is None for each in own.values()):
        raise TypeError("No limit is given: write budget(tokens=100_000), or another one.")

    def limited(source: Observable[Event]) -> Observable[Event]:
        def subscribe(
            observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            ledgers = [Ledger(**own, prices=prices)]
            if ledger is not None:
                ledgers.append(ledger)
            limiting = _Limiting(observer, ledgers)
            limiting.begin(seconds, run_scheduler)
            if not limiting.is_stopped:
                limiting.follow(source, run_scheduler)
            return limiting

        return run_scoped(Producer(subscribe))

    return limited


class _Limiting(Sink[Event, Event]):
    __slots__ = ("_books", "_latest", "_pending", "_room", "_state", "_timer", "_written")

    def __init__(self, observer: abc.ObserverBase[Event], ledgers: list[Ledger]) -> None:
        super().__init__(observer)
        self._books = _Books(ledgers)
        self._timer = SerialDisposable()
        self._room = -1.0
        self._written = 0.0
        self._pending: dict[_Path, float] = {}
        self._state = State()
        self._latest: list[Event] = []

    def begin(self, seconds: float | None, scheduler: RunScheduler) -> None:
        """Start the time, unless a limit leaves nothing."""
        why = self._books.used_up
        if why is not None:
            self._cut(why)
        elif seconds is not None:
            self._timer.disposable = scheduler.schedule_relative(
                seconds, lambda *_: self._cut(f"seconds={seconds:g} have passed")
            )

    def on_next(self, value: Event) -> None:
        if type(value) is TextDelta:
            written = value.text
            tokens = len(written) / 4 if written.isascii() else estimated(written)
            self._written += tokens
            self._room -= tokens
            if self._room >= 0:  # the ledgers need not be asked
                self._latest.append(value)
                if len(self._latest) >= _MANY:
                    self._fold()
                self.observer.on_next(value)
                return
            self._look(value, (), value)
        else:
            self._take(value)

    def _take(self, event: Event) -> None:
        path: _Path = ()
        inner = event
        while type(inner) is ToolOutput:
            path = (*path, inner.call_id)
            inner = inner.value
        if type(inner) in _TEXTS:
            tokens = estimated(inner.text)  # type: ignore[attr-defined]  # as its type says
            self._pending[path] = self._pending.get(path, 0.0) + tokens
            self._room -= tokens
            if self._room >= 0:
                self._keep(event)
                self.observer.on_next(event)
                return
        self._look(event, path, inner)

    def _look(self, event: Event, path: _Path, inner: Event) -> None:
        try:
            self._enter_pending()
            begins = self._books.add(path, inner)
        except UnknownPrice as error:
            self._fail(error)
            return
        why = self._books.exceeded
        if why is not None and begins:
            self._books.undo(inner)
        else:
            self._keep(event)
            self.observer.on_next(event)
        if why is not None:
            self._cut(why)
        else:
            self._room = self._books.room

    def _enter_pending(self) -> None:
        written, self._written = self._written, 0.0
        self._books.say((), written)
        pending, self._pending = self._pending, {}
        for path, tokens in pending.items():
            self._books.say(path, tokens)

    # The state

    def _keep(self, event: Event) -> None:
        if type(event) is ToolOutput:
            self._state = fold(self._state, event)  # its value need not be kept
            return
        self._latest.append(event)
        if len(self._latest) >= _MANY:
            self._fold()

    def _fold(self) -> None:
        """Fold the latest events into the state; the pieces of a text are joined first."""
        latest, self._latest = self._latest, []
        if {*map(type, latest)} == {TextDelta}:  # the usual case
            texts: list[Any] = latest
            self._state = fold(self._state, TextDelta("".join([piece.text for piece in texts])))
        else:
            self._state = fold_all(self._state, coalesced(latest))

    def _state_after(self, error: str) -> State:
        self._fold()
        return fold(self._state, RunFailed(error.partition(":")[0], error))

    # The end

    def _cut(self, why: str) -> None:
        if not self.is_stopped:
            message = f"The budget is exceeded: {why}. Raise it, or continue from error.state."
            self._fail(BudgetExceeded(message))

    def _fail(self, error: BudgetExceeded | UnknownPrice) -> None:
        if isinstance(error, BudgetExceeded):
            error.state = Lazy(partial(self._state_after, describe(error)), lambda: True)
        observer = self._stopping()
        self.dispose()
        observer.on_error(error)

    def dispose(self) -> None:
        super().dispose()
        self._timer.dispose()
        with suppress(UnknownPrice):
            self._enter_pending()


class _Books:
    """Enters what happens in a run in ledgers.

    A report takes back the estimates of what it reports, at the prices at which they were entered.
    Several reports of far fewer tokens within a turn are those of another model, such as a judge:
    then what the first of them took back is entered again, and the others take back nothing. Where
    a tool merges several runs, each takes back as much as it reports.
    """

    def __init__(self, ledgers: list[Ledger]) -> None:
        self._ledgers = ledgers
        self._unreported: dict[_Path, dict[str | None, float]] = {}
        self._doubtful: dict[_Path, dict[str | None, float]] = {}
        """What reports of far fewer tokens have taken back in the turns that go on."""
        self._runs: dict[_Path, int] = {}
        self._models: dict[_Path, str | None] = {}
        self._latest: str | None = None

    def add(self, path: _Path, event: Event) -> bool:
        """Enter an event; return whether a step or a call begins with it."""
        match event:
            case ToolCallDelta(_, _, name, arguments):
                self.say(path, estimated(f"{name or ''}{arguments or ''}"))
            case Usage():
                self._report(path, event)
            case RunStarted():
                self._runs[path] = self._runs.get(path, 0) + 1
            case RunCompleted():
                self._runs[path] = self._runs.get(path, 0) - 1
            case StepStarted():
                self._enter(Charge(steps=1))
            case ToolStarted():
                self._enter(Charge(tool_calls=1))
        if type(event) in _TURN_ENDS and not self._are_merged(path):
            self._unreported.pop(path, None)  # its pieces are counted as estimated
            self._doubtful.pop(path, None)
        return isinstance(event, StepStarted | ToolStarted)

    def undo(self, event: Event) -> None:
        """Take back a step or a call, which does not begin."""
        is_step = isinstance(event, StepStarted)
        self._enter(Charge(steps=-1) if is_step else Charge(tool_calls=-1))

    def say(self, path: _Path, tokens: float) -> None:
        """Enter pieces, by their estimate."""
        if tokens:
            self._say_by(self._models.get(path, self._latest), path, tokens)

    def _say_by(self, model: str | None, path: _Path, tokens: float) -> None:
        said = self._unreported.setdefault(path, {})
        said[model] = said.get(model, 0.0) + tokens
        self._enter(Charge(tokens, model))

    def _report(self, path: _Path, usage: Usage) -> None:
        """Enter a report, and take back the estimate of the output in it."""
        said = self._unreported.get(path, {})
        total, made = sum(said.values()), usage.output_tokens
        is_small = 0 < made * _AT_MOST < total
        if self._are_merged(path):
            self._take_back(path, min(total, made))
        elif is_small and path in self._doubtful:
            for model, tokens in self._doubtful[path].items():
                self._say_by(model, path, tokens)
            self._doubtful[path] = {}
        elif made:
            if is_small:
                self._doubtful[path] = dict(said)
            self._take_back(path, total)
        if usage.model is not None and not (is_small and path in self._models):
            self._models[path] = self._latest = usage.model
        self._enter(Charge(usage=usage))

    def _take_back(self, path: _Path, tokens: float) -> None:
        said = self._unreported.pop(path, {})
        for model, entered in said.items():
            taken = min(entered, tokens)
            tokens -= taken
            said[model] -= taken
            self._enter(Charge(-taken, model))
        if left := {model: rest for model, rest in said.items() if rest}:
            self._unreported[path] = left

    def _are_merged(self, path: _Path) -> bool:
        """Return whether several runs go on at a path, as where a tool merges them."""
        return self._runs.get(path, 0) > 1

    def _enter(self, charge: Charge) -> None:
        for ledger in self._ledgers:
            ledger.enter(charge)

    @property
    def exceeded(self) -> str | None:
        """The first limit that is exceeded, in words."""
        return next(filter(None, (ledger.exceeded for ledger in self._ledgers)), None)

    @property
    def used_up(self) -> str | None:
        """The first limit that leaves nothing to begin with, in words."""
        return next(filter(None, (ledger.used_up for ledger in self._ledgers)), None)

    @property
    def room(self) -> float:
        """The tokens that may be written before the ledgers must be asked again."""
        models = {self._latest, *self._models.values()}
        own, *shared = (ledger.room(models) for ledger in self._ledgers)
        return min([own, *shared, *[_SLICE] * len(shared)])
