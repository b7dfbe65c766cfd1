"""The link to a process: messages go out without blocking, and come in as they arrive."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from typing import Any

from ..errors import CodeError
from ..streams import RunScheduler
from .process_child import Child
from .process_messages import Failed, Foreign, Message, Ready, Resulted, read
from .process_outbox import Outbox
from .process_worker.frames import Lines, frame
from .process_worker.values import TooLarge

__all__ = ["LOST", "Link"]

LOST = "All variables are lost; define again what you need."
_GRACE = 1.0
"""Seconds that a process may take to end once it has closed its socket."""

_log = logging.getLogger("rxagent")
_logged: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()


class Link:
    """A process and the messages that it exchanges with its parent.

    Args:
        python: The interpreter of the process.

    Raises:
        OSError: The process cannot be started.
    """

    def __init__(self, python: str) -> None:
        self.child = Child(python)
        self.is_ready = False
        """Whether the process has started to run code."""
        self._outbox = Outbox(self.child.socket)
        self._lines = Lines()  # not one for each piece of code, since a thread may have cut one

    def send(self, message: dict[str, Any], scheduler: RunScheduler) -> None:
        """Send a message."""
        self._outbox.send(frame(message, None), scheduler)

    async def messages(self, number: int) -> AsyncIterator[list[Message]]:
        """Yield the messages that arrive together, up to the end of a piece of code.

        Raises:
            CodeError: The process died, or sent what is no message.
            OSError: The process could not start.
        """
        loop, has_ended = asyncio.get_running_loop(), False
        self.child.begin_reading()
        try:
            while not has_ended:
                found = self._read(await self._receive(loop))
                has_ended = any(
                    isinstance(message, Resulted | Failed) and message.run == number
                    for message in found
                )
                yield found
        except (Foreign, TooLarge) as error:
            raise CodeError(
                f"The process of the code was ended, since it sent what is no message: {error} "
                f"{LOST}"
            ) from None
        finally:
            self.child.end_reading()

    async def _receive(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            data = await loop.sock_recv(self.child.socket, 65536)
        except OSError:
            data = b""
        if not data:
            cause = await self._cause_of_death()
            if not self.is_ready:  # which no code can change
                raise OSError(cause)
            raise CodeError(f"{cause} {LOST}")
        return data

    def _read(self, data: bytes) -> list[Message]:
        found = [message for line in self._lines.cut(data) if (message := read(line)) is not None]
        for message in found:
            if isinstance(message, Ready) and not self.is_ready:
                self.is_ready = True
                _log_once(message)
        return found

    async def _cause_of_death(self) -> str:
        ended = asyncio.shield(asyncio.wrap_future(self.child.ended))
        try:
            status = await asyncio.wait_for(ended, _GRACE)
        except TimeoutError:
            return "The code closed the connection of its process, so the process was ended."
        if not self.is_ready:
            return (
                f"The process for the code could not start; it ended with status {status}. Its "
                "interpreter must be Python 3.11 or later."
            )
        if status >= 0:
            return f"The code ended its process, with status {status}."
        if status == -signal.SIGXCPU:
            return "The code computed for longer than it may, so its process was ended."
        return f"The process of the code was ended by signal {_signal_name(-status)}."

    def kill(self) -> None:
        """Kill the process; calling it again does nothing."""
        self._outbox.dispose()
        self.child.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _log_once(ready: Ready) -> None:
    """Log what is kept from the processes, unless it was logged before."""
    if (ready.kept, ready.open) in _logged:
        return
    _logged.add((ready.kept, ready.open))
    kept = ", ".join(ready.kept) or "nothing"
    if ready.open:
        reasons = "; ".join(f"{layer}: {reason}" for layer, reason in ready.failed.items())
        text = "code in a process can reach %s (%s); kept from it: %s"
        _log.warning(text, ", ".join(ready.open), reasons, kept)
    else:
        _log.info("kept from code in a process: %s", kept)
