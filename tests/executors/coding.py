"""What the tests of executors share: functions that code may call, and what running it gives."""

import inspect
import json
from itertools import count

from rxagent.errors import CodeError
from rxagent.events import Event
from rxagent.executors import CodeResult, Functions
from rxagent.messages import ToolCall
from rxagent.streams import each
from rxagent.tools import Toolbox, run_call
from rxagent.tools.definition import as_tool


def functions_of(*tools, call_id="c1"):
    """Return tools as functions for code, whose calls have the ids `c1.1`, `c1.2` and so on."""
    box = Toolbox(tools)
    by_name = {item.name: item for item in map(as_tool, tools)}
    numbers = count(1)

    def call(name, args, kwargs):
        names = inspect.signature(by_name[name].function).parameters
        arguments = json.dumps(dict(zip(names, args, strict=False)) | dict(kwargs))
        return run_call(box, ToolCall(f"{call_id}.{next(numbers)}", name, arguments))

    asynchronous = {
        name for name, item in by_name.items() if inspect.iscoroutinefunction(item.function)
    }
    return Functions(frozenset(by_name), frozenset(asynchronous), call)


NONE = functions_of()


class Ran:
    """What running a piece of code emitted: `printed`, `events`, and `value` or `error`."""

    def __init__(self, session, code, functions=NONE):
        self.items = []
        self.error = None
        try:
            for item in each(session.run(code, functions)):
                self.items.append(item)
        except CodeError as error:
            self.error = str(error)

    @property
    def printed(self):
        return "".join(item for item in self.items if isinstance(item, str))

    @property
    def events(self):
        return [item for item in self.items if isinstance(item, Event)]

    @property
    def result(self):
        assert self.error is None, self.error
        *_, last = self.items
        assert isinstance(last, CodeResult)
        return last

    @property
    def value(self):
        return self.result.value


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b
