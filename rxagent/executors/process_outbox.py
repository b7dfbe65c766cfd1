"""The outbox of a process: frames that its socket has no room for yet."""

from __future__ import annotations

import asyncio
import socket
from collections import deque

from reactivex import abc

from ..streams import RunScheduler

__all__ = ["Outbox"]


class Outbox(abc.DisposableBase):
    """Sends bytes through a socket, in order and without blocking.

    Args:
        sock: The socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._waiting: deque[memoryview] = deque()
        self._task: abc.DisposableBase | None = None

    def send(self, data: bytes, scheduler: RunScheduler) -> None:
        """Send bytes at once if there is room for them, else by a task of the run."""
        rest = memoryview(data)
        if self._task is None:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                pass
            except OSError:  # the process has died, which its reader reports
                return
        if rest:
            self._waiting.append(rest)
            if self._task is None:
                self._task = scheduler.spawn("rxagent-code-input", self._flush)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await loop.sock_sendall(self._socket, self._waiting.popleft())
        except OSError:
            self._waiting.clear()
        finally:
            self._task = None

    def dispose(self) -> None:
        """Send nothing more."""
        self._waiting.clear()
        task, self._task = self._task, None
        if task is not None:
            task.dispose()
