"""The process's own asyncio loop, for threads in which none is running."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

__all__ = [
    "daemon_loop",
    "is_daemon_loop",
    "on_daemon_loop",
    "process_generation",
    "running_daemon_loop",
    "stop_daemon_loop",
]

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None
_stopping = False
_generation = 0

_log = logging.getLogger("rxagent")


def daemon_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs in a daemon thread of this process; the first call starts it."""
    global _loop, _thread
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_serve, args=(loop,), name="rxagent-loop", daemon=True)
            thread.start()
            _thread, _loop = thread, loop  # last, so that Ctrl-C leaves no loop that nothing runs
        return _loop


def running_daemon_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of this process; None if it was never started."""
    return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until the process ends, whatever is raised in it and whatever stops it."""
    while not _stopping:
        try:
            loop.run_forever()
        except BaseException:
            _log.exception("code on the loop's own thread tried to leave the interpreter")


def is_daemon_loop(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Return whether a loop is the process's own."""
    return loop is not None and loop is _loop


def on_daemon_loop() -> bool:
    """Return whether this is the thread of the process's own loop."""
    return threading.current_thread() is _thread


def stop_daemon_loop(timeout: float) -> None:
    """Cancel the loop's tasks, stop it and close it; give up after some seconds."""
    global _stopping
    if _loop is None or _thread is None or on_daemon_loop():
        return
    try:
        asyncio.run_coroutine_threadsafe(_wind_up(), _loop).result(timeout)
    except TimeoutError:
        return
    _stopping = True
    _loop.call_soon_threadsafe(_loop.stop)
    _thread.join(timeout)
    if not _loop.is_running():
        _loop.close()


async def _wind_up() -> None:
    """Cancel the tasks and close the asynchronous generators, as `asyncio.run` does."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def process_generation() -> int:
    """Return how many forks lie between this process and the one that imported this module."""
    return _generation


def _forget() -> None:
    """Reset in a forked child: the loop's thread stays with the parent."""
    global _loop, _thread, _lock, _generation
    _generation += 1
    _loop = _thread = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
