"""Streams: what is piped keeps what ReactiveX made of it, and says what to write."""

import asyncio
from functools import partial
from inspect import Parameter, signature
from itertools import product
from threading import Event

import pytest
import reactivex as rx
from reactivex import (
    ConnectableObservable,
    GroupedObservable,
    Notification,
    Observable,
    compose,
)
from reactivex import operators as rxo
from reactivex.internal.exceptions import SequenceContainsNoElementsError
from reactivex.subject import AsyncSubject, BehaviorSubject, ReplaySubject, Subject

from rxagent import Agent, Run, each, launch
from rxagent import operators as ops
from rxagent.streams import Stream
from rxagent.testing import ScriptedModel

from ..ids import shown
from .recorder import WATCHDOG

agent = Agent(ScriptedModel(["Hello"]))

CANDIDATES = (
    lambda *_: rx.never(),
    rx.never(),
    1,
    Subject(),
    "a",
    [1, 2],
    Notification,
)
NAMED = {"multicast": {"subject": Subject()}}


def made_of(name, source):
    """Return what an operator makes of a source, with the first arguments that it takes."""
    operator = partial(getattr(rxo, name), **NAMED.get(name, {}))
    needed = [
        parameter
        for parameter in signature(operator).parameters.values()
        if parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL
    ]
    for arguments in product(CANDIDATES, repeat=len(needed)):
        try:
            return source.pipe(operator(*arguments))
        except (TypeError, AttributeError, ValueError):
            continue
    return None


def public(value):
    """Return the names of what can be done with a value."""
    return {name for name in dir(value) if not name.startswith("_")}


KNOWN = sorted(set(rxo.__all__) - {"to_future"})


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("given", [Stream, ConnectableObservable], ids=["cold", "connectable"])
def test_every_operator_of_reactivex_returns_what_it_is_known_to(name, given):
    """Piped from a stream, an operator's result has the type, and all methods, of ReactiveX's."""
    source = rx.of(1, 2)
    if given is ConnectableObservable:
        source = source.pipe(rxo.publish())
    theirs = made_of(name, source)
    ours = made_of(name, Stream(rx.of(0)).pipe(lambda _: source))

    if theirs is None:
        assert ours is None
        assert (name, given) == ("ref_count", Stream)
        return
    for one, other in zip(as_list(ours), as_list(theirs), strict=True):
        assert isinstance(one, type(other))
        assert isinstance(one, Stream)
        assert public(other) <= public(one)
        with pytest.raises(TypeError, match="A stream is no list"):
            iter(one).__next__()


def as_list(made):
    """Return several streams, or one, as a list."""
    return made if isinstance(made, list) else [made]


def test_what_is_no_stream_is_returned_as_it_is():
    """A future is one that can be awaited, and a number a number."""

    async def main():
        return await rx.of(1).pipe(rxo.to_future())

    async def ours():
        return await Stream(rx.of(1)).pipe(rxo.to_future())

    assert asyncio.run(main()) == asyncio.run(ours())
    assert 5 == Stream(rx.of(1)).pipe(lambda _: 5)


AWAITED = {
    "an item": ops.answer(),
    "the last of many": rxo.map(lambda event: type(event).__name__),
    "later": compose(ops.text(), rxo.delay(0.01)),
    "an error": rxo.map(lambda event: 1 / 0),
    "nothing": rxo.ignore_elements(),
}


@pytest.mark.parametrize("name", AWAITED)
def test_what_is_piped_can_be_awaited_on_any_loop(name):
    """A run has a loop of its own in a script, and another one awaits what is made of it."""

    async def outcome(stream):
        try:
            return await asyncio.wait_for(stream.pipe(AWAITED[name]), WATCHDOG)
        except (ZeroDivisionError, SequenceContainsNoElementsError) as error:
            return type(error)

    run = agent.start("Hi")
    cold = asyncio.run(outcome(agent("Hi")))

    assert cold == asyncio.run(outcome(run))
    run.result(WATCHDOG)
    assert cold == asyncio.run(outcome(run))


def test_who_stops_waiting_ends_a_cold_run_only():
    """A started run goes on when the task is cancelled that awaits what is piped to it."""
    never = Agent(lambda request: rx.never())
    closed = Event()

    async def main(stream):
        waiting = asyncio.ensure_future(stream.pipe(rxo.finally_action(closed.set)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with never.start("Hi") as run:
        asyncio.run(main(run))
        assert closed.wait(WATCHDOG)
        assert "running" == run.status
    closed.clear()
    asyncio.run(main(never("Hi")))
    assert closed.wait(WATCHDOG)


@pytest.mark.parametrize("shared", [rxo.publish, rxo.replay, lambda: rxo.publish_value("first")])
def test_what_is_connectable_connects(shared):
    """All observers share one subscription, which `connect` begins."""
    begun, received, late = [], [], []
    words = Stream(rx.defer(lambda _: begun.append(1) or rx.of("a", "b"))).pipe(shared())
    for observer in (received, late):
        words.subscribe(observer.append)
    assert [] == begun
    words.connect().dispose()

    assert [1] == begun
    assert ["a", "b"] == received[-2:] == late[-2:]
    assert not words.has_subscription


@pytest.mark.parametrize(
    "shared",
    [
        lambda words: words.pipe(rxo.ref_count()),
        lambda words: words.ref_count(),
        lambda words: words.auto_connect(1),
        lambda words: words.pipe(rxo.map(str)).pipe(lambda _: words).pipe(rxo.ref_count()),
    ],
)
def test_what_is_connectable_counts(shared):
    """`ref_count` and `auto_connect` connect it, by method and by operator."""
    received = []
    shared(Stream(rx.of("a")).pipe(rxo.publish())).subscribe(received.append)

    assert ["a"] == received


def test_a_run_can_be_published():
    """What an agent returns is begun by `connect`, for all."""
    words = agent("Hi").pipe(ops.answer(), rxo.publish())
    answers, lengths, over = [], [], Event()
    words.subscribe(answers.append)
    words.pipe(rxo.map(len)).subscribe(lengths.append, on_completed=over.set)
    words.connect()

    assert over.wait(WATCHDOG)
    assert (["Hello"], [5]) == (answers, lengths)


SUBJECTS = [Subject, AsyncSubject, ReplaySubject, lambda: BehaviorSubject(0)]


@pytest.mark.parametrize("make", SUBJECTS)
def test_a_subject_is_notified(make):
    """A subject that a pipe returns is notified, entered and disposed as ever."""
    subject, received, other = make(), [], []
    with Stream(rx.of(1)).pipe(lambda _: subject) as ours:
        ours.subscribe(received.append)
        subject.subscribe(other.append)
        ours.on_next(1)
        subject.on_next(2)
        ours.on_completed()
    assert received == other
    assert 2 == received[-1]
    assert subject.is_disposed


def test_a_group_has_its_key():
    """A group that a pipe returns has its key, and its items."""
    group = Stream(rx.of(1)).pipe(lambda ones: GroupedObservable("key", ones))

    assert "key" == group.key
    assert 1 == group.run()


class Own(Observable):
    """A user's own subclass of Observable, with its attributes."""

    closed = 0

    def __init__(self, *, name):
        super().__init__(lambda observer, _: observer.on_completed())
        self.name = name

    def __del__(self):
        Own.closed += 1

    def rename(self, name):
        """Change what it is called."""
        self.name = name


class Final(Observable):
    """An Observable that nothing may be derived from."""

    def __init_subclass__(cls):
        raise TypeError("Nothing may be derived from this.")

    def once(self):
        """Return a number."""
        return 1


class Slotted(Observable):
    """An Observable whose state is not in its `__dict__`."""

    __slots__ = ("place",)


def test_an_observable_of_ones_own_keeps_its_state():
    """What is changed by the stream is changed in the source, and the other way round."""
    own = Own(name="a")
    stream = Stream(rx.of(1)).pipe(lambda _: own)
    stream.rename("b")
    assert "b" == own.name
    own.name = "c"
    assert "c" == stream.name
    closed = Own.closed
    del stream
    assert closed == Own.closed


def test_what_cannot_be_derived_from_stays_as_it_is():
    """Its methods matter more than what a `for` over it says."""
    final, slotted = Final(), Slotted()
    slotted.place = 5

    assert final is Stream(rx.of(1)).pipe(lambda _: final)
    assert slotted is Stream(rx.of(1)).pipe(lambda _: slotted)


def test_a_run_stays_a_run():
    """`launch` is an operator, and its run gives the result."""
    run = agent("Hi").pipe(launch)

    assert isinstance(run, Run)
    assert "Hello" == run.result(60)
    assert run is run.pipe()
    assert run is run.pipe(lambda run: run)


def test_nothing_piped_is_the_stream_itself():
    """As in ReactiveX, a pipe without operators returns what it was called on."""
    run = agent("Hi")

    assert run is run.pipe()
    assert run is run.pipe(lambda run: run)
    with pytest.raises(TypeError, match="A stream is no list"):
        list(run + run)


class Later:
    """Awaits a coroutine itself."""

    async def __call__(self, item):
        """Do nothing."""


async def many(item):
    """Yield an item asynchronously."""
    yield item


WRONG = [
    (1,),
    ("print",),
    ([print],),
    (Subject,),
    (asyncio.sleep,),
    (partial(asyncio.sleep, 1),),
    (Later(),),
    (many,),
    (print, 5),
    (print, print, 5),
    (None, "print"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=shown)
@pytest.mark.parametrize(
    "stream",
    [
        lambda: agent("Hi"),
        lambda: agent("Hi").pipe(ops.text()),
        lambda: agent("Hi").pipe(rxo.publish()),
        lambda: agent.start("Hi"),
        lambda: agent.start("Hi").pipe(ops.text()),
    ],
)
def test_what_cannot_observe_is_refused(stream, wrong):
    """What is no observer is refused when it subscribes, and no run begins for it."""
    with pytest.raises(TypeError, match=r"cannot observe|is asynchronous"):
        stream().subscribe(*wrong)


def test_an_observer_may_have_some_of_the_methods():
    """An object with on_next alone observes a stream as it does a run."""

    class Words:
        def __init__(self):
            self.received = []

        def on_next(self, word):
            self.received.append(word)

    words = Words()
    Stream(rx.of(1, 2)).subscribe(words)

    assert [1, 2] == words.received


def test_a_cell_of_a_notebook_blocks_for_a_stream():
    """Where a loop is running already, all that begins a run of its own can be blocked for."""

    async def cell():
        words = agent("Hi").pipe(ops.text())
        with pytest.raises(SequenceContainsNoElementsError):
            agent("Hi").pipe(rxo.filter(lambda _: False)).run()
        return [agent.run("Hi"), words.run(), *each(words), agent("Hi").pipe(ops.answer()).run()]

    assert ["Hello"] * 4 == asyncio.run(asyncio.wait_for(cell(), WATCHDOG))


@pytest.mark.parametrize("wait", [Run.result, Run.drain, list, Run.run])
def test_a_cell_of_a_notebook_awaits_its_run(wait):
    """A run that a cell has started is awaited: what would block says so, and what to write."""

    async def cell():
        run = agent.start("Hi")
        with pytest.raises(RuntimeError, match=r"This loop runs the run, .* Write `(await|async)"):
            wait(run)
        return await run, wait(run) if wait in (Run.result, Run.run) else "Hello"

    assert ("Hello", "Hello") == asyncio.run(asyncio.wait_for(cell(), WATCHDOG))
