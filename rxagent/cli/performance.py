"""Performance: a run in front of one observer, which Ctrl-C or a time-out may cancel."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from reactivex import Notification, abc
from reactivex import operators as rxo

from ..events import Event
from ..runs import Run
from ..streams import each
from .failures import INTERRUPTED, TOO_LONG, ExitCode
from .leaving import leave_at_once, on_interrupt

__all__ = ["perform"]


def perform(
    run: Run,
    watcher: abc.ObserverBase[Event],
    timeout: float | None = None,
    then: Callable[[Event], object] | None = None,
) -> Exception | None:
    """Pass a run's events to an observer, on this thread, until the run ends.

    The first Ctrl-C cancels the run and its open request, and the observer receives the error;
    the second ends the process at once.

    Args:
        run: The run.
        watcher: The observer.
        timeout: The seconds after which to cancel the run.
        then: Called with each event after the observer, on this thread.

    Returns:
        The error that ended the run; None when it completed.
    """

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGINT, lambda *_: leave_at_once(ExitCode.INTERRUPTED))
        run.cancel(INTERRUPTED)

    ended: Exception | None = None
    notification: Notification[Event]
    with ExitStack() as stack:
        stack.enter_context(run)
        stack.enter_context(on_interrupt(interrupt))
        if timeout is not None:
            timer = threading.Timer(timeout, run.cancel, [f"{TOO_LONG} {timeout:g} s"])
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        for notification in each(run.pipe(rxo.materialize())):
            ended = getattr(notification, "exception", None)
            notification.accept(watcher)
            if then is not None and notification.has_value:
                then(notification.value)
    return ended
