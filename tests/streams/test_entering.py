"""Entering: what is told on threads of their own comes in by the gate, or not at all."""

import threading

import pytest
from reactivex.subject import Subject

from rxagent.streams import entering
from rxagent.streams.link import Link
from rxagent.testing import VirtualHome

WATCHDOG = 5


class Heard(Link):
    """A link that notes whatever it is told, also when it is stopped."""

    def __init__(self):
        super().__init__(None)
        self.told = []

    def on_next(self, value):
        self.told.append(value)

    def on_error(self, error):
        self.told.append(error)

    def on_completed(self):
        self.told.append("|")


def elsewhere(action, *args):
    """Do an action on a thread of its own, and wait for its end."""
    thread = threading.Thread(target=action, args=args)
    thread.start()
    thread.join(WATCHDOG)
    assert not thread.is_alive()


ERROR = ValueError("late")


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (lambda subject: subject.on_completed(), "|"),
        (lambda subject: subject.on_error(ERROR), ERROR),
    ],
)
def test_what_another_thread_tells_waits_for_the_gate(end, last):
    """While somebody is inside nothing is told; afterwards all is, in its order."""
    subject, heard, meanwhile = Subject(), Heard(), []

    def inside():
        elsewhere(subject.on_next, 1)
        elsewhere(end, subject)
        meanwhile.extend(heard.told)

    with VirtualHome() as home:
        entering(subject).subscribe(heard, scheduler=home)
        home.gate(inside)

    assert [] == meanwhile
    assert [1, last] == heard.told


def test_what_waits_at_the_gate_is_not_told_to_who_has_left():
    """What another thread has told before somebody left, and the gate not yet, is told to none."""
    subject, heard = Subject(), Heard()

    with VirtualHome() as home:
        subscription = entering(subject).subscribe(heard, scheduler=home)

        def inside():
            elsewhere(subject.on_next, 1)
            elsewhere(subject.on_completed)
            subscription.dispose()

        home.gate(inside)

    assert [] == heard.told
