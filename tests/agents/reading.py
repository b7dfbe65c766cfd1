"""Models that keep what they have read, for tests of what a model reads."""

import json

from rxagent import Message, ToolCall
from rxagent.events import Delta, Finish, TextDelta, ToolCallDelta, Usage
from rxagent.streams import operators as stream_ops
from rxagent.testing import VirtualScheduler


class ReadingModel:
    """Answers the n-th request with the n-th turn, and keeps the requests; one run only.

    A turn is a text, a message or deltas; the last one is repeated.
    """

    is_model = True

    def __init__(self, *turns):
        self.turns = turns
        self.requests = []

    def __call__(self, request):
        """Return the next turn."""
        self.requests.append(request)
        turn = self.turns[min(len(self.requests), len(self.turns)) - 1]
        return turn if hasattr(turn, "subscribe") else stream_ops.from_items(deltas(turn))


def deltas(turn):
    """Return a turn as deltas."""
    match turn:
        case str():
            return [TextDelta(turn), Finish("stop")]
        case Message(tool_calls=calls):
            pieces = [
                ToolCallDelta(index, call.id, call.name, call.arguments)
                for index, call in enumerate(calls)
            ]
            return [TextDelta(turn.text), *pieces, Finish("tool_calls")]
    return turn


def call(number, name="look", **arguments):
    """Return a message that calls a tool."""
    return Message("assistant", "", [ToolCall(f"c{number}", name, json.dumps(arguments))])


def spending(turn, spent=10, made=5):
    """Return a turn that reports its tokens."""
    return [*deltas(turn), Usage(spent, made)]


def played(run):
    """Return the events of a run in virtual time, and the error that ended it."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        run.subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return events, (errors or [None])[0]


def names(events, *left_out):
    """Return the names of events that are no deltas."""
    kinds = [type(event).__name__ for event in events if not isinstance(event, Delta)]
    return [kind for kind in kinds if kind not in left_out]
