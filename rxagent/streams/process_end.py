"""The end of a loop and of the process: a script waits for its runs, and Ctrl-C cancels them.

Four hooks are CPython's own; they were tried with 3.11 to 3.14.

============================== ===================================================================
`threading._register_atexit`   waits before threads can no longer be started; without it a run that
                               still needs a thread would fail
`threading._SHUTTING_DOWN`     shows a Ctrl-C that came just before the wait; without it such a
                               script would end with status 0
`sys.last_type`                shows a Ctrl-C that ended the script; without it its runs go on, and
                               the exit status is 1 if an observer runs code from a text meanwhile
`atexit._run_exitfuncs`        runs the other exit functions before the signal ends the process
============================== ===================================================================
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401  # its exit hook must be registered before ours
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress

from .background_loop import is_daemon_loop, running_daemon_loop, stop_daemon_loop
from .idle_runs import IdleRuns
from .interruptible_wait import POLL_SECONDS
from .open_work import (
    OpenWork,
    awaited_work,
    dispose_work_of,
    wait_for_leaving,
    wait_for_work,
)

__all__ = ["at_script_end", "awaited_at_end", "disposing", "disposing_with_loop"]

_SECONDS = 2.0
"""How long the end of a process waits for the work that it has cancelled."""

_ends: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}
_disposals: dict[object, Callable[[], None]] = {}
_finishing: list[Callable[[], bool]] = []
_interrupted = False
_waited = False
_has_run_code = False
"""Whether observers have run, as code that is run from a text makes CPython forget a Ctrl-C."""


def at_script_end(finish: Callable[[], bool]) -> None:
    """Call a function when a script has ended and its runs have ended too.

    It returns whether code of the program has run on its threads.
    """
    _finishing.append(finish)


def awaited_at_end(
    name: str,
    loop: asyncio.AbstractEventLoop,
    post: Callable[..., bool | None],
    action: Callable[..., object],
    *args: object,
) -> None:
    """Post an action to a loop; a script that ends waits until it has run.

    Args:
        name: What it is, in the list of open work.
        loop: The loop; only for the process's own one there is anything to wait for.
        post: Posts it; False means that it will not run.
        action: The action.
        args: Its arguments.
    """
    if not is_daemon_loop(loop):
        post(action, *args)
        return
    work = OpenWork(name, loop, _nothing)

    def run() -> None:
        try:
            action(*args)
        finally:
            work.close()

    with work.closing_on_error():
        if post(run) is False:
            work.close()


def _nothing() -> None:
    pass


@contextmanager
def disposing(dispose: Callable[[], None]) -> Iterator[None]:
    """Dispose when the block is left, also when the script ends inside it."""
    key = object()
    if threading.current_thread() is threading.main_thread():
        _disposals[key] = dispose
    try:
        yield
    finally:
        _disposals.pop(key, None)
        dispose()


def disposing_with_loop() -> None:
    """Dispose the work of the running loop when the loop ends, as `asyncio.run` cancels its tasks.

    The process's own loop ends with the process.
    """
    loop = asyncio.get_running_loop()
    if not is_daemon_loop(loop) and loop not in _ends:
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
        dispose_work_of(asyncio.get_running_loop())


def _wait_for_runs() -> None:
    """Wait until the runs of a script have ended; Ctrl-C, before or meanwhile, cancels them."""
    global _waited
    for dispose in tuple(_disposals.values()):
        dispose()
    try:
        if _interrupted or _is_interrupted():
            _cancel_runs()
            _finish()
        else:
            _wait_for_all()
        if not _waited:
            wait_for_leaving(_SECONDS)
    except KeyboardInterrupt:
        if not _interrupted:
            _die_of_interrupt()
    _waited = True


def _wait_for_all() -> None:
    """Wait for runs and for their viewers, in turns: a viewer may start another run."""
    _wait_for_work()
    _finish()
    while awaited_work(running_daemon_loop()):
        _wait_for_work()
        _finish()


def _wait_for_work() -> None:
    idle = IdleRuns()
    while not wait_for_work(loop := running_daemon_loop(), POLL_SECONDS):
        idle.look(loop)


def _is_interrupted() -> bool:
    """Return whether Ctrl-C has ended the script, or the latest input of an interactive session."""
    return getattr(sys, "last_type", None) is KeyboardInterrupt


def _finish() -> None:
    global _has_run_code
    try:
        for finish in _finishing:
            _has_run_code = bool(finish()) or _has_run_code
    except KeyboardInterrupt:
        _finishing.clear()
        raise


def _cancel_runs() -> None:
    dispose_work_of(running_daemon_loop())
    wait_for_work(running_daemon_loop(), _SECONDS)


def _die_of_interrupt() -> None:
    """Cancel all runs, and end the process by SIGINT, so that a shell sees the reason."""
    global _interrupted, _waited
    _interrupted = _waited = True
    _cancel_runs()
    wait_for_leaving(_SECONDS)
    atexit._run_exitfuncs()  # `_end` is among them
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _end() -> None:
    if running_daemon_loop() is not None and not _interrupted and _is_cut_short():
        _die_of_interrupt()
    _wait_for_runs()
    is_interactive = sys.flags.interactive or hasattr(sys, "ps1")
    if _has_run_code and _is_interrupted() and not (is_interactive or _interrupted):
        _die_of_interrupt()
    stop_daemon_loop(_SECONDS)


def _is_cut_short() -> bool:
    """Return whether Ctrl-C came before the wait for runs, or in the wait for threads after it."""
    if not _waited:
        return getattr(threading, "_SHUTTING_DOWN", False)
    main = threading.main_thread()
    return any(not (thread.daemon or thread is main) for thread in threading.enumerate())


def _forget() -> None:
    global _interrupted, _waited, _has_run_code
    _disposals.clear()
    _interrupted = _waited = _has_run_code = False


threading._register_atexit(_wait_for_runs)  # type: ignore[attr-defined]  # it is private
atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
