"""EngineLoop: an engine for asyncio, on a loop and a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Generator
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["EngineLoop"]

_T = TypeVar("_T")

_POLL_SECONDS = 0.01
_LONGEST_END = 15.0
"""Seconds; engines with processes of their own take some to end them."""


class EngineLoop(Generic[_T]):
    """An engine, and the loop on which all of its work is done.

    The engine is closed when nothing refers to this any more, or when the process ends.

    Args:
        make: Returns the engine; called on the loop.
        close: Closes the engine; called on the loop.
    """

    def __init__(self, make: Callable[[], _T], close: Callable[[_T], object]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="rxagent-engine")
        self._thread.daemon = True
        self._thread.start()
        self._held: list[_T] = []
        self._ending = weakref.finalize(self, _end, self._held, close, self._loop, self._thread)
        # Registered last, it runs first: before multiprocessing ends the engine's processes.
        self._ending.atexit = False
        atexit.register(self._ending)
        try:
            made = asyncio.run_coroutine_threadsafe(_made(make), self._loop).result()
        except BaseException:
            self.close()
            raise
        self._held.append(made)

    def close(self) -> None:
        """Close the engine; what is read from it is broken off."""
        self._ending()

    @property
    def is_closed(self) -> bool:
        """Whether the engine is closed."""
        return not self._held

    @property
    def engine(self) -> _T:
        """The engine.

        Raises:
            RuntimeError: It is closed.
        """
        if not self._held:
            raise RuntimeError("The engine is closed.")
        return self._held[0]

    def read(
        self, open: Callable[[_T], AsyncIterator[Any]], is_over: Callable[[], bool]
    ) -> Generator[Any, None, None]:
        """Yield what the engine yields, on any other thread, until it ends or is not wanted.

        The iterator of the engine is cancelled when this one is left.

        Args:
            open: Returns the iterator of the engine; called on the loop.
            is_over: Returns whether nothing more is wanted.

        Raises:
            Exception: What the engine raises; RuntimeError if it is closed.
        """
        items: SimpleQueue[Any] = SimpleQueue()
        passing = _pass_on(self.engine, open, items.put)
        reading = asyncio.run_coroutine_threadsafe(passing, self._loop)
        reading.add_done_callback(items.put)
        try:
            while not is_over():
                try:
                    item = items.get(timeout=_POLL_SECONDS)
                except Empty:
                    if self._thread.is_alive():
                        continue
                    raise RuntimeError("The engine was closed.") from None
                if item is reading:
                    reading.result()
                    return
                yield item
        finally:
            reading.cancel()


async def _pass_on(
    engine: Any, open: Callable[[Any], AsyncIterator[Any]], put: Callable[[Any], None]
) -> None:
    async for item in open(engine):
        put(item)


async def _made(make: Callable[[], _T]) -> _T:
    return make()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()


def _end(
    held: list[_T],
    close: Callable[[_T], object],
    loop: asyncio.AbstractEventLoop,
    thread: threading.Thread,
) -> None:
    """Close the engine; wait for that, unless a loop runs on this thread, or is the engine's."""

    def end() -> None:
        try:
            if held:
                close(held.pop())  # and free it: when the interpreter ends, it could not end
        finally:
            loop.stop()

    loop.call_soon_threadsafe(end)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        thread.join(_LONGEST_END)
