"""Open work: what still runs in this process. Scripts wait for it; tests find leaks with it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = [
    "OpenWork",
    "awaited_work",
    "dispose_work_of",
    "leaving_soon",
    "open_work",
    "wait_for_leaving",
    "wait_for_work",
]

_lock = threading.RLock()  # a signal handler or a finaliser may close work meanwhile
_changed = threading.Condition(_lock)
_open: dict[OpenWork, None] = {}  # in order, which a set would not keep
_leaving: set[object] = set()


def _nothing() -> None:
    pass


class OpenWork:
    """A handle on some work of a loop, open from its creation until it is closed.

    Args:
        name: The kind of work.
        loop: The loop on which it runs, or which it notifies.
        dispose: Ends it.
        is_awaited: Whether a script waits for it at its end; otherwise it is disposed there.
        run: The run or subscription that the work is, as a whole; None for a part of one.
        is_idle: Returns whether nothing works at it now, because its run is held, or because it
            waits for other open work.
    """

    __slots__ = ("_has_ended", "dispose", "is_awaited", "is_idle", "loop", "name", "run")

    def __init__(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop,
        dispose: Callable[[], None],
        is_awaited: bool = True,
        run: object = None,
        is_idle: Callable[[], bool] = lambda: False,
    ) -> None:
        self.name = name
        self.loop = loop
        self.dispose = dispose
        self.is_awaited = is_awaited
        self.run = run
        self.is_idle = is_idle
        self._has_ended = False
        with _lock:
            _open[self] = None

    @contextmanager
    def closing_on_error(self) -> Iterator[None]:
        """Close the work if the block, which begins it, raises anything, Ctrl-C included."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def detach(self) -> None:
        """Stop scripts from waiting for the work, though it may go on."""
        with _lock:
            self.is_awaited = False
            _changed.notify_all()

    def end(self) -> None:
        """Note that the work has ended, while its loop still has actions of it to run.

        If the loop is closed before it has run them, the work counts as closed.
        """
        self._has_ended = True

    def close(self) -> None:
        """Note that nothing of the work is left, and let go of it."""
        with _lock:
            _open.pop(self, None)
            _changed.notify_all()
        self.dispose = _nothing
        self.run = None
        self.is_idle = lambda: False

    @property
    def is_left_behind(self) -> bool:
        """Whether the work has ended, and its loop was closed before it could note that."""
        return self._has_ended and self.loop.is_closed()


def open_work() -> list[OpenWork]:
    """Return the work that is open in this process, in the order in which it began."""
    with _lock:
        for work in tuple(_open):
            if work.is_left_behind:
                work.close()
        return list(_open)


def dispose_work_of(loop: asyncio.AbstractEventLoop | None) -> None:
    """Dispose all work that is open on a loop."""
    for work in open_work():
        if work.loop is loop:
            work.dispose()


def awaited_work(loop: asyncio.AbstractEventLoop | None) -> list[OpenWork]:
    """Return the open work of a loop for which a script waits at its end."""
    return [work for work in open_work() if work.is_awaited and work.loop is loop]


def wait_for_work(loop: asyncio.AbstractEventLoop | None, timeout: float) -> bool:
    """Block until no awaited work of a loop is open; return False after `timeout` seconds."""
    with _changed:
        return _changed.wait_for(lambda: not awaited_work(loop), timeout)


@contextmanager
def leaving_soon() -> Iterator[None]:
    """Mark code on a thread that returns soon after it is disposed.

    The process waits for it at its end: a native library aborts the process if one of its threads
    returns to Python when there is no interpreter any more.
    """
    code = object()
    with _lock:
        _leaving.add(code)
    try:
        yield
    finally:
        with _lock:
            _leaving.discard(code)
            _changed.notify_all()


def wait_for_leaving(timeout: float) -> bool:
    """Block until no marked code is running; return False after `timeout` seconds."""
    with _changed:
        return _changed.wait_for(lambda: not _leaving, timeout)


def _forget() -> None:
    """Reset in a forked child: threads and their locks stay with the parent."""
    global _lock, _changed
    _lock = threading.RLock()
    _changed = threading.Condition(_lock)
    _open.clear()
    _leaving.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
