"""The loop under every agent: each step follows from all events before it."""

import asyncio
import inspect

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.disposable import Disposable

from rxagent.streams import from_async, from_worker, iterate, run_scoped
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.ledger import opened

from .recorder import WATCHDOG, Recorder


def count_to(limit, step, done=None):
    """Return a loop whose state is the number of events so far."""
    return iterate(
        step, lambda state, _: state + 1, lambda: 0, done or (lambda state: state >= limit)
    )


def now(*items):
    """Return a stream that emits while it is subscribed to, as one of a user may."""

    def subscribe(observer, _=None):
        for item in items:
            observer.on_next(item)
        observer.on_completed()
        return Disposable()

    return rx.Observable(subscribe)


STEPS = {
    "of ReactiveX": rx.of,
    "at once": now,
    "on a worker": lambda *items: from_worker(lambda: items),
    "on the loop": lambda *items: from_async(lambda: _items(items)),
}
each_step = pytest.mark.parametrize("of", STEPS.values(), ids=STEPS)


async def _items(items):
    for item in items:
        yield item


@each_step
def test_each_step_is_made_from_all_events_before(of):
    """The state that a step is made from holds every event, the last step's too."""
    received = Recorder()
    loop = iterate(
        lambda state: of(*range(len(state) + 1)),
        lambda state, event: (*state, event),
        tuple,
        lambda state: len(state) > 6,
    )

    run_scoped(loop).subscribe(received)

    assert "completed" == received.wait_end()
    assert [0, *range(2), *range(4)] == received.items


@each_step
def test_the_end_of_a_step_changes_the_state(of):
    """Also of a step without events, after all of its events and before the next step."""
    received, made = Recorder(), []

    def step(state):
        made.append(state)
        return of(*"ab"[: len(made) - 1])

    loop = iterate(
        step,
        lambda state, event: [*state, event],
        list,
        lambda state: len(made) > 2,
        lambda state: [*state, "end"],
    )
    run_scoped(loop).subscribe(received)

    assert "completed" == received.wait_end()
    assert [[], ["end"], ["end", "a", "end"]] == made
    assert ["a", "a", "b"] == received.items


def test_an_end_that_raises_ends_the_loop():
    """By on_error, as anything else does."""
    errors = []
    iterate(
        now, lambda state, _: state, lambda: 1, lambda _: False, lambda state: state / 0
    ).subscribe(on_error=errors.append)

    assert [ZeroDivisionError] == [type(error) for error in errors]


@each_step
def test_done_is_asked_before_each_step(of):
    """A state that needs no step has none; after the last one no other is made."""
    asked = []

    def done(state):
        asked.append(state)
        return state >= 2

    received = Recorder()
    run_scoped(count_to(2, of, done)).subscribe(received)
    received.wait_end()
    assert ([0, 1], [0, 1, 2]) == (received.items, asked)

    received = Recorder()
    run_scoped(count_to(0, of)).subscribe(received)
    assert "completed" == received.wait_end()
    assert [] == received.items


def test_each_subscription_starts_from_the_seed():
    """The seed is made for each subscription, and two do not mix."""
    loop = count_to(3, lambda state: rx.of(state))

    assert [[0, 1, 2]] * 2 == [loop.pipe(rxo.to_list()).run() for _ in range(2)]


@each_step
def test_many_steps_are_one_loop(of):
    """However many steps there are, and wherever they end, the stack does not grow."""
    steps = 20_000 if of in (rx.of, now) else 2_000
    deepest = 0

    def step(state):
        nonlocal deepest
        if state % 997 == 0:
            deepest = max(deepest, len(inspect.stack(0)))
        return of(state)

    received = Recorder()
    run_scoped(count_to(steps, step)).subscribe(
        on_error=received.on_error, on_completed=received.on_completed
    )

    with received._changed:
        assert received._changed.wait_for(lambda: received.ends, 60)
    assert ["completed"] == received.ends
    assert deepest < 100


def test_steps_that_emit_nothing():
    """A step may be empty; the next is made from the same state."""
    made = []
    received = Recorder()
    loop = count_to(0, lambda _: rx.empty(), done=lambda _: made.append(1) or len(made) > 5)

    run_scoped(loop).subscribe(received)

    assert ("completed", []) == (received.wait_end(), received.items)


@pytest.mark.parametrize("broken", ["seed", "done", "step", "fold"])
@pytest.mark.parametrize("at", [0, 1])
def test_what_is_raised_ends_the_loop(broken, at):
    """An error of any of the functions travels by `on_error`, and nothing follows."""
    made = []

    def fail(what, state=at):
        if (broken, at) == (what, state):
            raise LookupError(what)

    def seed():
        fail("seed")
        return 0

    def done(state):
        fail("done", state)
        return state == 3

    def step(state):
        fail("step", state)
        made.append(state)
        return rx.of(state)

    def fold(state, _):
        fail("fold", state)
        return state + 1

    received = Recorder()
    run_scoped(iterate(step, fold, seed, done)).subscribe(received)

    assert broken == str(received.wait_end())
    assert [] == received.items[at:]
    assert list(range(at + (broken == "fold"))) == made or broken == "seed"


def test_the_error_of_a_step_ends_the_loop():
    """When a step fails, its items were emitted, and no other step is made."""
    received = Recorder()

    run_scoped(count_to(3, lambda _: rx.concat(rx.of("a"), rx.throw(LookupError())))).subscribe(
        received
    )

    assert LookupError is type(received.wait_end())
    assert ["a"] == received.items


@each_step
@pytest.mark.parametrize("position", range(4))
def test_disposing_at_each_event(of, position):
    """After disposal at an event, no other is emitted, and no further step is made."""
    steps, received = [], []
    ledgers = []

    def step(state):
        steps.append(state)
        stream, ledger = opened(of(state))
        ledgers.append(ledger)
        return stream

    async def main():
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        run_scoped(count_to(10**9, step)).pipe(rxo.take(position + 1)).subscribe(
            received.append, on_completed=lambda: loop.call_soon_threadsafe(over.set)
        )
        async with asyncio.timeout(WATCHDOG):
            await over.wait()

    asyncio.run(main())

    for ledger in ledgers:
        ledger.wait_disposed()
    assert list(range(position + 1)) == received == steps


def test_leaving_works_without_a_run_scheduler():
    """Also a loop that is subscribed to plainly can be left in its first step."""
    assert [0, 1, 2] == count_to(10**9, now).pipe(rxo.take(3), rxo.to_list()).run()


def test_a_step_may_last():
    """In virtual time: each step begins when the one before has ended, and is disposed midway."""
    with VirtualScheduler() as scheduler:
        begun, received = [], []

        def step(state):
            begun.append(scheduler.clock)
            return rx.timer(5.0).pipe(rxo.map(lambda _: state))

        subscription = count_to(9, step).subscribe(received.append, scheduler=scheduler)
        scheduler.advance_to(12)
        subscription.dispose()
        scheduler.run()

        assert ([0.0, 5.0, 10.0], [0, 1], 12.0) == (begun, received, scheduler.clock)


def test_a_subscriber_that_raises_at_the_end_is_a_fault(caplog):
    """What `on_completed` raises is not swallowed, nor emitted as an error of the loop."""
    errors = []
    received = Recorder()
    with VirtualScheduler() as scheduler:
        scheduler.owns(Disposable(), errors.append)
        count_to(1, rx.of).subscribe(
            received.on_next, received.on_error, lambda: 1 / 0, scheduler=scheduler
        )
        with pytest.raises(ZeroDivisionError):
            scheduler.run()

    assert ([0], []) == (received.items, received.ends)


class Beside:
    """Events beside a loop, added by hand."""

    def __init__(self):
        self.waiting, self.notify, self.ended, self.disposed = [], None, 0, 0

    def begin(self, notify, scheduler):
        """Listen."""
        self.notify = notify
        return Disposable(self._dispose)

    def _dispose(self):
        self.disposed += 1

    def add(self, *events):
        """Add events, and say so."""
        self.waiting += events
        self.notify()

    def take(self):
        """Yield what waits."""
        while self.waiting:
            yield self.waiting.pop(0)

    def end(self):
        """Count the ends."""
        self.ended += 1


def played_beside(step, aside, **options):
    """Return what a loop of steps emits in virtual time, with events beside it."""
    received = []
    with VirtualScheduler() as scheduler:
        loop = iterate(
            step,
            lambda state, event: (*state, event),
            tuple,
            lambda state: "end" in state,
            aside=aside,
            **options,
        )
        run_scoped(loop).subscribe(
            received.append, received.append, lambda: received.append("|"), scheduler=scheduler
        )
        scheduler.run()
    return received


def test_events_beside_the_steps_are_folded_as_they_come():
    """They are emitted within a step and between steps, and the next step is made from them."""
    aside, made = Beside(), []

    def step(state):
        made.append(state)
        if len(made) == 1:
            late = rx.timer(2.0).pipe(rxo.map(lambda _: aside.add("y") or "b"))
            return rx.timer(1.0).pipe(rxo.map(lambda _: aside.add("x") or "a"), rxo.concat(late))
        return rx.of("end")

    assert ["1", "a", "x", "b", "y", "2", "end", "|"] == played_beside(
        step, aside, first=lambda state: str(len(made))
    )
    assert [(), ("1", "a", "x", "b", "y")] == made
    assert (0, 1) == (aside.ended, aside.disposed)


def test_what_waits_beside_is_emitted_before_an_error():
    """When a step fails, no further event is made; those that wait come before the error."""
    aside = Beside()

    def step(state):
        aside.waiting.append("x")
        return rx.throw(LookupError("no"))

    *events, error = played_beside(step, aside)
    assert ["x"] == events
    assert isinstance(error, LookupError)
    assert (1, 1) == (aside.ended, aside.disposed)


def test_an_error_beside_the_steps_ends_the_loop():
    """What is raised when events are taken is the error of the loop."""
    aside = Beside()

    def take():
        yield "x"
        raise LookupError("no")

    aside.take = take
    events = played_beside(lambda state: rx.never(), aside)
    assert "x" == events[0]
    assert isinstance(events[-1], LookupError)
