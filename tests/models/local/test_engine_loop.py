"""An engine on a loop of its own: read from any thread, left, and closed."""

import asyncio
import gc
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.models.local.engine_loop import EngineLoop

WATCHDOG = 60


class Engine:
    """Counts for those who ask, on the loop on which it was made."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.left, self.closed = threading.Event(), threading.Event()

    async def count(self, end, error=None):
        """Yield numbers up to an end, or for ever; then raise an error."""
        assert asyncio.get_running_loop() is self.loop
        try:
            number = 0
            while end is None or number < end:
                yield number
                number += 1
                await asyncio.sleep(0)
            if error is not None:
                raise error
        except (asyncio.CancelledError, GeneratorExit):
            self.left.set()
            raise

    async def silent(self):
        """Yield one number, and then nothing for ever."""
        yield 0
        await asyncio.Event().wait()

    def close(self):
        """Note it."""
        self.closed.set()


@pytest.fixture
def loop():
    """An engine on a loop."""
    loop = EngineLoop(Engine, Engine.close)
    yield loop
    loop.close()


def never():
    """Return that more is wanted."""
    return False


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_each_reader_gets_all_in_order(ends):
    """Any number of threads read at once."""
    loop = EngineLoop(Engine, Engine.close)
    found = {}

    def read(key, end):
        found[key] = list(loop.read(lambda engine: engine.count(end), never))

    threads = [threading.Thread(target=read, args=pair) for pair in enumerate(ends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)
    loop.close()

    assert {key: list(range(end)) for key, end in enumerate(ends)} == found


def test_an_error_comes_after_what_was_said(loop):
    """What the engine raises is raised where it is read."""
    read = []
    with pytest.raises(LookupError, match="gone"):
        read.extend(loop.read(lambda engine: engine.count(3, LookupError("gone")), never))
    assert 0 == len(read) or [0, 1, 2] == read


def test_a_reader_that_leaves_cancels(loop):
    """The engine's iterator ends when its reader leaves."""
    engine = loop.engine
    with closing(loop.read(lambda engine: engine.count(None), never)) as numbers:
        assert 0 == next(numbers)
    assert engine.left.wait(WATCHDOG)


def test_what_is_not_wanted_is_left(loop):
    """A silent engine is left as soon as nothing is wanted."""
    wanted = iter([False, False, False])
    numbers = loop.read(lambda engine: engine.silent(), lambda: next(wanted, True))

    assert [0] == list(numbers)


def test_an_engine_that_is_closed_breaks_off(loop):
    """A reader gets an error, and so does the next one."""
    engine, numbers = loop.engine, loop.read(lambda engine: engine.silent(), never)
    assert 0 == next(numbers)
    loop.close()

    assert engine.closed.is_set()
    with pytest.raises(Exception, match=r"^$|closed"):
        next(numbers)
    with pytest.raises(RuntimeError, match="closed"):
        next(loop.read(lambda engine: engine.silent(), never))


def test_an_engine_without_users_is_closed():
    """It ends with the last reference to it."""
    loop = EngineLoop(Engine, Engine.close)
    closed = loop.engine.closed
    del loop
    gc.collect()

    assert closed.wait(WATCHDOG)


def test_an_engine_that_cannot_be_made():
    """The error is raised, and the thread ends."""

    def fail():
        raise LookupError("no weights")

    with pytest.raises(LookupError, match="no weights"):
        EngineLoop(fail, Engine.close)
    assert not [t for t in threading.enumerate() if t.name == "rxagent-engine"]
