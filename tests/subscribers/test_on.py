import pytest
import reactivex as rx

from rxagent import subscribers
from rxagent.events import Delta, Event, Finish, StepStarted, TextDelta
from rxagent.subscribers import on

EVENTS = [StepStarted(1), TextDelta("a"), Finish("stop"), TextDelta("b")]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TextDelta, [TextDelta("a"), TextDelta("b")]),
        (Delta, EVENTS[1:]),
        (TextDelta | Finish, EVENTS[1:]),
        (Event, EVENTS),
        (StepStarted, [StepStarted(1)]),
    ],
)
def test_a_function_receives_one_kind(kind, expected):
    """`on` passes events of the kind and of what derives from it, in order, and no others."""
    received = []
    rx.from_iterable(EVENTS).subscribe(on(kind, received.append))

    assert expected == received


def test_ends_are_none_of_its_business():
    """A run's failure and completion are not passed to the function, and do not raise."""
    received = []
    rx.throw(ValueError("no")).subscribe(on(TextDelta, received.append))
    rx.empty().subscribe(on(TextDelta, received.append))

    assert [] == received


def test_it_says_what_it_is():
    """A log that names a viewer shows the kind of events and the function."""
    assert "on(TextDelta, <built-in function print>)" == repr(on(TextDelta, print))
    assert repr(on(TextDelta | Finish, print)).startswith("on(rxagent.events.TextDelta | ")


@pytest.mark.parametrize("name", subscribers.__all__)
def test_the_room_opens_by_name(name):
    """Each promised subscriber can be taken from the room."""
    assert getattr(subscribers, name) is vars(subscribers)[name]


def test_the_room_promises_what_it_shows():
    """`dir` and `__all__` agree, and a misspelt name is an attribute error."""
    assert subscribers.__all__ == dir(subscribers)
    with pytest.raises(AttributeError, match="has no attribute 'Consoel'"):
        _ = subscribers.Consoel


def test_on_is_the_function_whatever_was_imported_first():
    """The file of the same name never hides the function."""
    from rxagent.subscribers.on import on as from_its_file

    assert on is subscribers.on is from_its_file
