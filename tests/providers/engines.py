"""What the tests of local engines share: how they are left, and what they say."""

import threading

from rxagent.events import Finish, TextDelta, Usage

__all__ = ["Counted", "leave_early", "said"]

_LONGEST = 20.0


class Counted:
    """Counts the tokens of a generation, and knows when some have been made."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


def leave_early(model, counted, text="Hi"):
    """Dispose a stream at its first delta; return how many tokens were made after that."""
    left, at = threading.Event(), []

    def leave(_):
        subscription.dispose()
        at.append(counted.count)
        left.set()

    subscription = model(text).subscribe(leave)
    assert left.wait(_LONGEST)
    for thread in threading.enumerate():
        if thread.name.startswith("rxagent-source"):
            thread.join(_LONGEST)
    return counted.count - at[0]


def said(deltas):
    """Return the text, the finish reasons and the usage of an answer."""
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    reasons = [delta.reason for delta in deltas if isinstance(delta, Finish)]
    return text, reasons, [delta for delta in deltas if isinstance(delta, Usage)]
