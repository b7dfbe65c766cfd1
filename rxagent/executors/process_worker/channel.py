"""The channel to the parent: frames go out, replies and code come in."""

from __future__ import annotations

import builtins
import itertools
import json
import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from .frames import Lines, frame
from .values import plain

__all__ = ["Channel"]

Message = dict[str, Any]

_TOO_LATE = "the code that may make this call has ended"


class Channel:
    """Sends frames, calls functions of the parent, and receives the code to run.

    Args:
        fd: The descriptor of the socket.
    """

    def __init__(self, fd: int) -> None:
        self.runs: SimpleQueue[Message] = SimpleQueue()
        self.run: int | None = None
        """The number of the code that is running; None between two."""
        self.before_call: Callable[[list[str]], None] = lambda notes: None
        """Called with the notes about the arguments before a call is sent."""
        self._fd = fd
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[Message], None]] = {}
        self._incoming = Lines(longest=None)

    def first(self) -> Message:
        """Wait for the first message, before the thread is started that reads all others."""
        messages: list[Message] = []
        while not messages:
            messages = [json.loads(line) for line in self._incoming.cut(self._read())]
        for message in messages[1:]:
            self.runs.put(message)
        return messages[0]

    def is_closed(self) -> bool:
        """Return whether the parent has closed it, or has ended."""
        poll = select.poll()
        poll.register(self._fd, 0)  # no event but a hang-up
        return bool(poll.poll(0))

    def start(self) -> None:
        """Start the thread that reads; the process ends with its parent."""
        threading.Thread(target=self._receive, name="rxagent-parent", daemon=True).start()

    def send(self, kind: str, content: Any, **more: Any) -> None:
        """Send a message about the code that is running.

        Raises:
            TooLarge: It does not fit into a frame.
        """
        data = memoryview(frame({"run": self.run, kind: content, **more}))
        with self._sending:
            while data:
                data = data[os.write(self._fd, data) :]

    def end_run(self) -> None:
        """Note that the code has ended; calls of its threads that still wait fail."""
        self.run = None
        while self._waiting:
            _, arrive = self._waiting.popitem()
            arrive({"error": _TOO_LATE})

    def call(self, name: str, args: tuple[Any, ...], kwargs: Message) -> Any:
        """Call a function of the parent, and wait for its value."""
        replies: SimpleQueue[Message] = SimpleQueue()
        self._request(name, args, kwargs, replies.put)
        return _value_of(replies.get())

    async def call_async(self, name: str, args: tuple[Any, ...], kwargs: Message) -> Any:
        """Call a function of the parent; other code of the loop runs meanwhile."""
        import asyncio  # it takes longer than all else here, and few need it

        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Message] = loop.create_future()

        def settle(message: Message) -> None:
            if not reply.done():
                reply.set_result(message)

        def arrive(message: Message) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, message)

        number = self._request(name, args, kwargs, arrive)
        try:
            return _value_of(await reply)
        except asyncio.CancelledError:
            if self._waiting.pop(number, None) is not None:
                self.send("cancel", number)
            raise

    def _request(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Message,
        arrive: Callable[[Message], None],
    ) -> int:
        if self.run is None:
            raise RuntimeError(_TOO_LATE)
        (positional, named), notes = plain((args, kwargs))
        self.before_call(notes)
        number = next(self._numbers)
        self._waiting[number] = arrive
        try:
            self.send("call", number, name=name, args=positional, kwargs=named)
        except BaseException:
            self._waiting.pop(number, None)
            raise
        return number

    def _receive(self) -> None:
        while True:
            for line in self._incoming.cut(self._read()):
                message: Message = json.loads(line)
                if "reply" not in message:
                    self.runs.put(message)
                elif (arrive := self._waiting.pop(message["reply"], None)) is not None:
                    arrive(message)

    def _read(self) -> bytes:
        data = os.read(self._fd, 65536)
        if not data:
            os._exit(0)
        return data


def _value_of(message: Message) -> Any:
    if "error" not in message:
        return message["value"]
    text = message["error"]
    name, _, said = text.partition(": ")
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            error = kind(said)
        except TypeError:  # it takes other arguments
            error = RuntimeError(text)
    else:
        error = RuntimeError(text)
    raise error
