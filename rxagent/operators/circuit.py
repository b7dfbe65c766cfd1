"""A circuit breaker: a model that keeps failing is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from attrs import frozen
from reactivex import Observable, abc

from ..arguments import number, plural
from ..errors import CircuitOpen, describe
from ..events import Delta
from ..messages import Request
from ..streams import RunScheduler
from ..streams.sink import Producer, Sink
from ._errors import PASSING, Errors, chosen
from ._models import Answer, Model, ask, model_operator, speaks

__all__ = ["circuit_breaker"]


@model_operator
def circuit_breaker(failures: int, cooldown: float = 30.0, on: Errors = PASSING) -> Answer:
    """Send a model no requests for a while, once it has failed several times in a row.

    .. code-block:: text

        closed ── so many failures in a row ──▶ open ── cooldown ──▶ one request on trial
           ▲                                      ▲                    │            │
           └───────────── it speaks ──────────────│────────────────────┘            │
                                                  └─────────── it fails ────────────┘

    It is shared by all runs and by all models that this one object is piped to. A request that is
    refused fails at once with CircuitOpen, which is a ModelUnavailable, so that `fallback` asks
    another model; its `retry_after` is the time that is left, which `retry` waits if its
    `max_delay` allows it.

    .. marbles:: circuit/circuit_breaker

    Args:
        failures: After how many failures in a row, of any runs, no request is sent.
        cooldown: Seconds until a request is sent on trial. If the model speaks, all requests are
            sent again; if it fails, the next cooldown begins. If the run of that request is paused,
            or its event loop has stopped or is closed, the next request is on trial instead.
        on: The errors that count as failures, as types or as a predicate. Others do not count.

    Raises:
        CircuitOpen: The request was not sent; by `on_error`.
    """
    number("failures", failures, least=1, whole=True, what="a number of requests")
    number("cooldown", cooldown, above=0)
    circuit = _Circuit(failures, cooldown, chosen(on))

    def answer(model: Model, request: Request) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            pass_ = circuit.enter(run_scheduler)
            watching = _Watching(observer, circuit, pass_, run_scheduler)
            return watching.follow(ask(model, request), run_scheduler)

        return Producer(subscribe)

    return answer


@frozen(eq=False)
class _Pass:
    """A request that is sent.

    Attributes:
        era: How often the circuit had opened, or been tried, before; its outcome counts in the
            same era only.
        is_trial: Whether it decides if others are sent.
    """

    era: int
    is_trial: bool


class _Circuit:
    """What all requests share; any thread may use it, so it has a lock, in which nothing emits."""

    def __init__(
        self, failures: int, cooldown: float, is_failure: Callable[[Exception], bool]
    ) -> None:
        self._most = failures
        self._cooldown = cooldown
        self.is_failure = is_failure
        self._lock = Lock()
        self._count = 0
        self._era = 0
        self._open_until: float | None = None
        self._on_trial: RunScheduler | None = None
        self._latest = ""

    def enter(self, run: RunScheduler) -> _Pass:
        """Let a request of a run pass.

        Raises:
            CircuitOpen: It is not sent.
        """
        with self._lock:
            if self._open_until is None:
                return _Pass(self._era, False)
            left = self._open_until - run.shared_time()
            if left > 0 or not self._may_try(run):
                raise self._refusal(left)
            if self._on_trial is not None:
                self._era += 1  # it decides nothing any more
            self._on_trial = run
            return _Pass(self._era, True)

    def _may_try(self, run: RunScheduler) -> bool:
        """Return whether no request is on trial, or none that can end now."""
        other = self._on_trial
        return other is None or other.is_held or other.is_stuck_for(run)

    def _refusal(self, left: float) -> CircuitOpen:
        when = f"The next is sent in {left:.3g} s" if left > 0 else "One is on trial now"
        return CircuitOpen(
            f"No request is sent, because {plural(self._most, 'request')} in a row have failed. "
            f"{when}. The latest failed by {self._latest}",
            retry_after=max(left, 0.0) or None,
        )

    def spoke(self, passed: _Pass) -> None:
        """Send requests again, as the one on trial is answered; one more failure ends that."""
        with self._lock:
            if passed.era == self._era and passed.is_trial:
                self._close(self._most - 1)

    def completed(self, passed: _Pass) -> None:
        """Forget the failures before a request that was answered."""
        with self._lock:
            if passed.era == self._era:
                self._close(0)

    def failed(self, passed: _Pass, error: Exception, now: float) -> None:
        """Count a failure."""
        with self._lock:
            if passed.era != self._era:
                return
            self._count += 1
            if self._on_trial is not None or self._count >= self._most:
                self._open_until = now + self._cooldown
                self._latest = describe(error)
                self._on_trial = None
                self._era += 1

    def left(self, passed: _Pass) -> None:
        """Let another request be tried, as one that was on trial was hung up on."""
        with self._lock:
            if passed.era == self._era and passed.is_trial:
                self._on_trial = None

    def _close(self, count: int) -> None:
        self._count = count
        self._open_until = None
        self._on_trial = None


class _Watching(Sink[Delta, Delta]):
    """Reports how one request ended."""

    __slots__ = ("_circuit", "_has_spoken", "_pass", "_scheduler")

    def __init__(
        self,
        observer: abc.ObserverBase[Delta],
        circuit: _Circuit,
        passed: _Pass,
        scheduler: RunScheduler,
    ) -> None:
        super().__init__(observer)
        self._circuit = circuit
        self._pass: _Pass | None = passed
        self._scheduler = scheduler
        self._has_spoken = not passed.is_trial

    def on_next(self, value: Delta) -> None:
        if not self._has_spoken and speaks(value):
            self._has_spoken = True
            if self._pass is not None:
                self._circuit.spoke(self._pass)
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        passed = self._pass
        if passed is not None and self._circuit.is_failure(error):
            self._pass = None
            self._circuit.failed(passed, error, self._scheduler.shared_time())
        super().on_error(error)

    def on_completed(self) -> None:
        passed, self._pass = self._pass, None
        if passed is not None:
            self._circuit.completed(passed)
        super().on_completed()

    def dispose(self) -> None:
        super().dispose()
        passed, self._pass = self._pass, None
        if passed is not None:
            self._circuit.left(passed)
