"""What the tests of executors share: functions for code, and the outcome of a piece of code."""

import inspect
import itertools
import json

import reactivex as rx
from attrs import frozen

from rxagent.errors import CodeError, describe
from rxagent.events import Event, ToolFailed
from rxagent.executors import CodeResult, Functions
from rxagent.messages import ToolCall
from rxagent.streams import each
from rxagent.tools import Toolbox, run_call, tool

__all__ = ["NONE", "Outcome", "functions", "outcome"]

NONE = Functions(frozenset(), frozenset(), lambda name, args, kwargs: rx.empty())


def functions(*plain, asynchronous=()):
    """Return functions for code, which are called as tools are."""
    tools = {function.__name__: function for function in (*plain, *asynchronous)}
    toolbox = Toolbox(list(map(tool, tools.values())))
    numbers = itertools.count(1)

    def call(name, args, kwargs):
        call_id = f"c1.{next(numbers)}"
        try:
            arguments = inspect.signature(tools[name]).bind(*args, **kwargs).arguments
        except TypeError as error:
            return rx.of(ToolFailed(call_id, describe(error)))
        return run_call(toolbox, ToolCall(call_id, name, json.dumps(arguments)))

    names = frozenset(tools)
    return Functions(names, frozenset(function.__name__ for function in asynchronous), call)


@frozen
class Outcome:
    """What came of a piece of code."""

    printed: str
    events: list
    result: CodeResult | None
    error: str | None

    @property
    def value(self):
        """The value of the code, which must not have failed."""
        assert self.error is None
        return self.result.value


def outcome(session, code, tools=NONE):
    """Run code to its end, and check the order of what it emits."""
    items, error = [], None
    try:
        for item in each(session.run(code, tools)):
            items.append(item)  # one by one, since an error may follow
    except CodeError as raised:
        error = str(raised)
    results = [item for item in items if isinstance(item, CodeResult)]
    assert results == (items[-1:] if error is None else [])
    return Outcome(
        "".join(item for item in items if isinstance(item, str)),
        [item for item in items if isinstance(item, Event)],
        results[0] if results else None,
        error,
    )
