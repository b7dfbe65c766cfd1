"""Recording a model: its requests and answers go to a file."""

from __future__ import annotations

import logging
import threading
from os import PathLike
from pathlib import Path
from typing import Any
from uuid import uuid4

from reactivex import Observable, abc

from ..events import Delta
from ..messages import Request
from ..streams import RunScheduler
from ..streams.sink import Producer, Sink
from ..wire import VERSION, encode
from ._hidden_deltas import hide_in_deltas
from ._models import Answer, Model, ask, model_operator
from ._recorded_runs import PerRunAndFile
from ._recording import (
    CLOSED,
    COMPLETED,
    FAILED,
    dumped,
    fields_of_error,
    fields_of_request,
    path_of,
)
from ._secrets import Secrets, secrets_of

__all__ = ["record"]

_log = logging.getLogger("rxagent")


@model_operator
def record(path: str | PathLike[str]) -> Answer:
    """Record the requests to a model and its answers in a file, which `recorded` plays.

    Each request is added to the file when its answer has ended, with the time of each delta, and
    with the error if it failed. Several models of a run may share a file. Texts that are keys or
    tokens, by their name or by their form, are written as `[secret]`.

    .. marbles:: record/record

    Args:
        path: The file, which is made if there is none.
    """
    file = path_of(path)

    def answer(model: Model, request: Request) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            _make(file)
            run = _runs.of(run_scheduler.identity, file.resolve())
            recorder = _Recorder(observer, file, run_scheduler, secrets_of(model), run, request)
            return recorder.follow(ask(model, request), run_scheduler)

        return Producer(subscribe)

    return answer


_writing = threading.Lock()

_runs = PerRunAndFile(lambda: uuid4().hex[:12])
"""The name of each run in each file, of which several operators may write the same run."""


def _make(path: Path) -> None:
    """Make the file if there is none, so that one that cannot be written fails before the model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.open("ab").close()


class _Recorder(Sink[Delta, Delta]):
    """Passes an answer on, and writes it to the file when it has ended."""

    __slots__ = ("_asked", "_began", "_deltas", "_is_written", "_path", "_scheduler", "_secrets")

    def __init__(
        self,
        observer: abc.ObserverBase[Delta],
        path: Path,
        scheduler: RunScheduler,
        secrets: Secrets,
        run: str,
        request: Request,
    ) -> None:
        super().__init__(observer)
        self._path = path
        self._scheduler = scheduler
        self._secrets = secrets
        self._began = scheduler.time()
        about = {"v": VERSION, "type": "Request", "run": run, "at": scheduler.now.timestamp()}
        if scheduler.scope.path:
            about["path"] = scheduler.scope.path
        self._asked = dumped({**about, "request": secrets.hidden(fields_of_request(request))})
        self._deltas = list[tuple[float, dict[str, Any]]]()
        self._is_written = False

    def _after(self) -> float:
        return round(self._scheduler.time() - self._began, 6)

    def _write(self, end: str, **fields: Any) -> None:
        if self._is_written:
            return
        self._is_written = True
        ended, deltas = self._after(), tuple(self._deltas)
        hidden = hide_in_deltas(self._secrets, (delta for _, delta in deltas))
        spoken = [
            {"after": after, "event": delta}
            for (after, _), delta in zip(deltas, hidden, strict=True)
        ]
        last = {"after": ended, "end": end, **self._secrets.hidden(fields)}
        lines = [self._asked, *map(dumped, spoken), dumped(last)]
        with _writing, self._path.open("ab", buffering=0) as file:
            file.write("".join(lines).encode())

    def _try_to_write(self, end: str, **fields: Any) -> None:
        try:
            self._write(end, **fields)
        except OSError as error:
            _log.error("%s cannot be written", self._path, exc_info=error)

    def on_next(self, value: Delta) -> None:
        event = encode(value)
        del event["v"]
        self._deltas.append((self._after(), event))
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        self._try_to_write(FAILED, error=fields_of_error(error))
        super().on_error(error)

    def on_completed(self) -> None:
        try:
            self._write(COMPLETED)
        except OSError as error:
            super().on_error(error)
        else:
            super().on_completed()

    def dispose(self) -> None:
        super().dispose()
        self._try_to_write(CLOSED)
