"""The process's own asyncio loop, for those who have none running."""

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401  # its threads are to outlive the wait at our end
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

from .blocking import POLL_SECONDS

__all__ = [
    "closing",
    "daemon_loop",
    "disposals",
    "disposing",
    "disposing_with_loop",
    "ending",
    "finishing",
    "is_daemon_loop",
    "leaving",
    "on_daemon_loop",
    "open_work",
    "opening",
    "process_generation",
]

_making = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None

_lock = threading.RLock()  # entered itself, for Ctrl-C may come between a condition and its lock
_changed = threading.Condition(_lock)
# Copied before it is looped over, for what is collected meanwhile may be closed.
_open: dict[int, tuple[str, asyncio.AbstractEventLoop, Callable[[], None], bool]] = {}
_ended: set[int] = set()  # of those that are open, until what they have queued has run
_readings: dict[int, Callable[[], None]] = {}
_tickets = count()
_ends: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}
_finishing: list[Callable[[], object]] = []
_interrupted = False
_waited = False
_ending = False
_generation = 0

_log = logging.getLogger("rxagent")


def daemon_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs in a daemon thread of this process; the first call starts it."""
    global _loop, _thread
    with _making:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(
                target=_serve, args=(_loop,), name="rxagent-loop", daemon=True
            )
            _thread.start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until the process ends, whatever is raised in it and whatever stops it."""
    while not _ending:
        try:
            loop.run_forever()
        except BaseException:
            _log.exception("something tried to leave the interpreter from the loop's own thread")


def process_generation() -> int:
    """Return how many forks lie between this process and the one that imported this module."""
    return _generation


def is_daemon_loop(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is the process's own."""
    return loop is _loop


def on_daemon_loop() -> bool:
    """Tell whether this is the thread of the process's own loop."""
    return threading.current_thread() is _thread


# What is open.


def opening(
    what: str,
    loop: asyncio.AbstractEventLoop,
    dispose: Callable[[], None],
    is_awaited: bool = True,
) -> int:
    """Note that some work is open on a loop; return the ticket that closes the note.

    Work that is not awaited does not keep the process alive; it is disposed with the rest.
    """
    ticket = next(_tickets)
    with _lock:
        _open[ticket] = what, loop, dispose, is_awaited
    return ticket


def leaving(ticket: int) -> None:
    """Note that nobody waits any more for the work of a ticket, though it may go on."""
    with _lock:
        if ticket in _open:
            what, loop, dispose, _ = _open[ticket]
            _open[ticket] = what, loop, dispose, False
            _changed.notify_all()


def ending(ticket: int) -> None:
    """Note that the work of a ticket has ended, though its loop has not seen to it yet.

    If that loop is closed first, the work counts as closed.
    """
    with _lock:
        if ticket in _open:
            _ended.add(ticket)


def closing(ticket: int | None) -> None:
    """Note that the work of a ticket has ended."""
    with _lock:
        _open.pop(ticket, None)  # type: ignore[arg-type]  # None is the ticket of nothing
        _ended.discard(ticket)
        _changed.notify_all()


def open_work() -> list[str]:
    """Return the names of all work that is open in this process."""
    with _lock:
        _close_of_closed_loops()
        return [what for what, *_ in tuple(_open.values())]


def disposals() -> dict[int, Callable[[], None]]:
    """Return what disposes the work that is open in this process, by its tickets."""
    with _lock:
        _close_of_closed_loops()
        return {ticket: dispose for ticket, (_, _, dispose, _) in tuple(_open.items())}


def _close_of_closed_loops() -> None:
    for ticket in tuple(_ended):
        if _open[ticket][1].is_closed():
            closing(ticket)


@contextmanager
def disposing(dispose: Callable[[], None]) -> Iterator[None]:
    """Dispose when the block is left, be it because the script ends in the midst of it."""
    ticket = next(_tickets)
    if threading.current_thread() is threading.main_thread():
        _readings[ticket] = dispose
    try:
        yield
    finally:
        _readings.pop(ticket, None)
        dispose()


def disposing_with_loop() -> None:
    """Dispose all that is open on the running loop when that ends, as `asyncio.run` ends its own.

    The process's own loop needs none of that, for it ends with the process.
    """
    loop = asyncio.get_running_loop()
    if loop is not _loop and loop not in _ends:
        for other in tuple(_ends):
            if other.is_closed():
                _ends.pop(other, None)
        end = _ends[loop] = _end_of_loop()
        with suppress(StopIteration):
            anext(end).send(None)


async def _end_of_loop() -> AsyncGenerator[None, None]:
    try:
        yield  # until the loop's `shutdown_asyncgens`
    finally:
        _dispose_all_on(asyncio.get_running_loop())


def _dispose_all_on(loop: asyncio.AbstractEventLoop | None) -> None:
    with _lock:
        there = [dispose for _, where, dispose, _ in tuple(_open.values()) if where is loop]
    for dispose in there:
        dispose()


def _is_unfinished() -> bool:
    return any(awaited and loop is _loop for _, loop, _, awaited in tuple(_open.values()))


# The end of the program.


def finishing(finish: Callable[[], object]) -> None:
    """Have a function called when a script has ended and nothing is awaited any more."""
    _finishing.append(finish)


def _linger() -> None:
    """Let a script live until its runs have ended; Ctrl-C, before or meanwhile, cancels them."""
    global _waited
    for dispose in tuple(_readings.values()):
        dispose()
    try:
        if _interrupted or getattr(sys, "last_type", None) is KeyboardInterrupt:
            _cancel()
        else:
            with _lock:
                while _is_unfinished():
                    _changed.wait(POLL_SECONDS)
        _finish()
    except KeyboardInterrupt:
        if not _interrupted:
            _die_of_interrupt()
    _waited = True


def _finish() -> None:
    try:
        for finish in _finishing:
            finish()
    except KeyboardInterrupt:
        _finishing.clear()  # Nobody wants to wait for it again.
        raise


def _cancel() -> None:
    _dispose_all_on(_loop)
    with _lock:
        _changed.wait_for(lambda: not _is_unfinished(), timeout=2)


def _die_of_interrupt() -> None:
    """Cancel all, and end as a program does that Ctrl-C has ended, so that a shell sees it."""
    global _interrupted, _waited
    _interrupted = _waited = True
    _cancel()
    atexit._run_exitfuncs()  # `_end` is among them
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _end() -> None:
    global _ending
    if not _waited and getattr(threading, "_SHUTTING_DOWN", False) and _loop is not None:
        _die_of_interrupt()  # It came just before we waited, and Python has swallowed it.
    _linger()
    if _loop is None or _thread is None or on_daemon_loop():
        return
    try:
        asyncio.run_coroutine_threadsafe(_wind_up(), _loop).result(timeout=2)
    except TimeoutError:
        return
    _ending = True
    _loop.call_soon_threadsafe(_loop.stop)
    _thread.join(timeout=2)
    if not _loop.is_running():
        _loop.close()


async def _wind_up() -> None:
    """Cancel what is left and close what is open, as `asyncio.run` does."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


# At the moment of `atexit` no thread can be started any more, and no name be looked up in the
# net, since asyncio does that in a thread; so the wait itself comes before.
threading._register_atexit(_linger)  # type: ignore[attr-defined]
atexit.register(_end)


# Children.


def _forget() -> None:
    """Let a forked child start anew: threads and their locks have stayed with its parent."""
    global _loop, _thread, _making, _lock, _changed, _interrupted, _waited, _generation
    _generation += 1
    _loop = _thread = None
    _making = threading.Lock()
    _lock = threading.RLock()
    _changed = threading.Condition(_lock)
    _open.clear()
    _ended.clear()
    _readings.clear()
    _interrupted = _waited = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
