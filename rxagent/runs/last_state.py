"""The last state of a run that was cancelled or has spent its budget, for its error."""

from __future__ import annotations

from time import monotonic, sleep

from ..errors import BudgetExceeded, RunCancelled
from ..lazy_field import Lazy, has_value
from ..state import State
from ..streams import RunScheduler
from .event_log import EventLog

__all__ = ["set_last_state"]

_PATIENCE = 1.0
"""Seconds to wait for an event that is being added; it takes far less while its loop runs."""


def set_last_state(error: Exception | None, log: EventLog, scheduler: RunScheduler) -> None:
    """Let the error of a run that is cut hold the run's state; it is folded when it is read.

    BudgetExceeded has a state already, but only of this run: not of the conversation before it.

    Args:
        error: The error with which the run is about to end, if any; others have no such state.
        log: The events of the run.
        scheduler: The run's.
    """
    if not isinstance(error, RunCancelled | BudgetExceeded):
        return
    if isinstance(error, RunCancelled) and has_value(error, "state"):
        return
    fold = log.state_after(error)

    def state() -> State | None:
        until = monotonic() + _PATIENCE
        while log.is_adding and not scheduler.on_loop_thread and monotonic() < until:
            sleep(0)
        return fold()

    error.state = Lazy(state, lambda: not log.is_adding)
