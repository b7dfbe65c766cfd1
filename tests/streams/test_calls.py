"""Calls: whatever kind of callable it is, and whatever it gives, it becomes one kind of stream."""

import asyncio
import functools
import threading

import pytest
import reactivex as rx

from rxagent.errors import PoolExhausted
from rxagent.streams import RunScheduler, Workers, daemon_loop
from rxagent.streams.calls import Raised, Returned, calling, is_async

from .recorder import WATCHDOG, Recorder


def plain():
    """Return a value."""
    return 1


async def coroutine():
    """Return a value, asynchronously."""
    return 1


def generator():
    """Yield values."""
    yield 1
    yield 2


async def async_generator():
    """Yield values, asynchronously."""
    yield 1
    yield 2


class Plain:
    """An object that is called, in all ways."""

    def __call__(self):
        return 1

    def method(self):
        """Return a value."""
        return 1

    async def coroutine(self):
        """Return a value, asynchronously."""
        return 1

    @staticmethod
    def static():
        """Yield values."""
        yield 1
        yield 2


class Async:
    """An object whose call is a coroutine."""

    async def __call__(self):
        return 1


class AsyncGenerator:
    """An object whose call is an asynchronous generator."""

    async def __call__(self):
        yield 1
        yield 2


def wrapped(function):
    """Return a plain wrapper that keeps what it wraps."""

    @functools.wraps(function)
    def wrapper():
        return function()

    return wrapper


ONE = [Returned(1)]
TWO = [1, 2]
KINDS = {
    "function": (plain, ONE),
    "coroutine function": (coroutine, ONE),
    "generator": (generator, TWO),
    "async generator": (async_generator, TWO),
    "object": (Plain(), ONE),
    "method": (Plain().method, ONE),
    "async method": (Plain().coroutine, ONE),
    "static method": (Plain.static, TWO),
    "async object": (Async(), ONE),
    "async generator object": (AsyncGenerator(), TWO),
    "partial": (functools.partial(functools.partial(lambda one: one), 1), ONE),
    "async partial": (functools.partial(coroutine), ONE),
    "partial of an async object": (functools.partial(Async()), ONE),
    "wrapped": (wrapped(plain), ONE),
    "wrapped coroutine function": (wrapped(coroutine), ONE),
    "an iterator returned": (lambda: iter((1, 2)), TWO),
    "a generator returned": (lambda: generator(), TWO),
    "a coroutine returned": (lambda: coroutine(), ONE),
    "an async generator returned": (lambda: async_generator(), TWO),
    "a list returned": (lambda: [1, 2], [Returned([1, 2])]),
    "None returned": (lambda: None, [Returned(None)]),
}


def observed(stream):
    """Return what a stream emits in a run, and its end."""
    received = Recorder()
    stream.subscribe(received, scheduler=RunScheduler(loop=daemon_loop()))
    end = received.wait_end()
    return received.items, end


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_callable(kind):
    """Yielded values are emitted, and a returned one is marked as such."""
    function, expected = KINDS[kind]

    assert (expected, "completed") == observed(calling(function))


def test_an_observable_is_a_result():
    """An Observable that is returned is not followed: that is for its reader to do."""
    stream = rx.of(1)

    for function in (lambda: stream, functools.partial(asyncio.sleep, 0, stream)):
        assert ([Returned(stream)], "completed") == observed(calling(function))


@pytest.mark.parametrize(
    "function", [coroutine, Async(), AsyncGenerator(), async_generator, Plain().coroutine]
)
def test_what_runs_on_the_loop(function):
    """What is asynchronous by its code is known to be so before it is called."""
    assert is_async(function)
    assert is_async(functools.partial(function))
    assert not is_async(plain)
    assert not is_async(Plain())


@pytest.mark.parametrize("error", [LookupError(), GeneratorExit(), SystemExit(), StopIteration()])
def test_what_its_code_raises_is_marked(error):
    """An error of the callable's own code is `Raised`, with its cause."""

    def raising():
        raise error

    async def raising_later():
        await asyncio.sleep(0)
        raise error

    def yielding():
        yield 1
        raise error

    for function in (raising, raising_later, yielding):
        items, end = observed(calling(function))
        assert isinstance(end, Raised)
        cause = end.cause
        assert cause is error or isinstance(cause, RuntimeError)  # as Python has it for generators
        assert items == ([1] if function is yielding else [])


@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator])
def test_it_is_called_once_the_run_knows(function):
    """`began` is called in the run, on its loop, before the callable's code runs."""
    order = []

    @functools.wraps(function)
    def noted():
        order.append("called")
        return function()

    call = noted if function in (plain, generator) else function

    def began():
        order.append(threading.current_thread().name)

    observed(calling(call, began=began))

    assert "rxagent-loop" == order[0]
    assert ["called"] == order[1:] or call is function


def test_what_was_disposed_in_line_never_runs():
    """A call that waits for a worker and is disposed meanwhile is not called, and never began."""
    pool, stuck, ran = Workers(limit=1), threading.Event(), []
    scheduler = RunScheduler(loop=daemon_loop())
    first = Recorder()
    calling(lambda: stuck.wait(WATCHDOG), workers=pool).subscribe(first, scheduler=scheduler)

    subscription = calling(
        lambda: ran.append("called"), began=lambda: ran.append("began"), workers=pool
    ).subscribe(Recorder(), scheduler=scheduler)
    over = threading.Event()
    scheduler.run_serialized(lambda: (subscription.dispose(), over.set()))
    assert over.wait(WATCHDOG)
    stuck.set()
    first.wait_end()
    last = Recorder()
    calling(plain, workers=pool).subscribe(last, scheduler=scheduler)

    assert "completed" == last.wait_end()
    assert [] == ran


def test_an_exhausted_pool_refuses():
    """When stopped calls have taken all threads there may be, the next one fails and says so."""
    pool = Workers(limit=1, spare=1, grace=0)
    scheduler, stuck = RunScheduler(loop=daemon_loop()), threading.Event()
    for _ in range(2):
        begun = threading.Event()
        received = Recorder()
        subscription = calling(
            lambda begun=begun: (begun.set(), stuck.wait(WATCHDOG)), workers=pool, name="stuck"
        ).subscribe(received, scheduler=scheduler)
        if not begun.wait(1):
            break
        scheduler.run_serialized(subscription.dispose)
    try:
        while True:
            _, end = observed(calling(plain, workers=pool))
            if end != "completed":
                break
        assert isinstance(end, PoolExhausted)
    finally:
        stuck.set()
