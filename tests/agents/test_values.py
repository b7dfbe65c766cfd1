"""A reader of an agent, a tool or a run cannot change what other readers see."""

import pickle
import threading

import pytest

from rxagent import Agent, Message, State, ToolCall, tool
from rxagent.errors import RunCancelled
from rxagent.events import FinalAnswer, TextDelta, ToolCompleted
from rxagent.state import Step
from rxagent.testing import ScriptedModel

WATCHDOG = 60


@tool
def look(places: list[str] = []) -> str:  # noqa: B006  (what is tested)
    """Look."""
    return "found"


def calling(name, arguments):
    """Return what a model says that calls a tool."""
    return Message("assistant", tool_calls=[ToolCall("c", name, arguments)])


def writes(value):
    """Yield functions of which each would change a part of a value."""
    if isinstance(value, dict):
        yield lambda: value.__setitem__("new", 1)
        yield value.clear
        for item in value.values():
            yield from writes(item)
    if isinstance(value, list):
        yield lambda: value.append(1)
        yield value.clear
        for item in value:
            yield from writes(item)


def looked():
    """Return an agent that has looked, and its run."""
    options = {"seed": 1, "extra_body": {"stops": ["a"]}}
    agent = Agent(ScriptedModel([calling("look", "{}"), "done"]), tools=[look], options=options)
    run = agent.start("x")
    run.result(WATCHDOG)
    return agent, run


@pytest.mark.parametrize(
    "value",
    [
        lambda agent, run: run.state.steps[0].outcomes,
        lambda agent, run: agent.options,
        lambda agent, run: agent.tools.find("look").parameters,
        lambda agent, run: agent.tools.specs[0].parameters,
        lambda agent, run: Step(1, outcomes={"c": "found"}).outcomes,
    ],
    ids=["outcomes", "options", "parameters", "spec", "step"],
)
def test_nothing_that_is_handed_out_can_be_changed(value):
    """Every change raises TypeError, at every depth, and the value is as before."""
    handed_out = value(*looked())
    before = repr(handed_out)

    attempts = list(writes(handed_out))
    for attempt in attempts:
        with pytest.raises(TypeError, match="cannot be changed"):
            attempt()

    assert attempts
    assert before == repr(handed_out)


def test_the_giver_of_options_changes_nothing():
    """An agent keeps a copy of its options, all the way down."""
    options = {"extra_body": {"stops": ["a"]}}
    agent = Agent(ScriptedModel(["done"]), options=options)
    options["extra_body"]["stops"].append("b")

    assert {"extra_body": {"stops": ["a"]}} == agent.options


def test_messages_are_made_for_each_request():
    """The list of messages that a state returns belongs to the caller."""
    _, run = looked()
    messages = run.state.messages()
    messages.clear()

    assert 4 == len(run.state.messages())


@pytest.mark.parametrize("answer", ['[1, {"a": [2]}]', '{"a": [1, {"b": 2}]}'])
def test_a_viewer_that_changes_an_answer_harms_itself(caplog, answer):
    """An answer that a model gave as JSON is for all observers; one that changes it is detached."""
    agent = Agent(ScriptedModel([calling("final_answer", f'{{"answer": {answer}}}')]))
    events, answers = [], []

    def change(event):
        if isinstance(event, FinalAnswer):
            next(iter(writes(event.value)))()

    run = agent.start("x", attach=[change, events.append])
    answers.append(run.result(WATCHDOG))
    run.drain(WATCHDOG)

    expected = eval(answer)
    assert [expected] == answers
    assert [FinalAnswer(expected)] == [event for event in events if isinstance(event, FinalAnswer)]
    assert expected == run.state.answer
    assert [TypeError] == [record.exc_info[0] for record in caplog.records]


def test_what_a_tool_returns_is_passed_on_as_it_is():
    """Values of the user's own are the same objects in every event."""
    value, events = [threading.Lock(), {"a": [1]}], []

    @tool
    def make() -> object:
        """Make something."""
        return value

    agent = Agent(ScriptedModel([calling("make", "{}"), "done"]), tools=[make])
    run = agent.start("x", attach=[events.append])
    run.result(WATCHDOG)
    run.drain(WATCHDOG)

    (completed,) = [event for event in events if isinstance(event, ToolCompleted)]
    assert completed.value is value


def test_the_error_of_a_run_travels_with_its_state():
    """A cancelled run's error is pickled with the reason, and with what the run had found out."""

    async def model(request):
        yield TextDelta("half an ")
        started.wait(WATCHDOG)
        run.cancel("enough")

    started = threading.Event()
    run = Agent(model).start("x")
    started.set()
    with pytest.raises(RunCancelled) as caught:
        run.result(WATCHDOG)
    twin = pickle.loads(pickle.dumps(caught.value))

    assert (str(caught.value), "enough") == (str(twin), twin.reason)
    assert caught.value.state == twin.state
    assert isinstance(twin.state, State)
