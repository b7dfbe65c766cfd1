"""Recorded: a model that plays what was recorded of another one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from attrs import field, frozen
from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..arguments import number, plural
from ..errors import ModelUnavailable, NotRecorded
from ..events import Delta
from ..messages import Message, Request
from ..pickling import Shared
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer
from ._difference import differences
from ._models import Model, Pipeable
from ._recorded_runs import PerRunAndFile
from ._recording import (
    COMPLETED,
    Exchange,
    error_of,
    fields_of_request,
    key_of,
    path_of,
    read_recording,
)
from ._secrets import secrets_of

__all__ = ["Recorded", "recorded"]

_MOST_DIFFERENCES = 5
_Asked: TypeAlias = Counter[tuple[str, str, tuple[str, ...] | None]]
"""How often a recorded run was asked for a request within some calls; None is any calls."""

_asked: PerRunAndFile[_Asked] = PerRunAndFile(Counter)
"""What each run has asked of each file, of which several models may play the same run."""

_NOW = 1e-6
"""A delta that is due in fewer seconds is due now."""


def recorded(path: str | PathLike[str], speed: float | None = None) -> Recorded:
    """Return a model that answers each request as `record` has recorded it.

    A request that was asked several times in a run is answered in the order of the recording; if
    several runs were recorded, the latest that has the request is played. Models that play the
    same file in a run play it together. A request that was not
    recorded is an error, with the difference from the nearest one.

    .. marbles:: recorded/recorded

    Args:
        path: The file that `record` has written.
        speed: How fast it plays: 1 is as it was, 2 twice as fast; by default all comes at once.

    Raises:
        FileNotFoundError: There is no such file.
        MalformedLine: The file is no recording.
        NotRecorded: The request differs from all that were recorded; by `on_error`.
    """
    number("speed", speed, above=0, what="how many times as fast as it was", optional=True)
    file = path_of(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no recording {fspath(path)!r}. Make it by running the program once with "
            f"`ops.record({fspath(path)!r})(model)` as its model."
        )
    return Recorded(file, speed, read_recording(file))


@frozen(eq=False, repr=False)
class Recorded(Shared, Pipeable):
    """A model that plays a recording; the function `recorded` makes it.

    Called with a model in place of a request, it returns itself, so that it can stand in a pipe
    where `record` stood.
    """

    takes_model: ClassVar[bool] = True

    path: Path
    speed: float | None
    exchanges: tuple[Exchange, ...]
    _file: Path = field(init=False)

    @_file.default
    def _(self) -> Path:
        return self.path.resolve()

    def __reduce__(self) -> tuple[Any, ...]:
        return recorded, (self.path, self.speed)

    def __repr__(self) -> str:
        speed = "" if self.speed is None else f", speed={self.speed:g}"
        return f"recorded({fspath(self.path)!r}{speed})"

    def __call__(self, request: Request | str | Message | Iterable[Message] | Model) -> Any:
        """Return the deltas of the recorded answer."""
        if callable(request):
            return self
        return self._answer(Request.of(request))

    def _answer(self, request: Request) -> Observable[Delta]:
        key = key_of(secrets_of().hidden(fields_of_request(request)))

        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            asked = _asked.of(run_scheduler.identity, self._file)
            exchange = self._find(key, run_scheduler.scope.path, asked)
            return _Player(observer, exchange, run_scheduler, self.speed).begin()

        return run_scoped(Producer(subscribe))

    def _find(self, key: str, path: tuple[str, ...], asked: _Asked) -> Exchange:
        """Return what answers a request that is sent within some calls."""
        same = [one for one in self.exchanges if key_of(one.request) == key]
        if not same:
            raise NotRecorded(self._unknown(json.loads(key)))
        latest = [one for one in same if one.run == same[-1].run]
        within = [one for one in latest if one.path == path]
        place = (latest[0].run, key, path if within else None)
        latest = within or latest
        times = asked[place]
        asked[place] += 1
        if times >= len(latest):
            times_of = plural(len(latest), "time")
            raise NotRecorded(
                f"{self.path} has this request {times_of} for a run (the first is in line "
                f"{latest[0].line}), and this run asks it once more. {self._what_to_do()}"
            )
        return latest[times]

    def _unknown(self, asked: dict[str, Any]) -> str:
        if not self.exchanges:
            return f"{self.path} holds no request. {self._what_to_do()}"
        found = [(list(differences(one.request, asked)), one) for one in self.exchanges]
        lines, nearest = min(found, key=lambda pair: len(pair[0]))
        more = len(lines) - _MOST_DIFFERENCES
        listed = [*lines[:_MOST_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])]
        where = f"From the nearest one, in line {nearest.line}, it differs in:"
        what = "\n  ".join([f"{self.path} has no such request. {where}", *listed])
        return f"{what}\n{self._what_to_do()}"

    def _what_to_do(self) -> str:
        return f"To record it, run the program with `ops.record({fspath(self.path)!r})(model)`."


class _Player(abc.DisposableBase):
    """Plays an exchange to an observer."""

    def __init__(
        self,
        observer: abc.ObserverBase[Delta],
        exchange: Exchange,
        scheduler: RunScheduler,
        speed: float | None,
    ) -> None:
        self._observer = observer
        self._exchange = exchange
        self._scheduler = scheduler
        self._speed = speed
        self._began = scheduler.time()
        self._next = 0
        self._is_over = False
        self._timer = SerialDisposable()

    def begin(self) -> _Player:
        self._timer.disposable = self._scheduler.schedule(self._play)
        return self

    def dispose(self) -> None:
        self._is_over = True
        self._timer.dispose()

    def _play(self, *_: object) -> None:
        deltas = self._exchange.deltas
        while not self._is_over:
            has_ended = self._next == len(deltas)
            after = self._exchange.after if has_ended else deltas[self._next][0]
            left = after / self._speed - self._passed() if self._speed else 0.0
            if left > _NOW:
                self._timer.disposable = self._scheduler.schedule_relative(left, self._play)
                return
            if self._scheduler.is_held:
                self._scheduler.when_resumed(self._play)
                return
            if has_ended:
                self._end()
                return
            self._next += 1
            self._observer.on_next(deltas[self._next - 1][1])
            # Only once it has emitted: two that both let the other one go first would never end.
            if self._scheduler.is_busy or self._scheduler.is_spent:
                self._scheduler.post(self._play)
                return

    def _passed(self) -> float:
        return self._scheduler.time() - self._began

    def _end(self) -> None:
        self._is_over = True
        exchange = self._exchange
        if exchange.end == COMPLETED:
            self._observer.on_completed()
            return
        closed = ModelUnavailable(
            f"The recorded answer ends here: its request, in line {exchange.line}, was closed "
            f"after {exchange.after:g} s and {plural(len(exchange.deltas), 'delta')}."
        )
        self._observer.on_error(closed if exchange.error is None else error_of(exchange.error))
