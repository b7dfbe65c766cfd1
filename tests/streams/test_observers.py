"""Observers: functions, and objects with some of an observer's methods."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.streams import Broadcaster, PartialObserver

from ..ids import shown
from .recorder import WATCHDOG, Recorder


class Noting:
    """Notes what it receives; an object of any class, with any of the three methods."""

    def __init__(self, *methods):
        self.received = []
        for name in methods:
            setattr(self, name, lambda *given, name=name: self.received.append((name, *given)))


def emit_all(observer):
    """Notify an observer of one of each."""
    observer.on_next(1)
    observer.on_error(ValueError)
    observer.on_completed()


@pytest.mark.parametrize(
    "methods",
    [
        ["on_next"],
        ["on_error"],
        ["on_completed"],
        ["on_next", "on_completed"],
        ["on_next", "on_error", "on_completed"],
    ],
    ids=" ".join,
)
def test_some_of_the_methods(methods):
    """An object receives only what it has a method for."""
    noting = Noting(*methods)
    emit_all(PartialObserver.of(noting))

    assert methods == [name for name, *_ in noting.received]


def test_functions():
    """Each function is called for its own notification; missing ones do nothing."""
    received = []
    emit_all(PartialObserver.of(received.append))
    emit_all(PartialObserver.of(None, received.append))
    emit_all(PartialObserver.of(None, None, lambda: received.append("completed")))
    emit_all(PartialObserver.of(None))

    assert [1, ValueError, "completed"] == received


def test_what_is_called_and_has_methods():
    """An object that can be called, and has methods, is notified by its methods."""

    class Both:
        def __init__(self):
            self.received = []

        def __call__(self, item):
            raise AssertionError("called")

        def on_next(self, item):
            self.received.append(item)

    both = Both()
    emit_all(PartialObserver.of(both))

    assert [1] == both.received


def test_it_falls_silent():
    """A muted observer receives nothing more, also from a caller that holds it already."""
    noting = Noting("on_next", "on_error", "on_completed")
    observer = PartialObserver.of(noting)
    observer.on_next(0)
    observer.mute()
    emit_all(observer)

    assert [("on_next", 0)] == noting.received


def test_it_is_shown_as_what_it_was_made_of():
    """In a log stands the object itself, not the observer made of it."""
    noting = Noting("on_next")
    observer = PartialObserver.of(noting)

    assert (repr(noting), noting) == (repr(observer), observer.watching)


@pytest.mark.parametrize("wrong", [5, "print", object(), Noting], ids=shown)
def test_what_cannot_observe(wrong):
    """A value that cannot observe, or a class in place of its object, is refused with a hint."""
    with pytest.raises(TypeError, match=r"cannot observe(\.|:) (Give a function|write Noting\(\))"):
        PartialObserver.of(wrong)


def test_asynchronous_functions_are_refused():
    """Asynchronous functions and methods are refused, with what to write instead."""

    async def later(item): ...

    class Later:
        async def on_next(self, item): ...

    for wrong in (later, Later()):
        with pytest.raises(TypeError, match="asynchronous, and would not be awaited"):
            PartialObserver.of(wrong)


@pytest.fixture
def faults():
    """Return a list of what observers raise."""
    return []


@pytest.fixture
def broadcaster(faults):
    """Return a hub that notes its faults."""
    return Broadcaster(lambda observer, fault: faults.append((observer, type(fault))))


def test_observers_are_notified_in_the_order_of_subscription(broadcaster):
    """Each observer receives each item and the end, in the order of subscription."""
    order = []
    several = [Recorder(lambda item, name=name: order.append((name, item))) for name in "abc"]
    for received in several:
        broadcaster.add(received)

    broadcaster.on_next(1)
    broadcaster.on_next(2)
    broadcaster.on_completed()

    assert [(name, item) for item in (1, 2) for name in "abc"] == order
    assert [["completed"]] * 3 == [received.ends for received in several]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("at", range(4))
def test_one_that_raises_is_taken_off(broadcaster, faults, place, at):
    """The others receive everything, and the fault is reported once."""
    several = [Recorder(), Recorder(), Recorder()]
    several[place] = Recorder(lambda item: item == at and 1 / 0)
    for received in several:
        broadcaster.add(received)

    for item in range(4):
        broadcaster.on_next(item)
    broadcaster.on_completed()

    for received in several:
        raised = received is several[place]
        assert list(range(at + 1 if raised else 4)) == received.items
        assert [] == received.ends if raised else ["completed"]
    assert [(several[place], ZeroDivisionError)] == faults


@pytest.mark.parametrize("end", ["on_error", "on_completed"])
def test_one_that_raises_at_the_end_is_reported(broadcaster, faults, end):
    """The others receive the end, whatever one of them does about it."""
    several = [Recorder(), Recorder(), Recorder()]
    setattr(several[1], end, lambda *_: 1 / 0)
    for received in several:
        broadcaster.add(received)

    broadcaster.on_error(LookupError("gone")) if end == "on_error" else broadcaster.on_completed()

    assert [1, 0, 1] == [len(received.ends) for received in several]
    assert [(several[1], ZeroDivisionError)] == faults


def test_the_end_is_emitted_once(broadcaster):
    """After the end no observer receives anything."""
    received = Recorder()
    broadcaster.add(received)

    broadcaster.on_error(LookupError("gone"))
    broadcaster.on_error(LookupError("again"))
    broadcaster.on_completed()
    broadcaster.on_next(1)

    assert ["gone"] == [end.args[0] for end in received.ends]
    assert [] == received.items


def test_observers_may_come_while_one_is_notified(broadcaster):
    """An observer that is added in `on_next` receives what follows."""
    late = Recorder()
    early = Recorder(lambda item: item == 1 and broadcaster.add(late))
    broadcaster.add(early)

    for item in range(3):
        broadcaster.on_next(item)

    assert ([0, 1, 2], [2]) == (early.items, late.items)


def test_observers_may_go_while_one_is_notified(broadcaster):
    """One may leave, or take another off, in `on_next`; the rest stay."""
    leaving, staying, other = (
        Recorder(lambda _: [one.dispose() for one in going]),
        Recorder(),
        Recorder(),
    )
    going = [broadcaster.add(leaving)]
    broadcaster.add(staying)
    going.append(broadcaster.add(other))

    for item in range(3):
        broadcaster.on_next(item)

    assert ([0], [0, 1, 2]) == (leaving.items, staying.items)
    assert other.items in ([], [0])


def test_removing_twice_removes_no_other(broadcaster):
    """Disposing again does nothing, also when the same observer has come back."""
    received = Recorder()
    subscription = broadcaster.add(received)
    subscription.dispose()
    broadcaster.add(received)
    subscription.dispose()

    broadcaster.on_next(1)

    assert [1] == received.items


@given(st.lists(st.sampled_from(["come", "go", "emit"]), max_size=50))
def test_each_item_reaches_the_subscribed_observers(actions):
    """Each item reaches exactly the observers that are subscribed."""
    broadcaster, present, gone, notifications = Broadcaster(print), [], [], 0
    for action in actions:
        match action:
            case "come":
                received = Recorder()
                present.append((received, broadcaster.add(received), notifications))
            case "go" if present:
                received, subscription, since = present.pop(0)
                subscription.dispose()
                gone.append((received, since, notifications))
            case "emit":
                broadcaster.on_next(notifications)
                notifications += 1

    gone += [(received, since, notifications) for received, _, since in present]
    assert [list(range(since, until)) for _, since, until in gone] == [
        received.items for received, *_ in gone
    ]


def test_observers_come_and_go_on_many_threads(broadcaster, faults):
    """While items are emitted, observers may come and go; none that stays misses one."""
    staying, over = [Recorder() for _ in range(3)], threading.Event()
    for received in staying:
        broadcaster.add(received)

    def come_and_go():
        while not over.is_set():
            broadcaster.add(Recorder()).dispose()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for item in range(2000):
        broadcaster.on_next(item)
    over.set()
    for thread in threads:
        thread.join(WATCHDOG)

    assert [list(range(2000))] * 3 == [received.items for received in staying]
    assert 3 == len(broadcaster._observers)
    assert [] == faults
