"""An observer is what can be told something, whatever it is."""

import pytest

from rxagent.streams import Observing


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
    tell_all(Observing.of(noting))

    assert methods == [name for name, *_ in noting.told]


def test_functions():
    """Functions are told what they stand for, and nothing stands for what is missing."""
    told = []
    tell_all(Observing.of(told.append))
    tell_all(Observing.of(None, told.append))
    tell_all(Observing.of(None, None, lambda: told.append("completed")))
    tell_all(Observing.of(None))

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
    tell_all(Observing.of(both))

    assert [1] == both.told


def test_it_falls_silent():
    """A muted observer is told nothing more, also by who has it at hand already."""
    noting = Noting("on_next", "on_error", "on_completed")
    observer = Observing.of(noting)
    observer.on_next(0)
    observer.mute()
    tell_all(observer)

    assert [("on_next", 0)] == noting.told


def test_it_is_shown_as_what_it_was_made_of():
    """Whoever reads a log finds the object, not what was made around it."""
    noting = Noting("on_next")
    observer = Observing.of(noting)

    assert (repr(noting), noting) == (repr(observer), observer.watching)


@pytest.mark.parametrize("wrong", [5, "print", object(), Noting], ids=repr)
def test_what_can_be_told_nothing(wrong):
    """What cannot be told anything, and a class in place of its object, is refused with a hint."""
    with pytest.raises(TypeError, match=r"cannot observe(\.|:) (Give a function|write Noting\(\))"):
        Observing.of(wrong)


def test_what_nobody_would_await():
    """Asynchronous functions and methods are refused, with what to write instead."""

    async def later(item): ...

    class Later:
        async def on_next(self, item): ...

    for wrong in (later, Later()):
        with pytest.raises(TypeError, match="asynchronous, and nobody would await it"):
            Observing.of(wrong)
