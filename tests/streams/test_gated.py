"""Gates: whatever thread a stream emits on, the run hears of it on its loop's thread."""

import threading

from reactivex import operators as rxo
from reactivex.subject import Subject

from rxagent.streams import Home, daemon_loop, from_async
from rxagent.streams.handoff import AHEAD
from rxagent.streams.observe_on_run import gated

from .told import WATCHDOG, Told


def settled(home):
    """Wait until what is queued by now has run."""
    over = threading.Event()
    home.post(over.set)
    assert over.wait(WATCHDOG)


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
