"""Sources: cold, owned by their subscription, and closed once, whenever it ends."""

import asyncio
import logging
import threading
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent.errors import RunCancelled
from rxagent.streams import (
    RunScheduler,
    from_async,
    from_batches,
    from_blocking,
    from_callback,
    from_worker,
    run_scoped,
)
from rxagent.streams.fairness import FairShare
from rxagent.streams.handoff import AHEAD
from rxagent.streams.workers import WORKERS
from rxagent.testing.clock import VirtualScheduler

from .recorder import SOURCES, WATCHDOG, Recorder, Upstream

each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
abortable = pytest.mark.parametrize(
    "source",
    [source for kind, source in SOURCES.items() if kind != "worker"],
    ids=[kind for kind in SOURCES if kind != "worker"],
)
THREADED = [SOURCES[kind] for kind in ("blocking", "callback", "worker")]
user = ContextVar("user", default="unknown")


class Silent(RunScheduler):
    """A scheduler that notes when something waits for its hold to end."""

    def __init__(self):
        super().__init__()
        self.waited_for = threading.Semaphore(0)

    def when_resumed(self, action):
        super().when_resumed(action)
        self.run_serialized(self._note)

    def _note(self):
        if self.is_held:
            self.waited_for.release()


@each_source
def test_all_is_emitted_in_order(source):
    """The items are emitted in order, then the end, after the iterable was closed."""
    upstream, received = Upstream(), Recorder()

    source(upstream).subscribe(received)

    assert "completed" == received.wait_end()
    assert [0, 1, 2, 3, 4] == received.items
    assert (1, 1) == (upstream.opened, upstream.closed)


@each_source
def test_a_source_is_cold(source):
    """Each subscription opens an iterable of its own, and none is opened before."""
    upstream = Upstream()
    stream = source(upstream)
    assert 0 == upstream.opened
    several = [Recorder(), Recorder(), Recorder()]

    for received in several:
        stream.subscribe(received)

    for received in several:
        received.wait_end()
        assert [0, 1, 2, 3, 4] == received.items
    assert (3, 3) == (upstream.opened, upstream.closed)


@each_source
def test_disposing_one_subscription_leaves_the_others(source):
    """Of two subscriptions one may be disposed, and the other gets everything."""
    upstream, staying = Upstream(), Recorder()
    stream = source(upstream)
    subscribed = threading.Event()
    leaving = Recorder(lambda _: subscribed.wait(WATCHDOG) and subscription.dispose())

    stream.subscribe(staying)
    subscription = stream.subscribe(leaving)
    subscribed.set()

    assert "completed" == staying.wait_end()
    upstream.wait_closed(upstream.opened)
    assert [0, 1, 2, 3, 4] == staying.items
    assert [] == leaving.ends


@each_source
@pytest.mark.parametrize("position", range(5))
def test_what_the_iterable_raises_comes_last(source, position):
    """An error travels by `on_error`, after the items that came before it."""
    upstream, received = Upstream(broken_at=position), Recorder()

    source(upstream).subscribe(received)

    assert LookupError is type(received.wait_end())
    assert list(range(position)) == received.items
    assert (1, 1) == (upstream.opened, upstream.closed)


@pytest.mark.parametrize("source", [from_async, from_batches, from_blocking, from_worker])
@pytest.mark.parametrize(
    ("open", "error"),
    [(lambda: 1 / 0, ZeroDivisionError), (lambda: None, TypeError)],
    ids=["raises", "returns no iterable"],
)
def test_opening_may_fail(source, open, error):
    """What `open` raises, or that it returned nothing to iterate, travels by `on_error`."""
    received = Recorder()

    source(open).subscribe(received)

    assert error is type(received.wait_end())


class Outcome(BaseException):
    """What test frameworks raise, that no `except Exception` holds it up."""


def raising(error):
    """Raise an error, as an expression."""
    raise error


@each_source
@pytest.mark.parametrize("error", [SystemExit(3), Outcome("failed")], ids=repr)
def test_no_source_leaves_the_interpreter(source, error):
    """A source that raises no Exception ends its own stream with an error, and no other."""
    received, later = Recorder(), Recorder()
    upstream = Upstream(broken_at=1)
    upstream._read = lambda number: number < 1 or raising(error)

    source(upstream).subscribe(received)

    assert f"The source raised {type(error).__name__}: {error}." == str(received.wait_end())
    source(Upstream()).subscribe(later)
    assert "completed" == later.wait_end()


@each_source
@pytest.mark.parametrize("position", range(5))
def test_disposing_from_within(source, position):
    """After disposal in `on_next` nothing is emitted, and the iterable is closed once."""
    upstream, subscribed = Upstream(), threading.Event()
    received = Recorder(
        lambda item: item == position and subscribed.wait(WATCHDOG) and subscription.dispose()
    )

    subscription = source(upstream).subscribe(received)
    subscribed.set()

    received.wait_items(position + 1)
    upstream.wait_closed()
    assert list(range(position + 1)) == received.items
    assert [] == received.ends
    assert (1, 1) == (upstream.opened, upstream.closed)


@abortable
@pytest.mark.parametrize("position", range(3))
def test_disposing_in_silence(source, position):
    """Disposing reaches a source that waits for its first item, or for a later one."""
    upstream, received = Upstream(silent_at=position), Recorder()
    subscription = source(upstream).subscribe(received)
    upstream.wait_reads(position + 1)
    received.wait_items(position)

    subscription.dispose()
    subscription.dispose()

    upstream.wait_closed()
    assert list(range(position)) == received.items
    assert [] == received.ends
    assert (1, 1) == (upstream.opened, upstream.closed)


def test_a_worker_stops_at_its_next_item():
    """What a shared worker waits for cannot be aborted, but its result is dropped."""
    upstream, received = Upstream(silent_at=1), Recorder()
    subscription = SOURCES["worker"](upstream).subscribe(received)
    upstream.wait_reads(2)
    received.wait_items(1)

    subscription.dispose()
    upstream.released.set()

    upstream.wait_closed()
    assert ([0], []) == (received.items, received.ends)


@abortable
def test_disposing_from_other_threads(source):
    """Several threads may dispose at the same time; the source is closed once."""
    upstream, received = Upstream(silent_at=1), Recorder()
    subscription = source(upstream).subscribe(received)
    upstream.wait_reads(2)
    received.wait_items(1)
    threads = [threading.Thread(target=subscription.dispose) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)

    upstream.wait_closed()
    assert ([0], []) == (received.items, received.ends)
    assert (1, 1) == (upstream.opened, upstream.closed)


@each_source
def test_disposing_at_once(source):
    """After disposal right after subscribing, nothing is emitted, and nothing stays open."""
    upstream, received = Upstream(silent_at=0), Recorder()
    subscription = source(upstream).subscribe(received)

    subscription.dispose()

    upstream.released.set()
    assert ([], []) == (received.items, received.ends)


def test_a_source_that_was_disposed_before_its_turn_is_not_opened():
    """A source that a held run has not begun is never opened once it is disposed."""
    for kind, source in SOURCES.items():
        upstream, scheduler = Upstream(), RunScheduler()
        hold = scheduler.hold()
        subscription = source(upstream).subscribe(scheduler=scheduler)
        subscription.dispose()
        hold.dispose()
        assert 0 == upstream.opened, kind


def test_abort_is_called_only_when_it_is_needed():
    """Neither the end nor an error calls `abort`, nor does disposing before `open` or twice."""
    aborted = []
    for upstream in (Upstream(), Upstream(broken_at=2)):
        received = Recorder()
        from_blocking(upstream.blocking, lambda: aborted.append("end")).subscribe(received)
        received.wait_end()

    scheduler = RunScheduler()
    hold = scheduler.hold()
    stream = from_blocking(Upstream().blocking, lambda: aborted.append("unopened"))
    stream.subscribe(scheduler=scheduler).dispose()
    hold.dispose()
    assert [] == aborted

    upstream = Upstream(silent_at=0)
    subscription = from_blocking(
        upstream.blocking, lambda: aborted.append("silent") or upstream.released.set()
    ).subscribe()
    upstream.wait_reads(1)
    subscription.dispose()
    subscription.dispose()
    upstream.wait_closed()
    assert ["silent"] == aborted


def test_an_abort_that_raises_is_a_warning(faults):
    """Disposing does not raise what `abort` raises, but logs it."""

    def abort():
        upstream.released.set()
        raise OSError("not connected")

    upstream = Upstream(silent_at=0)
    subscription = from_blocking(upstream.blocking, abort).subscribe()
    upstream.wait_reads(1)

    subscription.dispose()

    upstream.wait_closed()
    assert ("WARNING", OSError) == faults.wait()


class Faults(logging.Handler):
    """What was logged, and a way to wait for it."""

    def __init__(self):
        super().__init__()
        self.logged = SimpleQueue()
        self.emit = self.logged.put

    def wait(self):
        """Wait for the next record; return its level, and the type of its error."""
        record = self.logged.get(timeout=WATCHDOG)
        return record.levelname, record.exc_info[0]


@pytest.fixture
def faults():
    """Return what is logged while a test runs; it has to wait for all of it."""
    faults = Faults()
    logging.getLogger("rxagent").addHandler(faults)
    yield faults
    logging.getLogger("rxagent").removeHandler(faults)
    assert faults.logged.empty()


@each_source
@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_subscriber_that_raises_ends_its_run(source, position, faults):
    """The run is disposed, the fault is logged once, and nothing more is emitted."""
    upstream = Upstream()
    received = Recorder(lambda item: item == position and 1 / 0)

    run_scoped(source(upstream)).subscribe(received)

    assert ("ERROR", ZeroDivisionError) == faults.wait()
    upstream.wait_closed()
    assert list(range(position + 1)) == received.items
    assert [] == received.ends


@each_source
def test_a_subscriber_that_raises_leaves_the_scheduler_working(source):
    """After a fault the scheduler still runs actions."""
    scheduler, upstream, done = RunScheduler(), Upstream(), threading.Event()

    subscription = source(upstream).subscribe(lambda _: 1 / 0, scheduler=scheduler)
    upstream.wait_closed()
    scheduler.run_serialized(done.set)

    assert done.wait(WATCHDOG)
    subscription.dispose()


@each_source
def test_an_error_that_is_not_observed_is_logged(source, faults):
    """Without `on_error`, an error is not lost."""
    run_scoped(source(Upstream(broken_at=0))).subscribe()

    assert ("ERROR", LookupError) == faults.wait()


@each_source
def test_the_context_of_the_subscriber_is_kept(source):
    """Context variables are those of the place where the run was subscribed."""
    seen = []
    upstream, received = Upstream(length=2), Recorder(lambda _: seen.append(user.get()))
    upstream._read = lambda _: seen.append(user.get())
    token = user.set("Ada")

    run_scoped(source(upstream)).subscribe(received)

    user.reset(token)
    received.wait_end()
    assert ["Ada"] * 4 == seen


def test_what_a_source_sets_in_its_context_is_its_own():
    """A source cannot change the context variables of another."""

    async def read(name):
        user.set(name)
        await asyncio.sleep(0)
        yield user.get()

    scheduler, several = RunScheduler(), [Recorder(), Recorder()]
    for name, received in zip("ab", several, strict=True):
        from_async(partial(read, name)).subscribe(received, scheduler=scheduler)

    assert [["a"], ["b"]] == [received.wait_end() and received.items for received in several]
    assert "unknown" == user.get()


def test_a_timer_keeps_the_context():
    """A timer that another thread's context has set fires in the run's own."""
    seen, done = [], threading.Event()
    token = user.set("Ada")
    scheduler = RunScheduler()
    user.reset(token)

    rx.timer(0.001).subscribe(
        lambda _: seen.append(user.get()), on_completed=done.set, scheduler=scheduler
    )

    assert done.wait(WATCHDOG)
    assert ["Ada"] == seen


@each_source
@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_held_run_reads_nothing(source, position):
    """From the hold on no item is emitted, and a thread reads 64 ahead at most; then all go on."""
    scheduler, upstream = Silent(), Upstream(length=5 + 2 * AHEAD)
    holds = []
    received = Recorder(lambda item: item == position and holds.append(scheduler.hold()))

    source(upstream).subscribe(received, scheduler=scheduler)

    assert scheduler.waited_for.acquire(timeout=WATCHDOG)
    assert list(range(position + 1)) == received.items
    assert upstream.reads <= position + 1 + (AHEAD if source in THREADED else 0)
    assert [] == received.ends
    holds[0].dispose()
    received.wait_end()
    assert list(range(5 + 2 * AHEAD)) == received.items


@pytest.mark.parametrize("held_after", range(4))
def test_a_source_that_waits_in_line_to_begin_is_held_too(held_after):
    """A source of a run that is held in line opens nothing before the hold has ended."""

    async def main():
        share = FairShare.of(asyncio.get_running_loop())
        share.seconds = 0
        scheduler, opened, ended = RunScheduler(), [], asyncio.Event()

        async def open(number):
            opened.append(number)
            yield number

        numbers = rx.from_iterable(range(6))
        sources = numbers.pipe(rxo.flat_map(lambda number: from_async(lambda: open(number))))
        sources.subscribe(on_completed=ended.set, scheduler=scheduler)
        while len(opened) <= held_after:
            await asyncio.sleep(0)
        hold = scheduler.hold()
        before = len(opened)
        for _ in range(30):
            await asyncio.sleep(0)
        during = len(opened)
        hold.dispose()
        async with asyncio.timeout(WATCHDOG):
            await ended.wait()
        return before, during, sorted(opened)

    before, during, opened = asyncio.run(main())
    assert (before, list(range(6))) == (during, opened)


@each_source
def test_what_arrives_while_the_run_is_held_waits(source):
    """The item, end or error that was awaited when the hold began is emitted after it."""
    for upstream in (Upstream(silent_at=1), Upstream(1, silent_at=1), Upstream(broken_at=1)):
        scheduler, received = Silent(), Recorder()
        reading, go_on = threading.Event(), threading.Event()
        _pause_at(upstream, 1, reading, go_on)
        upstream.silent_at = None
        source(upstream).subscribe(received, scheduler=scheduler)
        assert reading.wait(WATCHDOG)
        hold = scheduler.hold()
        go_on.set()
        assert scheduler.waited_for.acquire(timeout=WATCHDOG)
        assert ([0], []) == (received.items, received.ends)
        hold.dispose()
        received.wait_end()


def _pause_at(upstream, number, reading, go_on):
    """Let an upstream wait, while it is being read, until it may go on."""
    read = upstream._read
    upstream.length = max(upstream.length, number + 1)

    def pausing(asked):
        if asked == number:
            reading.set()
            assert go_on.wait(WATCHDOG)
        read(asked)

    upstream._read = pausing


@each_source
def test_a_held_run_can_be_disposed(source):
    """Disposing wakes a thread that waits for the hold to end."""
    scheduler, upstream = Silent(), Upstream()
    received = Recorder(lambda item: item == 1 and scheduler.hold())
    subscription = source(upstream).subscribe(received, scheduler=scheduler)
    assert scheduler.waited_for.acquire(timeout=WATCHDOG)

    subscription.dispose()

    upstream.wait_closed()
    assert ([0, 1], []) == (received.items, received.ends)


def test_held_workers_leave_their_slots():
    """More runs than there are workers may be held, and still others get their work done."""
    schedulers = [Silent() for _ in range(40)]
    holds = [scheduler.hold() for scheduler in schedulers]
    several = [
        Recorder(lambda _, scheduler=scheduler: holds.append(scheduler.hold()))
        for scheduler in schedulers
    ]
    for scheduler, received, hold in zip(schedulers, several, tuple(holds), strict=True):
        from_worker(lambda: range(2)).subscribe(received, scheduler=scheduler)
        assert scheduler.waited_for.acquire(timeout=WATCHDOG)
        hold.dispose()
    for scheduler in schedulers:
        assert scheduler.waited_for.acquire(timeout=WATCHDOG)

    other = Recorder()
    from_worker(lambda: range(2)).subscribe(other)

    assert "completed" == other.wait_end()
    for hold in holds:
        hold.dispose()
    for received in several:
        received.wait_items(2)
        for hold in holds[40:]:
            hold.dispose()
        received.wait_end()


@pytest.mark.parametrize("pumps", [20, 1000])
def test_all_pumps_of_a_loop_share_its_turns(pumps):
    """However many streams are read, and however long their batches, others get their turn."""

    async def run():
        beats, longest, since = 0, 0, 0
        loop = asyncio.get_running_loop()
        FairShare.of(loop).seconds = 0

        def beat():
            nonlocal beats, longest, since
            longest, since = max(longest, since), 0
            beats += 1
            if len(ended) < pumps:
                loop.call_soon(beat)

        def made():
            nonlocal since
            for number in range(30):
                since += 1
                yield number

        async def batches():
            yield made()
            yield made()

        ended = []
        loop.call_soon(beat)
        done = asyncio.Event()
        for _ in range(pumps):
            from_batches(batches).subscribe(
                on_completed=lambda: ended.append(1) or (len(ended) == pumps and done.set())
            )
        async with asyncio.timeout(30):
            await done.wait()
        return longest

    # Eight are made at once; a turn ends behind the first item that finds the time spent.
    assert asyncio.run(run()) <= 9


@pytest.mark.parametrize("place", range(20))
def test_what_a_batch_has_before_its_error_is_emitted(place):
    """An error in the making of an item follows the items before it, wherever it happens."""

    def made():
        yield from range(place)
        raise ValueError("no more")

    async def batches():
        yield made()

    received = Recorder()
    from_batches(batches).subscribe(received)

    assert "no more" == str(received.wait_end())
    assert [*range(place)] == received.items


@pytest.mark.parametrize("place", range(20))
@pytest.mark.parametrize("way", ["dispose", "hold", "post"])
def test_what_happens_at_an_item_of_a_batch_comes_before_the_next_one(place, way):
    """A batch is interrupted behind each of its items: by its end, a pause and other actions."""
    seen = []

    async def batches():
        yield range(20)

    async def run():
        scheduler, ended = RunScheduler(), asyncio.Event()

        def resume(hold):
            seen.append("resumed")
            hold.dispose()

        def interrupt():
            if way == "dispose":
                subscription.dispose()
                asyncio.get_running_loop().call_later(0, ended.set)
            elif way == "hold":
                asyncio.get_running_loop().call_soon(resume, scheduler.hold())
            else:
                scheduler.post(seen.append, "resumed")

        def see(item):
            seen.append(item)
            if item == place:
                interrupt()

        subscription = from_batches(batches).subscribe(
            see, on_completed=ended.set, scheduler=scheduler
        )
        async with asyncio.timeout(30):
            await ended.wait()

    asyncio.run(run())
    after = [] if way == "dispose" else ["resumed", *range(place + 1, 20)]
    assert [*range(place + 1), *after] == seen


def test_a_batch_is_emitted_at_once():
    """While there is time, what arrived together is emitted in one turn of the loop."""

    async def run():
        turns, received = 0, []
        loop = asyncio.get_running_loop()
        FairShare.of(loop).seconds = 60

        def turn():
            nonlocal turns
            turns += 1
            loop.call_soon(turn)

        async def batches():
            yield range(100)

        loop.call_soon(turn)
        done = asyncio.Event()
        from_batches(batches).subscribe(lambda _: received.append(turns), on_completed=done.set)
        await done.wait()
        return received

    assert 1 == len(set(asyncio.run(run())))


@pytest.mark.parametrize("kind", ["async", "batches"])
@pytest.mark.parametrize("place", range(10))
@pytest.mark.parametrize("is_held_first", [True, False])
def test_a_source_that_is_left_while_its_run_is_held_is_closed(kind, place, is_held_first):
    """Who holds the run and leaves the source at one item does not keep it open by the hold."""

    async def run():
        scheduler, closed, holds = RunScheduler(), asyncio.Event(), []

        async def items():
            try:
                for number in range(10):
                    yield number if kind == "async" else range(5 * number, 5 * number + 5)
            finally:
                closed.set()

        def leave(item):
            if item != (place if kind == "async" else 5 * place + place % 5):
                return
            if is_held_first:
                holds.append(scheduler.hold())
            subscription.dispose()
            if not is_held_first:
                holds.append(scheduler.hold())

        source = from_async(items) if kind == "async" else from_batches(items)
        subscription = source.subscribe(leave, scheduler=scheduler)
        async with asyncio.timeout(30):
            await closed.wait()
        assert scheduler.is_held
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        holds[0].dispose()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["async", "batches"])
def test_the_end_of_the_loop_ends_its_streams(kind):
    """When `asyncio.run` ends early, its sources are closed, and their subscribers notified."""
    upstream, received = Upstream(silent_at=2), Recorder()

    async def main():
        SOURCES[kind](upstream).subscribe(received)
        while upstream.reads < 3:
            await asyncio.sleep(0)

    asyncio.run(main())

    assert [0, 1] == received.items
    assert [RunCancelled] == [type(end) for end in received.ends]
    assert 1 == upstream.closed


@pytest.mark.parametrize("subscribed", [run_scoped, lambda stream: stream], ids=["run", "source"])
def test_the_end_of_the_loop_ends_what_has_not_begun(subscribed):
    """A stream that was subscribed in the last turn of a loop ends, too."""
    upstream, received = Upstream(silent_at=0), Recorder()

    async def main():
        subscribed(SOURCES["async"](upstream)).subscribe(received)

    asyncio.run(main())

    assert [RunCancelled] == [type(end) for end in received.ends]
    assert upstream.opened == upstream.closed


@pytest.mark.parametrize("subscribed", [run_scoped, lambda stream: stream], ids=["run", "source"])
def test_a_closed_loop_is_refused(subscribed):
    """A scheduler whose loop is closed ends a stream with an error that says so."""

    async def main():
        return RunScheduler()

    scheduler, received = asyncio.run(main()), Recorder()

    subscribed(SOURCES["async"](Upstream())).subscribe(received, scheduler=scheduler)

    assert "The event loop of this run is closed." == str(received.wait_end())


def test_a_run_stays_on_the_loop_where_it_was_subscribed():
    """Sources of a run that begin later, on another thread, are read by the run's own loop."""

    async def main():
        loops, done = [], asyncio.Event()

        async def read(number):
            loops.append(asyncio.get_running_loop())
            yield number

        stream = from_worker(lambda: range(3)).pipe(
            rxo.flat_map(lambda number: from_async(partial(read, number)))
        )
        loop = asyncio.get_running_loop()
        run_scoped(stream).subscribe(on_completed=lambda: loop.call_soon_threadsafe(done.set))
        async with asyncio.timeout(WATCHDOG):
            await done.wait()
        return loops, loop

    loops, loop = asyncio.run(main())
    assert [loop] * 3 == loops


def test_a_generator_is_closed_while_it_may_still_await():
    """The `finally` of a disposed source may await, and is not cut short by a second dispose."""
    closed = []

    async def read():
        try:
            await asyncio.sleep(60)
            yield
        finally:
            await asyncio.sleep(1)
            closed.append(scheduler.clock)

    with VirtualScheduler() as scheduler:
        subscription = from_async(read).subscribe(scheduler=scheduler)
        scheduler.advance_to(2)
        subscription.dispose()
        scheduler.advance_to(2.5)
        subscription.dispose()
        scheduler.run()

    assert [3.0] == closed


def test_threads_are_named_and_shared():
    """Many short jobs share the workers; a blocking source has a thread of its own."""
    names = set()

    def read():
        names.add(threading.current_thread().name)
        yield

    for source in (from_worker, from_blocking):
        received = Recorder()
        source(read).subscribe(received)
        received.wait_end()

    assert {"rxagent-worker", "rxagent-source"} == names
    while WORKERS.busy:  # its thread is just leaving the job
        threading.Event().wait(0)


def test_a_callback_source_may_emit_from_several_threads():
    """What other threads emit is passed on one after the other, and nothing is lost."""
    inside = threading.Lock()

    def hand_in(emit, _):
        threads = [threading.Thread(target=lambda: [*map(emit, range(200))]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)

    def alone(_):
        assert inside.acquire(blocking=False)
        inside.release()

    received = Recorder(alone)
    from_callback(hand_in).subscribe(received)

    assert "completed" == received.wait_end()
    assert sorted([*range(200)] * 4) == sorted(received.items)
