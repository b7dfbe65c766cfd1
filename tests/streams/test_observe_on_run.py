"""Entering: foreign code runs on a worker, and what it emits comes on the run's loop thread."""

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.scheduler import EventLoopScheduler, NewThreadScheduler
from reactivex.subject import Subject

from rxagent.errors import RunCancelled
from rxagent.streams import RunScheduler, daemon_loop, from_async, observe_on_run
from rxagent.streams.handoff import AHEAD
from rxagent.streams.observe_on_run import serialize_on_run
from rxagent.testing import VirtualScheduler

from .recorder import WATCHDOG, Recorder

ERROR = ValueError("late")
user = ContextVar("user", default="unknown")


def settled(scheduler):
    """Wait until what is queued by now has run."""
    over = threading.Event()
    scheduler.post(over.set)
    assert over.wait(WATCHDOG)


def numbers(count, subscribed_on=None):
    """Return a stream that emits numbers while it is subscribed to, blocking now and then."""

    def subscribe(observer, scheduler=None):
        if subscribed_on is not None:
            subscribed_on.append(threading.current_thread().name)
        for number in range(count):
            observer.on_next(number)
        observer.on_completed()
        return Disposable()

    return rx.create(subscribe)


SOURCES = {
    "at once": lambda: numbers(500),
    "from_iterable": lambda: rx.from_iterable(range(500)),
    "a thread": lambda: rx.from_iterable(range(500), scheduler=NewThreadScheduler()),
    "an event loop": lambda: rx.range(500).pipe(
        rxo.observe_on(EventLoopScheduler(exit_if_empty=True))
    ),
    "timers": lambda: rx.timer(0.001).pipe(rxo.flat_map(lambda _: rx.range(500))),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_items_come_in_order_on_the_loop_s_thread(source):
    """Whatever thread emits, all items and the end come in order, on the run's loop thread."""
    threads = set()
    received = Recorder(lambda _: threads.add(threading.current_thread().name))

    observe_on_run(source()).subscribe(received, scheduler=RunScheduler(loop=daemon_loop()))

    assert "completed" == received.wait_end()
    assert (list(range(500)), {"rxagent-loop"}) == (received.items, threads)


@pytest.mark.parametrize("kind", ["at once", "from_iterable", "timers"])
def test_in_virtual_time(kind):
    """In virtual time all of it happens on the one thread there is."""
    received = Recorder()
    with VirtualScheduler() as scheduler:
        observe_on_run(SOURCES[kind]()).subscribe(received, scheduler=scheduler)
        scheduler.run()

    assert (list(range(500)), ["completed"]) == (received.items, received.ends)


def test_subscribing_may_block():
    """A stream whose subscribing blocks holds its worker, not the loop."""
    stuck, begun, names = threading.Event(), threading.Event(), []

    def subscribe(observer, scheduler=None):
        names.append(threading.current_thread().name)
        begun.set()
        stuck.wait(WATCHDOG)
        observer.on_completed()
        return Disposable()

    run_scheduler, received = RunScheduler(loop=daemon_loop()), Recorder()
    observe_on_run(rx.create(subscribe)).subscribe(received, scheduler=run_scheduler)
    assert begun.wait(WATCHDOG)

    settled(run_scheduler)
    stuck.set()
    assert "completed" == received.wait_end()
    assert ["rxagent-worker"] == names


def test_a_blocking_iterable_in_a_pipeline_blocks_a_worker():
    """What ReactiveX schedules while a foreign stream is subscribed runs on its worker, too."""
    names = set()

    def slowly():
        for number in range(3):
            names.add(threading.current_thread().name)
            yield number

    received = Recorder()
    stream = rx.timer(0.001).pipe(rxo.flat_map(lambda _: rx.from_iterable(slowly())))
    observe_on_run(stream).subscribe(received, scheduler=RunScheduler(loop=daemon_loop()))

    assert "completed" == received.wait_end()
    assert ([0, 1, 2], {"rxagent-worker"}) == (received.items, names)


def test_at_most_64_items_ahead():
    """A thread that emits waits for a run that is behind, and for one that is held."""
    run_scheduler, received, emitted = RunScheduler(loop=daemon_loop()), Recorder(), []
    hold = run_scheduler.hold()

    def subscribe(observer, scheduler=None):
        for number in range(1_000):
            emitted.append(number)
            observer.on_next(number)
        observer.on_completed()
        return Disposable()

    observe_on_run(rx.create(subscribe)).subscribe(received, scheduler=run_scheduler)
    settled(run_scheduler)
    assert ([], []) == (received.items, received.ends)
    hold.dispose()

    assert "completed" == received.wait_end()
    assert list(range(1_000)) == received.items == emitted


def test_a_thread_does_not_wait_for_a_loop_that_waits_for_it():
    """Operators of ReactiveX emit under a lock, for which the loop's thread may wait."""
    lock, received = threading.Lock(), Recorder()

    def subscribe(observer, scheduler=None):
        with lock:
            for number in range(AHEAD * 20):
                observer.on_next(number)
        observer.on_completed()
        return Disposable()

    def take_the_lock(_):
        with lock:
            pass

    observe_on_run(rx.create(subscribe)).pipe(rxo.do_action(take_the_lock)).subscribe(received)

    assert "completed" == received.wait_end()
    assert [*range(AHEAD * 20)] == received.items


def test_what_waits_is_dropped_when_disposed():
    """Disposing within an item lets the thread go, and nothing more comes."""
    run_scheduler, closed = RunScheduler(loop=daemon_loop()), threading.Event()
    subscribed = threading.Event()

    def endless(observer, scheduler=None):
        gone = threading.Event()

        def emit():
            number = 0
            while not gone.is_set():
                observer.on_next(number)
                number += 1
            closed.set()

        threading.Thread(target=emit).start()
        return Disposable(gone.set)

    def leave(item):
        if item == 10:
            assert subscribed.wait(WATCHDOG)
            subscription.dispose()

    received = Recorder(leave)
    subscription = observe_on_run(rx.create(endless)).subscribe(received, scheduler=run_scheduler)
    subscribed.set()

    assert closed.wait(WATCHDOG)
    settled(run_scheduler)
    assert (list(range(11)), []) == (received.items, received.ends)


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (lambda subject: subject.on_completed(), "completed"),
        (lambda subject: subject.on_error(ERROR), ERROR),
    ],
)
def test_an_end_comes_after_the_items(end, last):
    """What another thread emits before the end comes before it."""
    subject, received, scheduler = Subject(), Recorder(), RunScheduler(loop=daemon_loop())
    ready = threading.Event()
    observe_on_run(rx.defer(lambda _: ready.set() or subject)).subscribe(
        received, scheduler=scheduler
    )
    assert ready.wait(WATCHDOG)
    while not subject.observers:
        time.sleep(0)
    for number in range(AHEAD * 3):
        subject.on_next(number)
    end(subject)

    assert last == received.wait_end()
    assert list(range(AHEAD * 3)) == received.items


@pytest.mark.parametrize("error", [LookupError("no"), GeneratorExit("no"), KeyboardInterrupt("no")])
def test_what_subscribing_raises_is_the_end(error):
    """A stream that cannot be subscribed to fails, whatever it raises."""
    received = Recorder()

    def subscribe(observer, scheduler=None):
        raise error

    observe_on_run(rx.create(subscribe)).subscribe(
        received, scheduler=RunScheduler(loop=daemon_loop())
    )

    end = received.wait_end()
    assert end is error or (type(end) is RunCancelled and end.__cause__ is error)


def test_foreign_code_has_the_context_of_the_run():
    """Subscribing and what it schedules see the context variables of where the run was made."""
    token = user.set("Ada")
    scheduler = RunScheduler(loop=daemon_loop())
    user.reset(token)
    received = Recorder()
    stream = rx.defer(lambda _: rx.of(user.get())).pipe(
        rxo.concat(rx.timer(0.001).pipe(rxo.map(lambda _: user.get())))
    )

    observe_on_run(stream).subscribe(received, scheduler=scheduler)

    assert "completed" == received.wait_end()
    assert ["Ada", "Ada"] == received.items


def test_a_loop_s_own_thread_never_waits():
    """What is emitted on the thread of an asyncio loop waits in the queue, not the loop."""

    async def main():
        subject, received, scheduler = Subject(), Recorder(), RunScheduler()
        hold = scheduler.hold()
        observe_on_run(subject).subscribe(received, scheduler=scheduler)
        while not subject.observers:
            await asyncio.sleep(0)
        for number in range(AHEAD * 3):
            subject.on_next(number)
        subject.on_completed()
        before = len(received.items)
        hold.dispose()
        while not received.ends:
            await asyncio.sleep(0)
        return before, received.items

    assert (0, list(range(AHEAD * 3))) == asyncio.run(main())


def test_what_the_loop_emits_passes_at_once():
    """An item that comes inside the run is passed on before anything else happens."""
    scheduler, subject, received = RunScheduler(loop=daemon_loop()), Subject(), Recorder()
    serialize_on_run(subject).subscribe(received, scheduler=scheduler)
    seen = []

    def emit():
        subject.on_next(1)
        seen.append(list(received.items))

    scheduler.run_serialized(emit)
    settled(scheduler)

    assert [[1]] == seen


def test_what_other_threads_emit_waits():
    """Items of another thread come on the loop's thread, in order, before those that follow."""
    scheduler, subject, threads = RunScheduler(loop=daemon_loop()), Subject(), set()
    received = Recorder(lambda _: threads.add(threading.current_thread().name))
    serialize_on_run(subject).subscribe(received, scheduler=scheduler)
    for number in range(AHEAD * 2):
        subject.on_next(number)
    scheduler.run_serialized(lambda: subject.on_next(AHEAD * 2))
    settled(scheduler)
    subject.on_completed()

    assert "completed" == received.wait_end()
    assert (list(range(AHEAD * 2 + 1)), {"rxagent-loop"}) == (received.items, threads)


def test_what_other_threads_emit_is_held():
    """While the run is held, what another thread emits is not passed on."""
    scheduler, subject, received = RunScheduler(loop=daemon_loop()), Subject(), Recorder()
    serialize_on_run(subject).subscribe(received, scheduler=scheduler)
    hold = scheduler.hold()
    settled(scheduler)
    emitting = threading.Thread(target=lambda: (subject.on_next(1), subject.on_completed()))
    emitting.start()
    settled(scheduler)

    assert ([], []) == (received.items, received.ends)
    hold.dispose()
    assert "completed" == received.wait_end()
    emitting.join(WATCHDOG)
    assert [1] == received.items


def test_disposing_releases_threads_that_wait():
    """Disposing drops what waits, and a thread that waits goes on."""
    scheduler, subject, received = RunScheduler(loop=daemon_loop()), Subject(), Recorder()
    subscription = serialize_on_run(subject).subscribe(received, scheduler=scheduler)
    hold = scheduler.hold()
    settled(scheduler)
    emitting = threading.Thread(target=lambda: [subject.on_next(n) for n in range(AHEAD * 2)])
    emitting.start()
    scheduler.run_serialized(subscription.dispose)

    emitting.join(WATCHDOG)
    assert (False, []) == (emitting.is_alive(), received.items)
    hold.dispose()


def test_sources_of_a_run_pass():
    """A stream that is emitted by the run itself is not delayed."""

    async def numbers():
        for number in range(3):
            yield number

    received = Recorder()
    stream = serialize_on_run(from_async(numbers)).pipe(rxo.map(lambda number: number * 2))
    stream.subscribe(received, scheduler=RunScheduler(loop=daemon_loop()))

    assert "completed" == received.wait_end()
    assert [0, 2, 4] == received.items
