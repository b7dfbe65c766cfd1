"""Performance: a run before an audience, which Ctrl-C and the clock may end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
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
    run: Run, watcher: abc.ObserverBase[Event], timeout: float | None = None
) -> Exception | None:
    """Show a run to a watcher, which is told on this thread, to the run's end.

    The first Ctrl-C cancels the run, down to the request it waits for, and the watcher is told
    so; the second leaves the process at once.

    Args:
        run: The run.
        watcher: Who is told of it.
        timeout: The seconds after which the run is cancelled.

    Returns:
        What ended the run; None when it completed.
    """
    ended: Exception | None = None
    notification: Notification[Event]
    with run, _interruptible(run), _limited(run, timeout):
        for notification in each(run.pipe(rxo.materialize())):
            ended = getattr(notification, "exception", None)
            notification.accept(watcher)
    return ended


def _interruptible(run: Run) -> AbstractContextManager[None]:
    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGINT, lambda *_: leave_at_once(ExitCode.INTERRUPTED))
        run.cancel(INTERRUPTED)

    return on_interrupt(interrupt)


@contextmanager
def _limited(run: Run, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, run.cancel, [f"{TOO_LONG} {seconds:g} s"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
