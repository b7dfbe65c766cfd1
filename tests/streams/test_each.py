"""Bridges: a stream in a `for`, in an `async for`, and in a plain call."""

import asyncio
import gc
import itertools
import threading
from contextlib import aclosing, suppress
from contextvars import ContextVar

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent.streams import daemon_loop, each, from_async, from_worker, last, run_scoped
from rxagent.streams.handoff import AHEAD

from .recorder import SOURCES, WATCHDOG, Upstream

each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
user = ContextVar("user", default="unknown")


def listed(stream, until=None):
    """Loop over a stream by `for`; return the items, and the error that came after them."""
    items = []
    try:
        for item in each(stream):
            items.append(item)
            if item == until:
                break
    except LookupError as error:
        return items, error
    return items, None


def listed_in_asyncio(stream, until=None):
    """Do the same by `async for`."""

    async def main():
        items = []
        try:
            async with asyncio.timeout(WATCHDOG):
                async for item in each(stream):
                    items.append(item)
                    if item == until:
                        break
        except LookupError as error:
            return items, error
        return items, None

    return asyncio.run(main())


def listed_inside_a_loop(stream, until=None):
    """Do it by a blocking `for` in a thread whose loop is running, as in a notebook's cell."""

    async def main():
        return listed(stream, until)

    return asyncio.run(main())


each_loop = pytest.mark.parametrize(
    "loop_over", [listed, listed_in_asyncio, listed_inside_a_loop], ids=["for", "async", "cell"]
)


@each_loop
@each_source
def test_all_items_come(loop_over, source):
    """A loop gets every item in order, and ends with the stream."""
    assert ([0, 1, 2, 3, 4], None) == loop_over(source(Upstream()))


@each_loop
@pytest.mark.parametrize(
    "stream",
    [
        rx.from_iterable(range(5)),
        rx.interval(0.001).pipe(rxo.take(5)),
        rx.merge(rx.of(0, 1, 2), rx.timer(0.001).pipe(rxo.flat_map(lambda _: rx.of(3, 4)))),
        run_scoped(rx.from_iterable(range(5))),
    ],
    ids=["iterable", "interval", "merge", "run"],
)
def test_streams_of_reactivex_come_too(loop_over, stream):
    """A stream needs no run scheduler and no source of ours."""
    assert ([0, 1, 2, 3, 4], None) == loop_over(stream)


@each_loop
def test_an_empty_stream_ends_the_loop(loop_over):
    """A loop over nothing is over at once."""
    assert ([], None) == loop_over(rx.empty())


@each_loop
@each_source
@pytest.mark.parametrize("position", [0, 3])
def test_an_error_is_raised_after_the_items(loop_over, source, position):
    """An error raises in the loop, where the next item would have come."""
    items, error = loop_over(source(Upstream(broken_at=position)))

    assert list(range(position)) == items
    assert position == error.args[0]


@each_loop
@each_source
@pytest.mark.parametrize("position", range(5))
def test_leaving_the_loop_disposes(loop_over, source, position):
    """Breaking out of the loop disposes the source, which is closed once."""
    upstream = Upstream()

    assert (list(range(position + 1)), None) == loop_over(source(upstream), until=position)

    upstream.wait_closed()
    assert 1 == upstream.opened == upstream.closed


@pytest.mark.parametrize("loop_over", [listed, listed_inside_a_loop], ids=["for", "cell"])
def test_a_loop_over_items_at_once_can_be_left(loop_over):
    """A blocking loop over an endless stream of ReactiveX gets its items, and can be left."""
    assert ([0, 1, 2], None) == loop_over(rx.from_iterable(itertools.count()), until=2)


def test_each_loop_is_a_subscription():
    """The same stream can be looped over again, and by two at a time."""
    upstream = Upstream()
    stream = each(from_async(upstream.asynchronously))

    assert [0, 1, 2, 3, 4] == list(stream) == list(stream)
    assert [(number, number) for number in range(5)] == list(zip(stream, stream, strict=True))


def test_an_unused_loop_is_no_subscription():
    """Nothing is subscribed before the first `next`."""
    upstream = Upstream()

    iter(each(from_async(upstream.asynchronously)))

    assert 0 == upstream.opened


def test_an_async_loop_that_is_dropped_disposes():
    """An iterator that is dropped after some items disposes the source."""
    upstream = Upstream(length=10**9)

    async def main():
        items = aiter(each(from_async(upstream.asynchronously)))
        first = await anext(items)
        gc.disable()
        try:
            del items
            async with asyncio.timeout(WATCHDOG):
                while not upstream.closed:
                    await asyncio.sleep(0)
        finally:
            gc.enable()
        return first

    assert 0 == asyncio.run(main())


def test_an_async_loop_can_be_closed():
    """`aclose` disposes, and ends the loop also for a task that waits in it."""
    upstream = Upstream(silent_at=1)

    async def main():
        async with aclosing(aiter(each(from_async(upstream.asynchronously)))) as items:
            assert 0 == await anext(items)
            waiting = asyncio.create_task(anext(items, "nothing"))
            while upstream.reads < 2:
                await asyncio.sleep(0)
        return await waiting, await anext(items, "nothing")

    assert ("nothing", "nothing") == asyncio.run(main())
    upstream.wait_closed()


def test_a_cancelled_task_disposes():
    """Cancelling a task that waits in an `async for` disposes the source."""
    upstream = Upstream(silent_at=2)

    async def read():
        async for _ in each(from_async(upstream.asynchronously)):
            pass

    async def main():
        reading = asyncio.create_task(read())
        while upstream.reads < 3:
            await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        async with asyncio.timeout(WATCHDOG):
            while not upstream.closed:
                await asyncio.sleep(0)

    asyncio.run(main())

    assert 1 == upstream.closed


async def cancelled_and_kept(reading, kept):
    """Cancel a task, and keep it."""
    kept.append(asyncio.create_task(reading))
    await asyncio.sleep(0)
    yield
    kept[0].cancel()


async def late_and_kept(reading, kept):
    """Stop after some time, and keep the error."""
    late = asyncio.Event()

    async def read():
        try:
            async with asyncio.timeout(None) as timeout:
                late.set()
                timeouts.append(timeout)
                await reading
        except TimeoutError as error:
            kept.append(error)

    timeouts = []
    task = asyncio.create_task(read())
    await late.wait()
    yield
    timeouts[0].reschedule(0)
    await task


async def gathered_and_kept(reading, kept):
    """Cancel what was gathered, and keep it."""
    tasks = asyncio.gather(reading, return_exceptions=True)
    await asyncio.sleep(0)
    yield
    tasks.cancel()
    kept.append(tasks)


@pytest.mark.parametrize("way", [cancelled_and_kept, late_and_kept, gathered_and_kept])
@pytest.mark.parametrize("loop_over", [each, lambda stream: each(stream.pipe(rxo.map(abs)))])
def test_a_cancelled_loop_disposes_though_its_error_is_kept(way, loop_over):
    """Who keeps a cancelled task, or its error, with all frames it has passed, keeps no loop."""
    upstream, kept = Upstream(silent_at=2), []

    async def read():
        async for _ in loop_over(from_async(upstream.asynchronously)):
            pass

    async def main():
        async for _ in way(read(), kept):
            while upstream.reads < 3:
                await asyncio.sleep(0)
        async with asyncio.timeout(WATCHDOG):
            while not upstream.closed:
                await asyncio.sleep(0)

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
    assert kept
    assert 1 == upstream.closed


def test_the_first_item_of_a_loop_that_nobody_keeps():
    """The iterator lives as long as something waits for its next item."""
    upstream = Upstream(length=10**9)

    async def main():
        first = await anext(aiter(each(from_async(upstream.asynchronously))))
        async with asyncio.timeout(WATCHDOG):
            while not upstream.closed:
                await asyncio.sleep(0)
        return first

    assert 0 == asyncio.run(main())


def test_a_wait_that_is_cancelled_loses_no_item():
    """An iterator that is kept goes on after a wait for its next item has been cancelled."""
    upstream = Upstream(length=3)

    async def main():
        items = aiter(each(from_async(upstream.asynchronously)))
        for _ in range(3):
            waiting = asyncio.create_task(anext(items))
            await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                yielded = await waiting
                return [yielded, *[item async for item in items]]
        return [item async for item in items]

    assert [0, 1, 2] == asyncio.run(main())


@pytest.mark.parametrize("source", ["worker", "async"])
def test_a_loop_that_is_left_open_ends_with_the_event_loop(source):
    """A task over a stream that its program has forgotten reads nothing after `asyncio.run`."""
    upstream, kept = Upstream(length=10**9), []

    async def read():
        async for _ in each(run_scoped(SOURCES[source](upstream))):
            pass

    async def main():
        kept.append(asyncio.create_task(read()))
        while not upstream.reads:
            await asyncio.sleep(0)

    asyncio.run(main())
    upstream.wait_closed()


def test_an_exception_in_the_loop_disposes():
    """An error in the body of a loop disposes the source."""
    for source in SOURCES.values():
        upstream = Upstream()
        with pytest.raises(ZeroDivisionError):
            for item in each(source(upstream)):
                assert item == 0
                raise ZeroDivisionError
        upstream.wait_closed()
        assert 1 == upstream.opened == upstream.closed


@each_source
def test_a_slow_loop_holds_the_source(source):
    """A source is read no further than its loop needs, give or take some thousand items."""
    upstream = Upstream(length=20_000)
    items = iter(each(source(upstream)))
    assert 0 == next(items)

    upstream.wait_reads(1024)
    read, taken = upstream.reads, 1
    while upstream.reads < 20_000:
        assert taken == next(items)
        taken += 1
        assert upstream.reads <= taken + 1024 + AHEAD + 1

    assert read <= 1026 + AHEAD
    assert list(range(taken, 20_000)) == list(items)


def test_a_slow_async_loop_holds_the_source():
    """The same holds under asyncio, for what is read on other threads as well."""

    async def main(source):
        upstream, taken = Upstream(length=5000), 0
        async for item in each(source(upstream)):
            assert taken == item
            taken += 1
            assert upstream.reads <= taken + 1024 + 1
        return taken

    for source in SOURCES.values():
        assert 5000 == asyncio.run(main(source))


def test_context_is_kept():
    """A source sees the context variables of the code that loops."""

    async def read():
        yield user.get()

    token = user.set("Ada")
    try:
        assert ["Ada"] == list(each(from_async(read)))
        assert ["Ada"] == list(each(from_worker(lambda: iter([user.get()]))))
        assert ["Ada"] == list(each(rx.defer(lambda _: rx.of(user.get()))))
    finally:
        user.reset(token)


def test_a_fault_within_the_stream_is_raised():
    """What an operator raises past all observers ends the loop with that error."""

    def broken(source):
        def subscribe(observer, scheduler=None):
            def on_completed():
                raise LookupError("no end")

            return source.subscribe(
                observer.on_next, observer.on_error, on_completed, scheduler=scheduler
            )

        return rx.Observable(subscribe)

    for source in SOURCES.values():
        items, error = listed(source(Upstream()).pipe(broken))
        assert ([0, 1, 2, 3, 4], "no end") == (items, error.args[0])


def test_the_loop_that_does_the_work_is_not_blocked():
    """On the thread of the process's own loop a blocking `for` raises at once."""

    async def read():
        with pytest.raises(RuntimeError, match=r"cannot wait\. Use `async for` instead"):
            next(iter(each(rx.of(1))))
        async for item in each(rx.of(1)):
            yield item

    assert [1] == list(each(from_async(read)))


def test_last_is_the_last_item():
    """`last` blocks until the end, and returns the item before it."""
    for source in SOURCES.values():
        assert 4 == last(source(Upstream()))


def test_the_last_of_nothing_is_an_error():
    """An empty stream has no last item, and a stream that fails raises."""
    with pytest.raises(LookupError, match="completed without any item"):
        last(rx.empty())
    with pytest.raises(LookupError, match="3"):
        last(from_async(Upstream(broken_at=3).asynchronously))


def test_many_may_loop_at_the_same_time():
    """Loops on many threads do not get in each other's way."""
    results = []

    def loop():
        upstream = Upstream(length=500)
        for source in SOURCES.values():
            results.append(list(each(source(upstream))))

    threads = [threading.Thread(target=loop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [list(range(500))] * 40 == results


def test_a_loop_within_a_loop():
    """While one loops over a stream, they may loop over another."""
    upstream = Upstream(length=3)
    stream = from_async(upstream.asynchronously)

    assert 9 == sum(1 for _ in each(stream) for _ in each(stream))
    assert daemon_loop().is_running()
