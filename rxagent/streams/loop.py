"""The process's own asyncio loop, for those who have none running."""

import asyncio
import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count

__all__ = ["closing", "daemon_loop", "is_daemon_loop", "on_daemon_loop", "open_work", "opening"]

_making = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None

_changed = threading.Condition()
_open: dict[int, tuple[str, asyncio.AbstractEventLoop, Callable[[], None]]] = {}
_tickets = count()


def daemon_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs in a daemon thread of this process; the first call starts it."""
    global _loop, _thread
    with _making:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="rxagent-loop", daemon=True)
            _thread.start()
        return _loop


def is_daemon_loop(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is the process's own."""
    return loop is _loop


def on_daemon_loop() -> bool:
    """Tell whether this is the thread of the process's own loop."""
    return threading.current_thread() is _thread


def opening(what: str, loop: asyncio.AbstractEventLoop, dispose: Callable[[], None]) -> int:
    """Note that some work is open on a loop; return the ticket that closes the note."""
    ticket = next(_tickets)
    with _changed:
        _open[ticket] = what, loop, dispose
    return ticket


def closing(ticket: int) -> None:
    """Note that the work of a ticket has ended."""
    with _changed:
        _open.pop(ticket, None)
        _changed.notify_all()


def open_work() -> list[str]:
    """Return the names of all work that is open in this process."""
    with _changed:
        return [what for what, _, _ in _open.values()]


def _unfinished() -> list[Callable[[], None]]:
    with _changed:
        return [dispose for _, loop, dispose in _open.values() if loop is _loop]


@atexit.register
def _linger() -> None:
    """Let a script live until its runs have ended; Ctrl-C cancels them."""
    if _loop is None:
        return
    interrupted = False
    try:
        with _changed:
            _changed.wait_for(lambda: not _unfinished())
    except KeyboardInterrupt:
        interrupted = True
        for dispose in _unfinished():
            dispose()
        with _changed:
            _changed.wait_for(lambda: not _unfinished(), timeout=2)
    _stop()
    if interrupted:
        _die_of_interrupt()


def _stop() -> None:
    assert _loop is not None and _thread is not None
    if threading.current_thread() is _thread:
        return
    try:
        asyncio.run_coroutine_threadsafe(_loop.shutdown_asyncgens(), _loop).result(timeout=2)
    except TimeoutError:
        return
    _loop.call_soon_threadsafe(_loop.stop)
    _thread.join(timeout=2)
    if not _loop.is_running():
        _loop.close()


def _die_of_interrupt() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _forget() -> None:
    global _loop, _thread, _making, _changed
    _loop = _thread = None
    _making = threading.Lock()
    _changed = threading.Condition()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
