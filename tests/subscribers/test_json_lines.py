from io import StringIO

import reactivex as rx
from reactivex import operators as rxo

from rxagent import Agent
from rxagent.errors import ModelRefused
from rxagent.events import RunFailed, TextDelta
from rxagent.subscribers.json_lines import JsonLines
from rxagent.testing import ScriptedModel
from rxagent.wire import loads


def read(out):
    """Return what the lines of a stream hold."""
    return [loads(line) for line in out.getvalue().splitlines()]


def test_each_event_of_a_run_is_a_line():
    """What is read from the lines equals the run's events."""
    out, agent = StringIO(), Agent(ScriptedModel(["Hello"]))

    agent("Hi").pipe(rxo.do(JsonLines(out))).run()

    events = agent("Hi").pipe(rxo.to_list()).run()
    assert events == read(out)


def test_an_error_is_a_line():
    """What ends a run without an answer is written as `RunFailed`."""
    out = StringIO()

    rx.concat(rx.of(TextDelta("No")), rx.throw(ModelRefused("not this"))).subscribe(JsonLines(out))

    failed = RunFailed("ModelRefused", "ModelRefused: not this")
    assert [TextDelta("No"), failed] == read(out)
