"""The process of a session, as its parent sees it: it is started, killed and reaped here."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Child", "open_children"]

_WORKER = Path(__file__).with_name("process_worker")
_PROGRAM = """\
import sys, types
if sys.version_info < (3, 11): sys.exit(11)
sys.modules["process_worker"] = package = types.ModuleType("process_worker")
package.__path__ = [sys.argv[2]]
from process_worker.main import main
main(int(sys.argv[1]))
"""

_PATIENCE = 2.0
"""Seconds for which the end of this process waits for those of others."""

_lock = threading.RLock()  # a finalizer may kill a process meanwhile
_open: dict[Child, None] = {}


class Child:
    """A process that runs code, with its socket and its folder.

    A thread starts it, waits for its end, kills what it has started, and removes the folder. No
    other thread may start it, since the kernel kills it when the thread ends that did so.

    Args:
        python: The interpreter.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, python: str) -> None:
        self.ended: Future[int] = Future()
        """Its exit status, negative for a signal, once nothing of it is left."""
        self.is_killed = False
        self._creator = os.getpid()
        self._lock = threading.RLock()
        self._is_read = False
        self._is_reaped = False
        self.folder = tempfile.mkdtemp(prefix="rxagent-code-")
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        started: Future[None] = Future()
        life = threading.Thread(
            target=self._live, args=(python, theirs, started), name="rxagent-code", daemon=True
        )
        try:
            life.start()
            started.result()
        except BaseException:  # a process that has started ends with its socket
            if life.ident is None:
                theirs.close()
            self.socket.close()
            _remove(self.folder)
            raise

    @property
    def is_own(self) -> bool:
        """Whether this process has started it; a fork of that one has not."""
        return os.getpid() == self._creator

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    def begin_reading(self) -> None:
        """Note that a task reads the socket, which must not be closed meanwhile."""
        self._is_read = True

    def end_reading(self) -> None:
        """Note that no task reads the socket any more."""
        self._is_read = False
        if self.is_killed:
            self._close()

    def kill(self) -> None:
        """Kill the process and all of its group; any thread may call this, and again."""
        if not self.is_own:
            return
        self.is_killed = True
        with self._lock:
            if not self._is_reaped:
                _kill_group(self.pid)
        if not self._is_read:
            self._close()

    def _close(self) -> None:
        self.socket.close()
        self._forget()

    def _live(self, python: str, theirs: socket.socket, started: Future[None]) -> None:
        try:
            with theirs:
                self._process = _start(python, self.folder, theirs.fileno())
        except BaseException as error:
            started.set_exception(error)
            return
        with _lock:
            _open[self] = None
        started.set_result(None)
        self._reap()

    def _reap(self) -> None:
        if hasattr(os, "waitid"):  # leaves the number taken until the group is killed
            with suppress(ChildProcessError):  # where the process ignores SIGCHLD
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._lock:
            _kill_group(self.pid)
            status = self._process.wait()
            self._is_reaped = True
        _remove(self.folder)
        self.ended.set_result(status)
        self._forget()

    def _forget(self) -> None:
        if self.socket.fileno() == -1 and self.ended.done():
            with _lock:
                _open.pop(self, None)


def open_children() -> list[str]:
    """Return a description of each process that is not killed, reaped and closed."""
    with _lock:
        return [f"process {child.pid} of code in {child.folder}" for child in _open]


def _end_all() -> None:
    """Kill all processes when this one ends, and wait until their folders are removed."""
    with _lock:
        children = list(_open)
    for child in children:
        child.kill()
    wait([child.ended for child in children if child.is_own], _PATIENCE)


def _start(python: str, folder: str, fd: int) -> subprocess.Popen[bytes]:
    flags = ("-I", "-X", "utf8")
    return subprocess.Popen(
        [python, *flags, "-c", _PROGRAM, str(fd), str(_WORKER)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(fd,),
        cwd=folder,
        env={},
        start_new_session=True,
    )


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for zombies
        os.killpg(pid, signal.SIGKILL)


def _remove(folder: str) -> None:
    def unlock(_: Any, path: str, __: Any) -> None:
        for locked in (os.path.dirname(path), path):
            if os.path.isdir(locked) and not os.path.islink(locked):
                os.chmod(locked, 0o700)
        if not os.path.isdir(path) or os.path.islink(path):
            os.unlink(path)
        else:
            shutil.rmtree(path, ignore_errors=True)

    try:
        if sys.version_info >= (3, 12):
            shutil.rmtree(folder, onexc=unlock)
        else:
            shutil.rmtree(folder, onerror=unlock)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    _open.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
