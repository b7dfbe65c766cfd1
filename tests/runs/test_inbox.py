"""Inboxes: what was accepted is taken, and nothing is accepted after the end."""

from hypothesis import given
from hypothesis import strategies as st

from rxagent.messages import Message
from rxagent.runs.inbox import Inbox, Said


def said(number):
    """Return a message with a number."""
    return Said(Message("user", str(number)))


@given(st.lists(st.sampled_from(["put", "take", "read", "close", "dispose"])))
def test_what_is_accepted_is_taken_and_nothing_after_the_end(steps):
    """In every order of steps, all that was accepted is taken, once, and an end is for ever."""
    inbox, accepted, taken, is_closed = Inbox(), [], [], False
    for number, step in enumerate(steps):
        if step == "put":
            message = said(number)
            assert inbox.put(message) is not is_closed
            accepted += [] if is_closed else [message]
        elif step == "take":
            taken += inbox.take()
            assert accepted == taken
        elif step == "read":
            inbox.note_read()
        elif step == "close":
            is_closed |= inbox.close_if_read()
        else:
            inbox.dispose()
            is_closed = True

    taken += inbox.take()
    assert accepted == taken
