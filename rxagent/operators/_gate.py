"""A gate: requests of any number of runs pass it in the order in which they came.

.. code-block:: text

    requests ─▶ queue ─▶ rule: now, or in so many seconds ─▶ model ─▶ deltas ─▶ run
                            ▲                                        │
                            └──────────── usage, waits, the end ─────┘
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from math import inf
from time import monotonic
from typing import Protocol

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..errors import CircuitOpen, ModelError
from ..estimate import estimate
from ..events import Delta, Usage
from ..messages import Request
from ..streams import RunScheduler
from ..streams.loop_watch import WATCH_SECONDS, LoopWatch
from ..streams.open_work import OpenWork
from ..streams.sink import Producer, Sink

__all__ = ["Gate", "Rule", "Ticket"]

_NOW = 1e-6
"""What is due in fewer seconds is due now."""


class Ticket:
    """A request at a gate, with about how many tokens it has."""

    __slots__ = ("at", "is_reported", "tokens")

    def __init__(self, tokens: float) -> None:
        self.tokens = tokens
        self.at = inf
        self.is_reported = False


class Rule(Protocol):
    """Decides when the next request may pass; its gate calls it by one thread at a time."""

    def seconds(self, ticket: Ticket, now: float) -> float:
        """Return after how many seconds a request may pass; `inf` when another one must end."""

    def passed(self, ticket: Ticket, now: float) -> None:
        """Note that a request is sent."""

    def reported(self, ticket: Ticket, usage: Usage, now: float) -> None:
        """Note the usage of a request."""

    def pause(self, seconds: float, now: float) -> None:
        """Let no request pass for some seconds, as the server asks."""

    def ended(self, ticket: Ticket) -> None:
        """Note that an answer has ended, that its request was closed, or that its loop was."""

    def withdrawn(self, ticket: Ticket) -> None:
        """Note that a request that has passed is not sent."""


class Gate:
    """Lets requests pass in the order in which they came, as soon as a rule allows it.

    Its runs may be on any loops. A request whose loop is closed leaves; one whose loop has stopped
    gives its place or its turn to the next one, since that loop may never run again. One whose run
    is held sends nothing, so it gives its turn to the next one until the run is resumed. Nothing
    is emitted while the gate's lock is held.

    Args:
        rule: The rule.
        reads_usage: Whether the rule counts tokens.
        has_places: Whether the rule lets a request pass when another one has ended.
    """

    def __init__(self, rule: Rule, *, reads_usage: bool = False, has_places: bool = False) -> None:
        self._rule = rule
        self._reads_usage = reads_usage
        self._has_places = has_places
        self._lock = threading.RLock()  # a run that is collected may leave meanwhile
        self._queue: OrderedDict[_Passing, None] = OrderedDict()
        self._inside: dict[_Passing, None] = {}  # those that have places
        self._watch = LoopWatch(self.look)
        self._alarm = SerialDisposable()
        self._alarm_of: tuple[_Passing, float] | None = None

    def through(self, answer: Observable[Delta], request: Request) -> Observable[Delta]:
        """Return an answer that is requested once its turn has come."""

        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            tokens = sum(map(estimate, request.messages)) if self._reads_usage else 0.0
            run_scheduler = RunScheduler.of(scheduler)
            passing = (_Reported if self._reads_usage else _Passing)(
                observer, self, Ticket(tokens), answer, run_scheduler
            )
            self.come(passing)
            return passing

        return Producer(subscribe)

    def come(self, passing: _Passing) -> None:
        """Let a request pass now, or in its turn."""
        if not passing.scheduler.is_moved_by_hand:
            self._watch.note(passing.scheduler.loop)
        with self._lock:
            passes = not self._queue and passing.can_go and self._admit(passing) is None
            if not passes:
                self._queue[passing] = None
        if passes:
            passing.go()
        else:
            passing.wait()
            self.look()

    def _admit(self, passing: _Passing) -> float | None:
        """Let a request pass; if it must wait, return how many seconds."""
        now = passing.clock.time()
        seconds = self._rule.seconds(passing.ticket, now)
        if seconds > _NOW:
            return seconds
        self._rule.passed(passing.ticket, now)
        if self._has_places:
            self._inside[passing] = None
        return None

    def look(self) -> None:
        """Let all requests pass whose time has come."""
        passed, gone = list[_Passing](), list[_Passing]()
        with self._lock:
            while (first := self._first(gone)) is not None:
                seconds = self._admit(first)
                if seconds is None:
                    if self._queue.pop(first, self) is None:
                        passed.append(first)
                    else:  # it was collected, and has left meanwhile
                        self._give_up(first)
                elif seconds < inf or not self._take_place_for(first):
                    self._wake_at(first, seconds)
                    break
            else:
                self._alarm_of = None
                self._alarm.disposable = None
            if self._queue:
                self._watch.go_on()
        for passing in passed:
            if not passing.scheduler.post(passing.go):  # its loop was closed meanwhile
                gone.append(passing)
        for passing in gone:
            passing.dispose()

    def _first(self, gone: list[_Passing]) -> _Passing | None:
        """Return the first request that can go; those whose loops are closed are gone."""
        first = next(iter(self._queue), None)
        if first is None or first.can_go:
            return first
        for passing in tuple(self._queue):
            if passing.scheduler.is_lost:
                self._queue.pop(passing, None)
                gone.append(passing)
            elif not passing.is_passed_over():
                return passing
        return None

    def _take_place_for(self, first: _Passing) -> bool:
        """Free the place of a request that cannot go on; return whether there was one."""
        for passing in tuple(self._inside):
            if passing.has_left(first):
                self._give_up(passing)
                return True
        return False

    def take_back(self, passing: _Passing) -> None:
        """Let a request wait again, which has passed, and was not sent."""
        with self._lock:
            self._inside.pop(passing, None)
            self._rule.withdrawn(passing.ticket)
            self._queue[passing] = None
            self._queue.move_to_end(passing, last=False)
        self.look()

    def has_place(self, passing: _Passing) -> bool:
        """Return whether a request that has passed was not overtaken meanwhile."""
        return not self._has_places or passing in self._inside

    def _give_up(self, passing: _Passing) -> None:
        if self._inside.pop(passing, self) is None:
            self._rule.ended(passing.ticket)

    def _wake_at(self, first: _Passing, seconds: float) -> None:
        """Look again after some seconds, on the loop of the first request."""
        due = first.clock.time() + seconds
        if self._alarm_of is not None:
            waking, at = self._alarm_of
            if waking is first and at <= due + _NOW and at > first.clock.time():
                return
        self._alarm_of = (first, due)
        self._alarm.disposable = (
            None
            if seconds == inf
            else first.clock.schedule_relative(seconds, lambda *_: self.look())
        )

    def report(self, passing: _Passing, usage: Usage) -> None:
        """Correct the tokens of a request by a report of its model."""
        with self._lock:
            self._rule.reported(passing.ticket, usage, passing.clock.time())
        self.look()

    def pause(self, passing: _Passing, seconds: float) -> None:
        """Let no request pass for so long as a server asks."""
        with self._lock:
            self._rule.pause(seconds, passing.clock.time())

    def leave(self, passing: _Passing) -> None:
        """Go on without a request that has ended, or that waits no longer."""
        with self._lock:
            if passing in self._queue:
                del self._queue[passing]
            else:
                self._give_up(passing)
        self.look()


class _Passing(Sink[Delta, Delta]):
    """A request that waits for its turn, then its answer."""

    __slots__ = (
        "_answer",
        "_gate",
        "_is_here",
        "_is_passed_over",
        "_noted",
        "_preparing",
        "_stopped_at",
        "clock",
        "scheduler",
        "ticket",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[Delta],
        gate: Gate,
        ticket: Ticket,
        answer: Observable[Delta],
        scheduler: RunScheduler,
    ) -> None:
        super().__init__(observer)
        self._gate = gate
        self.ticket = ticket
        self._answer = answer
        self.scheduler = scheduler
        self.clock = scheduler.beside()
        self._is_here = True
        self._is_passed_over = False
        self._stopped_at: float | None = None
        self._noted: OpenWork | None = None
        self._preparing: abc.DisposableBase | None = None

    def wait(self) -> None:
        """Wait for `go`; a time limit of silence counts from then."""
        self._noted = OpenWork(
            "rxagent-limit", self.scheduler.loop, self.dispose, is_idle=lambda: True
        )
        self._preparing = self.scheduler.preparing()

    def go(self) -> None:
        """Send the request, if its place is still free."""
        if self.is_stopped:
            return
        if not self._gate.has_place(self):
            self._wait_no_longer()
            self._gate.come(self)
        elif self.can_go:
            self._wait_no_longer()
            self.follow(self._answer, self.scheduler)
        else:
            self._gate.take_back(self)

    @property
    def can_go(self) -> bool:
        """Whether its loop runs, and its run is not held."""
        return not (self.scheduler.is_stopped or self.scheduler.is_held)

    def is_passed_over(self) -> bool:
        """Return whether it cannot go now; once it can, the gate looks again."""
        if self.can_go:
            return False
        if not self._is_passed_over:
            self._is_passed_over = True
            self.scheduler.post(partial(self.scheduler.when_resumed, self._be_back))
        return True

    def _be_back(self) -> None:
        self._is_passed_over = False
        self._gate.look()

    def has_left(self, other: _Passing) -> bool:
        """Return whether it cannot go on, while another one can.

        A loop that has stopped may run again at once, as between two `run_until_complete`, so what
        counts is that it runs nothing for a while.
        """
        if not self.scheduler.is_stuck_for(other.scheduler):
            return False
        if self.scheduler.is_lost:
            return True
        if self._stopped_at is None:
            self._stopped_at = monotonic()
            self.scheduler.post(self._run_again)
        return monotonic() - self._stopped_at >= WATCH_SECONDS

    def _run_again(self) -> None:
        self._stopped_at = None

    def _wait_no_longer(self) -> None:
        if self._preparing is not None:
            self._preparing.dispose()
            self._preparing = None
        noted, self._noted = self._noted, None
        if noted is not None:
            self.scheduler.close_later(noted)

    def on_error(self, error: Exception) -> None:
        wait = error.retry_after if isinstance(error, ModelError) else None
        if wait is not None and not isinstance(error, CircuitOpen):  # no server has asked for that
            self._gate.pause(self, wait)
        super().on_error(error)

    def _stopping(self) -> abc.ObserverBase[Delta]:
        # Before the end is passed on, since the next request may be sent by that.
        observer = super()._stopping()
        self._leave()
        return observer

    def dispose(self) -> None:
        super().dispose()
        self._leave()

    def _leave(self) -> None:
        if self._is_here:
            self._is_here = False
            self._wait_no_longer()
            self._gate.leave(self)


class _Reported(_Passing):
    """An answer whose usage corrects the estimate."""

    __slots__ = ()

    def on_next(self, value: Delta) -> None:
        if type(value) is Usage:
            self._gate.report(self, value)
        self.observer.on_next(value)
