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
from rxagent.streams import Home, daemon_loop, entering, from_async
from rxagent.streams.handoff import AHEAD
from rxagent.streams.observe_on_run import gated
from rxagent.testing import VirtualHome

from .told import WATCHDOG, Told

ERROR = ValueError("late")
user = ContextVar("user", default="nobody")


def settled(home):
    """Wait until what is queued by now has run."""
    over = threading.Event()
    home.post(over.set)
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
    told = Told(lambda _: threads.add(threading.current_thread().name))

    entering(source()).subscribe(told, scheduler=Home(loop=daemon_loop()))

    assert "completed" == told.wait_end()
    assert (list(range(500)), {"rxagent-loop"}) == (told.items, threads)


@pytest.mark.parametrize("kind", ["at once", "from_iterable", "timers"])
def test_in_virtual_time(kind):
    """In virtual time all of it happens on the one thread there is."""
    told = Told()
    with VirtualHome() as home:
        entering(SOURCES[kind]()).subscribe(told, scheduler=home)
        home.run()

    assert (list(range(500)), ["completed"]) == (told.items, told.ends)


def test_subscribing_may_block():
    """A stream whose subscribing blocks holds its worker, not the loop."""
    stuck, begun, names = threading.Event(), threading.Event(), []

    def subscribe(observer, scheduler=None):
        names.append(threading.current_thread().name)
        begun.set()
        stuck.wait(WATCHDOG)
        observer.on_completed()
        return Disposable()

    home, told = Home(loop=daemon_loop()), Told()
    entering(rx.create(subscribe)).subscribe(told, scheduler=home)
    assert begun.wait(WATCHDOG)

    settled(home)
    stuck.set()
    assert "completed" == told.wait_end()
    assert ["rxagent-worker"] == names


def test_a_blocking_iterable_in_a_pipeline_blocks_a_worker():
    """What ReactiveX schedules while a foreign stream is subscribed runs on its worker, too."""
    names = set()

    def slowly():
        for number in range(3):
            names.add(threading.current_thread().name)
            yield number

    told = Told()
    stream = rx.timer(0.001).pipe(rxo.flat_map(lambda _: rx.from_iterable(slowly())))
    entering(stream).subscribe(told, scheduler=Home(loop=daemon_loop()))

    assert "completed" == told.wait_end()
    assert ([0, 1, 2], {"rxagent-worker"}) == (told.items, names)


def test_at_most_64_items_ahead():
    """A thread that emits waits for a run that is behind, and for one that is held."""
    home, told, emitted = Home(loop=daemon_loop()), Told(), []
    hold = home.hold()

    def subscribe(observer, scheduler=None):
        for number in range(1_000):
            emitted.append(number)
            observer.on_next(number)
        observer.on_completed()
        return Disposable()

    entering(rx.create(subscribe)).subscribe(told, scheduler=home)
    settled(home)
    assert ([], []) == (told.items, told.ends)
    hold.dispose()

    assert "completed" == told.wait_end()
    assert list(range(1_000)) == told.items == emitted


def test_what_waits_is_dropped_when_disposed():
    """Disposing within an item lets the thread go, and nothing more comes."""
    home, closed = Home(loop=daemon_loop()), threading.Event()
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

    told = Told(leave)
    subscription = entering(rx.create(endless)).subscribe(told, scheduler=home)
    subscribed.set()

    assert closed.wait(WATCHDOG)
    settled(home)
    assert (list(range(11)), []) == (told.items, told.ends)


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (lambda subject: subject.on_completed(), "completed"),
        (lambda subject: subject.on_error(ERROR), ERROR),
    ],
)
def test_an_end_comes_after_the_items(end, last):
    """What another thread emits before the end comes before it."""
    subject, told, home = Subject(), Told(), Home(loop=daemon_loop())
    ready = threading.Event()
    entering(rx.defer(lambda _: ready.set() or subject)).subscribe(told, scheduler=home)
    assert ready.wait(WATCHDOG)
    while not subject.observers:
        time.sleep(0)
    for number in range(AHEAD * 3):
        subject.on_next(number)
    end(subject)

    assert last == told.wait_end()
    assert list(range(AHEAD * 3)) == told.items


@pytest.mark.parametrize("error", [LookupError("no"), GeneratorExit("no"), KeyboardInterrupt("no")])
def test_what_subscribing_raises_is_the_end(error):
    """A stream that cannot be subscribed to fails, whatever it raises."""
    told = Told()

    def subscribe(observer, scheduler=None):
        raise error

    entering(rx.create(subscribe)).subscribe(told, scheduler=Home(loop=daemon_loop()))

    end = told.wait_end()
    assert end is error or (type(end) is RunCancelled and end.__cause__ is error)


def test_foreign_code_has_the_context_of_the_run():
    """Subscribing and what it schedules see the context variables of where the run was made."""
    token = user.set("Ada")
    home = Home(loop=daemon_loop())
    user.reset(token)
    told = Told()
    stream = rx.defer(lambda _: rx.of(user.get())).pipe(
        rxo.concat(rx.timer(0.001).pipe(rxo.map(lambda _: user.get())))
    )

    entering(stream).subscribe(told, scheduler=home)

    assert "completed" == told.wait_end()
    assert ["Ada", "Ada"] == told.items


def test_a_loop_s_own_thread_never_waits():
    """What is emitted on the thread of an asyncio loop waits in the queue, not the loop."""

    async def main():
        subject, told, home = Subject(), Told(), Home()
        hold = home.hold()
        entering(subject).subscribe(told, scheduler=home)
        while not subject.observers:
            await asyncio.sleep(0)
        for number in range(AHEAD * 3):
            subject.on_next(number)
        subject.on_completed()
        before = len(told.items)
        hold.dispose()
        while not told.ends:
            await asyncio.sleep(0)
        return before, told.items

    assert (0, list(range(AHEAD * 3))) == asyncio.run(main())


def test_what_the_loop_emits_passes_at_once():
    """An item that comes inside the run is passed on before anything else happens."""
    home, subject, told = Home(loop=daemon_loop()), Subject(), Told()
    gated(subject).subscribe(told, scheduler=home)
    seen = []

    def emit():
        subject.on_next(1)
        seen.append(list(told.items))

    home.gate(emit)
    settled(home)

    assert [[1]] == seen


def test_what_other_threads_emit_waits():
    """Items of another thread come on the loop's thread, in order, before those that follow."""
    home, subject, threads = Home(loop=daemon_loop()), Subject(), set()
    told = Told(lambda _: threads.add(threading.current_thread().name))
    gated(subject).subscribe(told, scheduler=home)
    for number in range(AHEAD * 2):
        subject.on_next(number)
    home.gate(lambda: subject.on_next(AHEAD * 2))
    settled(home)
    subject.on_completed()

    assert "completed" == told.wait_end()
    assert (list(range(AHEAD * 2 + 1)), {"rxagent-loop"}) == (told.items, threads)


def test_what_other_threads_emit_is_held():
    """While the run is held, what another thread emits is not heard of."""
    home, subject, told = Home(loop=daemon_loop()), Subject(), Told()
    gated(subject).subscribe(told, scheduler=home)
    hold = home.hold()
    settled(home)
    emitting = threading.Thread(target=lambda: (subject.on_next(1), subject.on_completed()))
    emitting.start()
    settled(home)

    assert ([], []) == (told.items, told.ends)
    hold.dispose()
    assert "completed" == told.wait_end()
    emitting.join(WATCHDOG)
    assert [1] == told.items


def test_a_disposed_gate_lets_threads_go():
    """Disposing drops what waits, and a thread that waits goes on."""
    home, subject, told = Home(loop=daemon_loop()), Subject(), Told()
    subscription = gated(subject).subscribe(told, scheduler=home)
    hold = home.hold()
    settled(home)
    emitting = threading.Thread(target=lambda: [subject.on_next(n) for n in range(AHEAD * 2)])
    emitting.start()
    home.gate(subscription.dispose)

    emitting.join(WATCHDOG)
    assert (False, []) == (emitting.is_alive(), told.items)
    hold.dispose()


def test_sources_of_a_run_pass():
    """A stream that is emitted by the run itself is not delayed."""

    async def numbers():
        for number in range(3):
            yield number

    told = Told()
    stream = gated(from_async(numbers)).pipe(rxo.map(lambda number: number * 2))
    stream.subscribe(told, scheduler=Home(loop=daemon_loop()))

    assert "completed" == told.wait_end()
    assert [0, 2, 4] == told.items
