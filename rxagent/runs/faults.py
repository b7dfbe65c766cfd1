"""Faults: what viewers of a run have raised."""

import logging
from typing import Any

from attrs import frozen
from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from ..errors import BufferOverflow
from ..streams import Home, Hub

__all__ = ["Fault", "Faults"]

_log = logging.getLogger("rxagent")


@frozen
class Fault:
    """A viewer was detached from its run because of an error, its own or an overflow."""

    viewer: Any
    error: BaseException


class Faults(Observable[Fault]):
    """The faults of a run's viewers; who subscribes late is told of the earlier ones too.

    It never ends, since viewers may outlive the run.
    """

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._known: list[Fault] = []
        self._hub: Hub[Fault] = Hub(_log_fault)

    def report(self, viewer: Any, error: BaseException) -> None:
        """Tell of a fault, and log it."""
        _log_fault(viewer, error)
        self._home.post_or_run(self._tell, Fault(viewer, error))

    def _tell(self, fault: Fault) -> None:
        self._known.append(fault)
        self._hub.on_next(fault)

    def _subscribe_core(
        self, observer: abc.ObserverBase[Fault], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        seat = SingleAssignmentDisposable()

        def join() -> None:
            if not seat.is_disposed:
                try:
                    for fault in self._known:
                        observer.on_next(fault)
                except Exception as fault:
                    _log_fault(observer, fault)
                else:
                    seat.disposable = self._hub.add(observer)

        self._home.post_or_run(join)
        return seat


def _log_fault(viewer: Any, error: BaseException) -> None:
    if isinstance(error, BufferOverflow):
        _log.warning("%r was detached from its run: %s", viewer, error)
    else:
        _log.error("%r was detached from its run", viewer, exc_info=error)
