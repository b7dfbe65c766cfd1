"""An observer is what can be told something, whatever it is."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.streams import Broadcaster, PartialObserver

from .recorder import WATCHDOG, Recorder


class Noting:
    """Notes what it is told; an object of any class, with any of the three methods."""

    def __init__(self, *methods):
        self.told = []
        for name in methods:
            setattr(self, name, lambda *given, name=name: self.told.append((name, *given)))


def tell_all(observer):
    """Tell an observer one of each."""
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
    """What an object has no method for, it is not told."""
    noting = Noting(*methods)
    tell_all(PartialObserver.of(noting))

    assert methods == [name for name, *_ in noting.told]


def test_functions():
    """Functions are told what they stand for, and nothing stands for what is missing."""
    told = []
    tell_all(PartialObserver.of(told.append))
    tell_all(PartialObserver.of(None, told.append))
    tell_all(PartialObserver.of(None, None, lambda: told.append("completed")))
    tell_all(PartialObserver.of(None))

    assert [1, ValueError, "completed"] == told


def test_what_is_called_and_has_methods():
    """An object that can be called, and has methods, is told by its methods."""

    class Both:
        def __init__(self):
            self.told = []

        def __call__(self, item):
            raise AssertionError("called")

        def on_next(self, item):
            self.told.append(item)

    both = Both()
    tell_all(PartialObserver.of(both))

    assert [1] == both.told


def test_it_falls_silent():
    """A muted observer is told nothing more, also by who has it at hand already."""
    noting = Noting("on_next", "on_error", "on_completed")
    observer = PartialObserver.of(noting)
    observer.on_next(0)
    observer.mute()
    tell_all(observer)

    assert [("on_next", 0)] == noting.told


def test_it_is_shown_as_what_it_was_made_of():
    """Whoever reads a log finds the object, not what was made around it."""
    noting = Noting("on_next")
    observer = PartialObserver.of(noting)

    assert (repr(noting), noting) == (repr(observer), observer.watching)


@pytest.mark.parametrize("wrong", [5, "print", object(), Noting], ids=repr)
def test_what_can_be_told_nothing(wrong):
    """What cannot be told anything, and a class in place of its object, is refused with a hint."""
    with pytest.raises(TypeError, match=r"cannot observe(\.|:) (Give a function|write Noting\(\))"):
        PartialObserver.of(wrong)


def test_what_nobody_would_await():
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


def test_all_are_told_in_the_order_in_which_they_came(broadcaster):
    """Each observer is told each item and the end, the first to come first."""
    order = []
    several = [Recorder(lambda item, name=name: order.append((name, item))) for name in "abc"]
    for told in several:
        broadcaster.add(told)

    broadcaster.on_next(1)
    broadcaster.on_next(2)
    broadcaster.on_completed()

    assert [(name, item) for item in (1, 2) for name in "abc"] == order
    assert [["completed"]] * 3 == [told.ends for told in several]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("at", range(4))
def test_one_that_raises_is_taken_off(broadcaster, faults, place, at):
    """The others are told everything, and the fault is reported once."""
    several = [Recorder(), Recorder(), Recorder()]
    several[place] = Recorder(lambda item: item == at and 1 / 0)
    for told in several:
        broadcaster.add(told)

    for item in range(4):
        broadcaster.on_next(item)
    broadcaster.on_completed()

    for told in several:
        raised = told is several[place]
        assert list(range(at + 1 if raised else 4)) == told.items
        assert [] == told.ends if raised else ["completed"]
    assert [(several[place], ZeroDivisionError)] == faults


@pytest.mark.parametrize("end", ["on_error", "on_completed"])
def test_one_that_raises_at_the_end_is_reported(broadcaster, faults, end):
    """The others hear of the end, whatever one of them does about it."""
    several = [Recorder(), Recorder(), Recorder()]
    setattr(several[1], end, lambda *_: 1 / 0)
    for told in several:
        broadcaster.add(told)

    broadcaster.on_error(LookupError("gone")) if end == "on_error" else broadcaster.on_completed()

    assert [1, 0, 1] == [len(told.ends) for told in several]
    assert [(several[1], ZeroDivisionError)] == faults


def test_the_end_is_told_once(broadcaster):
    """After the end nobody is told anything."""
    told = Recorder()
    broadcaster.add(told)

    broadcaster.on_error(LookupError("gone"))
    broadcaster.on_error(LookupError("again"))
    broadcaster.on_completed()
    broadcaster.on_next(1)

    assert ["gone"] == [end.args[0] for end in told.ends]
    assert [] == told.items


def test_observers_may_come_while_one_is_told(broadcaster):
    """One that is added in `on_next` is told what follows."""
    late = Recorder()
    early = Recorder(lambda item: item == 1 and broadcaster.add(late))
    broadcaster.add(early)

    for item in range(3):
        broadcaster.on_next(item)

    assert ([0, 1, 2], [2]) == (early.items, late.items)


def test_observers_may_go_while_one_is_told(broadcaster):
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


def test_removing_twice_removes_nobody_else(broadcaster):
    """Disposing again does nothing, also when the same observer has come back."""
    told = Recorder()
    subscription = broadcaster.add(told)
    subscription.dispose()
    broadcaster.add(told)
    subscription.dispose()

    broadcaster.on_next(1)

    assert [1] == told.items


@given(st.lists(st.sampled_from(["come", "go", "tell"]), max_size=50))
def test_who_is_there_is_told(actions):
    """At each item, exactly those who have come and not gone are told."""
    broadcaster, present, gone, tellings = Broadcaster(print), [], [], 0
    for action in actions:
        match action:
            case "come":
                told = Recorder()
                present.append((told, broadcaster.add(told), tellings))
            case "go" if present:
                told, subscription, since = present.pop(0)
                subscription.dispose()
                gone.append((told, since, tellings))
            case "tell":
                broadcaster.on_next(tellings)
                tellings += 1

    gone += [(told, since, tellings) for told, _, since in present]
    assert [list(range(since, until)) for _, since, until in gone] == [
        told.items for told, *_ in gone
    ]


def test_observers_come_and_go_on_many_threads(broadcaster, faults):
    """While items are told, others may add and remove; none who stays misses one."""
    staying, over = [Recorder() for _ in range(3)], threading.Event()
    for told in staying:
        broadcaster.add(told)

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

    assert [list(range(2000))] * 3 == [told.items for told in staying]
    assert 3 == len(broadcaster._observers)
    assert [] == faults
