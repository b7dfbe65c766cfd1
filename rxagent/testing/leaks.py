"""The leak check: a test closes everything that it opens.

A leak is a new thread, a new task of any running loop, a new internet socket, or a new report of
a probe.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import field, frozen

from ..runs.viewer_pool import VIEWER_POOL
from ..streams.open_work import open_work

__all__ = [
    "Snapshot",
    "Socket",
    "assert_no_leaks",
    "keepers",
    "leak_check",
    "leaks_since",
    "probes",
    "snapshot",
]


@frozen
class Socket:
    """An open internet socket of this process; an address is (host, port), or None."""

    inode: str
    fd: int = field(eq=False)
    local: tuple[str, int] | None = field(eq=False)
    remote: tuple[str, int] | None = field(eq=False)

    def __str__(self) -> str:
        here, there = (
            "?" if address is None else "{}:{}".format(*address)
            for address in (self.local, self.remote)
        )
        return f"socket {here} to {there}"


# pytest shows the test, not the check.
__tracebackhide__ = True

Opened = threading.Thread | asyncio.Task[Any] | Socket


def _processes_of_code() -> Sequence[str]:
    """Return the processes of `ProcessExecutor`, with their sockets and folders."""
    children = sys.modules.get("rxagent.executors.process_child")
    return [] if children is None else children.open_children()


def _sandboxes() -> Sequence[str]:
    """Return the processes of the sandbox that have a session."""
    workers = sys.modules.get("rxagent.executors.sandbox_workers")
    return [] if workers is None else ["a sandbox is in use"] * workers.WORKERS.in_use


probes: dict[str, Callable[[], Sequence[str]]] = {
    "open work": lambda: [work.name for work in open_work()],
    "code": _processes_of_code,
    "sandboxes": _sandboxes,
    "viewers": lambda: ["a viewer is running"] * VIEWER_POOL.busy,
}
"""Functions that list what else is open."""

SHARED_THREADS = ("rxagent-loop", "rxagent-worker", "rxagent-viewer", "asyncio_")
"""Name prefixes of threads that the process shares; probes report their open work.

`asyncio` starts its own for blocking calls, such as looking up addresses.
"""


def _is_shared_thread(opened: Opened) -> bool:
    return isinstance(opened, threading.Thread) and opened.name.startswith(SHARED_THREADS)


def _is_idle_connection(opened: Opened) -> bool:
    """Return whether a socket belongs to a client of a model, which closes it when it is idle.

    Its far end may have closed it already: some HTTP libraries look only before the next request.
    """
    clients = sys.modules.get("rxagent.models.clients")
    if clients is None or not isinstance(opened, Socket):
        return False
    return opened.local in clients.idle_connections()


def _shows_progress(opened: Opened) -> bool:
    """Return whether this is the thread that tqdm keeps, which loads of models start."""
    return isinstance(opened, threading.Thread) and opened.name == "tqdm_monitor"


keepers: dict[str, Callable[[Opened], bool]] = {
    "shared threads": _is_shared_thread,
    "idle connections": _is_idle_connection,
    "progress": _shows_progress,
}
"""Functions that tell whether a thread, task or socket stays open on purpose."""


@frozen
class Snapshot:
    """What is open at one moment: threads, tasks and sockets, and the reports of probes."""

    opened: frozenset[Opened]
    reports: Counter[str]


def snapshot() -> Snapshot:
    """Return what is open now."""
    return Snapshot(
        frozenset([*threading.enumerate(), *_tasks(), *_sockets()]),
        Counter(f"{name}: {report}" for name, probe in probes.items() for report in probe()),
    )


def leaks_since(before: Snapshot) -> list[str]:
    """Describe each new thread, task, socket and report that is not kept."""
    now = snapshot()
    leaked = [
        _described(opened)
        for opened in now.opened - before.opened
        if not any(keeps(opened) for keeps in keepers.values())
    ]
    return sorted(leaked) + sorted((now.reports - before.reports).elements())


def assert_no_leaks(before: Snapshot, within: float = 2.0) -> None:
    """Raise an AssertionError that lists the leaks, unless they close within this many seconds."""
    deadline = time.monotonic() + within
    while leaks := leaks_since(before):
        if time.monotonic() > deadline:
            listed = "\n  ".join(["Left open:", *leaks])
            raise AssertionError(f"{listed}\nDispose it, or wait for its end.")
        time.sleep(0.005)


def leak_check() -> Iterator[None]:
    """Check a test: `pytest.fixture(autouse=True)(leak_check)` makes a fixture of it.

    Open work of a run is reported and disposed, since pytest would wait for it.
    """
    before, known = snapshot(), set(open_work())
    yield
    try:
        assert_no_leaks(before)
    finally:
        for work in open_work():
            if work not in known:
                work.dispose()


# Finding.


def _tasks() -> Iterator[asyncio.Task[Any]]:
    """Find the running loops in the stacks of all threads; asyncio keeps no list."""
    for frame in sys._current_frames().values():
        for caller in _outwards(frame):
            if caller.f_code is asyncio.BaseEventLoop.run_forever.__code__:
                yield from asyncio.all_tasks(caller.f_locals["self"])
                break


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _sockets() -> Iterator[Socket]:
    """Find the internet sockets, on systems that list them in /proc."""
    folder = "/proc/self/fd"
    for number in os.listdir(folder) if os.path.isdir(folder) else ():
        try:
            inode = os.readlink(f"{folder}/{number}")
            if inode.startswith("socket:"):
                yield from _internet_socket(inode, int(number))
        except OSError:  # It is already closed.
            continue


def _internet_socket(inode: str, fd: int) -> Iterator[Socket]:
    copied = os.dup(fd)
    try:
        copy = socket.socket(fileno=copied)
    except OSError:
        os.close(copied)
        raise
    with copy:
        if copy.family in (socket.AF_INET, socket.AF_INET6):
            yield Socket(inode, fd, _address(copy.getsockname), _address(copy.getpeername))


def _address(ask: Callable[[], Any]) -> tuple[str, int] | None:
    try:
        host, port, *_ = ask()
    except OSError:
        return None
    return host, port


# Describing.


def _described(opened: Opened) -> str:
    match opened:
        case threading.Thread():
            frame = sys._current_frames().get(opened.ident or 0)
            return f"thread {opened.name!r}, {_place(_inmost(frame))}"
        case asyncio.Task():
            stack = opened.get_stack(limit=1)
            name = getattr(opened.get_coro(), "__qualname__", "?")
            return f"task {opened.get_name()!r} of {name}, {_place(stack[0] if stack else None)}"
        case _:
            return str(opened)


def _inmost(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame outside the standard library, if there is one."""
    library = str(Path(threading.__file__).parent)
    for caller in _outwards(frame):
        file = caller.f_code.co_filename
        if not file.startswith(library) or "site-packages" in file:
            return caller
    return frame


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "which has ended"
    return f"at {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
