"""What the tests of streams share: an observer that remembers, and sources that keep count."""

import asyncio
import threading

from rxagent.streams import from_async, from_batches, from_blocking, from_callback, from_worker

WATCHDOG = 60
"""Seconds after which something that ought to happen has not."""


class Recorder:
    """All that an observer receives, on any thread, and a way to wait for it."""

    def __init__(self, on_next=None):
        self.items = []
        self.ends = []
        self._on_next = on_next
        self._changed = threading.Condition()

    def on_next(self, item):
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()
        if self._on_next is not None:
            self._on_next(item)

    def on_error(self, error):
        self._end(error)

    def on_completed(self):
        self._end("completed")

    def _end(self, end):
        with self._changed:
            self.ends.append(end)
            self._changed.notify_all()

    def wait_items(self, count):
        """Wait until so many items have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, WATCHDOG), self.items

    def wait_end(self):
        """Wait for the end, and return it: an error, or "completed"."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ends, WATCHDOG), self.items
        return self.ends[0]


class Upstream:
    """Something that yields numbers, and counts how often it was opened, read and closed.

    Args:
        length: How many numbers it has.
        silent_at: At which number it is silent for ever, until it is released.
        broken_at: At which number it raises.
    """

    def __init__(self, length=5, silent_at=None, broken_at=None):
        self.length = length
        self.silent_at = silent_at
        self.broken_at = broken_at
        self.opened = 0
        self.reads = 0
        self.closed = 0
        self.released = threading.Event()
        self._changed = threading.Condition()

    def _count(self, what):
        with self._changed:
            setattr(self, what, getattr(self, what) + 1)
            self._changed.notify_all()

    def wait_closed(self, count=1):
        """Wait until it was closed so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.closed >= count, WATCHDOG)

    def wait_reads(self, count):
        """Wait until so many numbers were requested."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.reads >= count, WATCHDOG)

    def _read(self, number):
        self._count("reads")
        if number == self.broken_at:
            raise LookupError(number)

    async def asynchronously(self):
        self._count("opened")
        try:
            for number in range(self.length):
                self._read(number)
                if number == self.silent_at:
                    await asyncio.Event().wait()
                yield number
        finally:
            self._count("closed")

    def blocking(self):
        self._count("opened")
        try:
            for number in range(self.length):
                self._read(number)
                if number == self.silent_at:
                    assert self.released.wait(WATCHDOG)
                yield number
        finally:
            self._count("closed")

    def calling_back(self, emit, cancelled):
        self._count("opened")
        try:
            for number in range(self.length):
                self._read(number)
                while number == self.silent_at and not cancelled():
                    self.released.wait(0.001)
                if cancelled():
                    return
                emit(number)
        finally:
            self._count("closed")


def _batches(upstream):
    async def read():
        numbers = upstream.asynchronously()
        try:
            async for number in numbers:
                yield [number]
        finally:
            await numbers.aclose()

    return from_batches(read)


SOURCES = {
    "async": lambda upstream: from_async(upstream.asynchronously),
    "batches": _batches,
    "blocking": lambda upstream: from_blocking(upstream.blocking, upstream.released.set),
    "callback": lambda upstream: from_callback(upstream.calling_back),
    "worker": lambda upstream: from_worker(upstream.blocking),
}
