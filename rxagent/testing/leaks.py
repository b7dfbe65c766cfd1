"""The leak check: what a test opens is closed when it ends.

A leak is a thread, a task of any running loop, or an internet socket that was not there before,
and whatever a probe reports that it did not report before.
"""

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
    "LeakCheck",
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


# Who reads a failure reads the test, and not how it was checked.
__tracebackhide__ = True

Opened = threading.Thread | asyncio.Task[Any] | Socket

probes: dict[str, Callable[[], Sequence[str]]] = {
    "open work": lambda: [work.name for work in open_work()],
    "viewers": lambda: ["a viewer is being told"] * VIEWER_POOL.busy,
}
"""What tells what else is open: each text is a thing that ought to be closed."""

SHARED_THREADS = ("rxagent-loop", "rxagent-worker", "rxagent-viewer", "asyncio_")
"""How the names of threads begin that the process shares; a probe tells whether they are busy.
Those of `asyncio` are a loop's own, for looking up addresses and the like."""


def _is_shared_thread(opened: Opened) -> bool:
    return isinstance(opened, threading.Thread) and opened.name.startswith(SHARED_THREADS)


keepers: dict[str, Callable[[Opened], bool]] = {"shared threads": _is_shared_thread}
"""What tells whether a thread, task or socket is kept on purpose, such as an idle connection."""


@frozen
class Snapshot:
    """What was open at some moment."""

    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]]
    sockets: frozenset[Socket]
    reports: Counter[str]


def snapshot() -> Snapshot:
    """Return what is open now."""
    return Snapshot(
        frozenset(threading.enumerate()),
        frozenset(_tasks()),
        frozenset(_sockets()),
        Counter(f"{name}: {report}" for name, probe in probes.items() for report in probe()),
    )


def leaks_since(before: Snapshot) -> list[str]:
    """Return a sentence for each thing that is open now, was not open then, and is not kept."""
    now = snapshot()
    opened: list[Opened] = [*now.threads - before.threads, *now.tasks - before.tasks]
    opened += now.sockets - before.sockets
    leaked = [_described(thing) for thing in opened if not _is_kept(thing)]
    return sorted(leaked) + sorted((now.reports - before.reports).elements())


def assert_no_leaks(before: Snapshot, within: float = 2.0) -> None:
    """Raise an AssertionError that lists what has not been closed within so many seconds."""
    deadline = time.monotonic() + within
    while leaks := leaks_since(before):
        if time.monotonic() > deadline:
            raise AssertionError(_sentence(leaks))
        time.sleep(0.005)


class LeakCheck:
    """A context, plain or asynchronous, that must leave nothing open `within` some seconds.

    A block that raises is not checked, so that its own error is seen.
    """

    def __init__(self, within: float = 2.0) -> None:
        self._within = within
        self._before: Snapshot | None = None

    def __enter__(self) -> None:
        self._before = snapshot()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._before is not None
        if kind is None:
            assert_no_leaks(self._before, self._within)

    async def __aenter__(self) -> None:
        self._before = snapshot()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._before is not None
        deadline = time.monotonic() + self._within
        while kind is None and (leaks := leaks_since(self._before)):
            if time.monotonic() > deadline:
                raise AssertionError(_sentence(leaks))
            await asyncio.sleep(0.005)


def leak_check() -> Iterator[None]:
    """Check a test: `pytest.fixture(autouse=True)(leak_check)` makes a fixture of it.

    Work of a run that the test leaves open is reported, and disposed, or pytest would wait for it.
    """
    before, known = snapshot(), set(open_work())
    yield
    try:
        assert_no_leaks(before)
    finally:
        for work in open_work():
            if work not in known:
                work.dispose()


def _sentence(leaks: list[str]) -> str:
    return "\n  ".join(["Left open:", *leaks]) + "\nDispose it, or wait for its end."


def _is_kept(opened: Opened) -> bool:
    return any(keeps(opened) for keeps in keepers.values())


# What is open.


def _tasks() -> Iterator[asyncio.Task[Any]]:
    for loop in _running_loops():
        yield from asyncio.all_tasks(loop)


def _running_loops() -> list[asyncio.AbstractEventLoop]:
    """Find the loops by the threads that are inside of them; nobody keeps a list."""
    loops = []
    for frame in sys._current_frames().values():
        for caller in _outwards(frame):
            if caller.f_code is asyncio.BaseEventLoop.run_forever.__code__:
                loops.append(caller.f_locals["self"])
                break
    return loops


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _sockets() -> Iterator[Socket]:
    """Find the internet sockets where the system lists them; elsewhere none."""
    folder = Path("/proc/self/fd")
    for link in folder.iterdir() if folder.is_dir() else ():
        try:
            inode = os.readlink(link)
            if inode.startswith("socket:"):
                yield from _internet_socket(inode, int(link.name))
        except OSError:  # It was closed since.
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


# How it is told.


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
    """The innermost frame that is not the standard library's, if there is one."""
    library = str(Path(threading.__file__).parent)
    for caller in _outwards(frame):
        file = caller.f_code.co_filename
        if not file.startswith(library) or "site-packages" in file:
            return caller
    return frame


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "which has ended since"
    return f"at {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
