"""An agent validates its arguments, and passes models and tools what they need."""

import asyncio
import inspect
import logging
import threading
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

import pytest
import reactivex as rx

from rxagent import Agent, Given, Image, Message, State, Workers, fold, tool
from rxagent.errors import ModelRejected, ModelUnavailable
from rxagent.events import (
    FinalAnswer,
    RunCompleted,
    RunStarted,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    Usage,
)
from rxagent.messages import ToolCall
from rxagent.testing import ScriptedModel, VirtualScheduler


def played(run):
    """Return the events of a run in virtual time; what ended it otherwise is raised."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        run.subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    assert [] == errors
    return events


def recording(*turns):
    """Return a scripted model and the list of requests it was asked."""
    script = ScriptedModel(turns)
    asked = []

    def model(request):
        asked.append(request)
        return script(request)

    model.is_model = True
    return model, asked


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@pytest.mark.parametrize("word", ["stream_outputs", "step_callbacks", "verbosity_level"])
def test_a_dropped_name_says_what_to_write_instead(word):
    """A parameter known from elsewhere is refused with the way it is done here."""
    with pytest.raises(TypeError, match=rf"{word}.*\. .+"):
        Agent(ScriptedModel([]), **{word: True})


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"answer": "json"}, ValueError),
        ({"max_steps": -1}, ValueError),
        ({"tools": [len]}, TypeError),
        ({"tools": [add, add]}, ValueError),
        ({"nonsense": 1}, TypeError),
    ],
)
def test_what_cannot_work_is_refused_at_once(wrong, error):
    """A wrong argument raises when the agent is made, not when it runs."""
    with pytest.raises(error):
        Agent(ScriptedModel([]), **wrong)


@pytest.mark.parametrize("way", [Agent.__call__, Agent.run, Agent.start])
def test_each_way_to_a_run_shows_all_it_takes(way):
    """Whatever completes or documents a call sees each argument of a task by its name."""
    takes = inspect.signature(way).parameters

    assert [] == [
        word for word in ("task", "state", "images", "additional_args") if word not in takes
    ]


@pytest.mark.parametrize(
    "answer",
    [
        lambda agent, **given: agent.run("And now?", **given),
        lambda agent, **given: agent.start("And now?", **given).result(),
    ],
    ids=["run", "start"],
)
def test_all_that_is_given_reaches_the_model_either_way(answer):
    """A run that is blocked on and one that is started go on from a state, with all beside it."""
    model, asked = recording("Yes.", "Well.")
    before = State.from_messages([Message("user", "Before."), Message("assistant", "Yes.")])
    picture = Image("https://example.org/cat.png")
    answer(Agent(model), state=before, images=[picture], additional_args={"user": "Ada"})
    said = asked[0].messages

    assert ["Before.", "Yes."] == [message.text for message in said[1:-1]]
    assert (picture,) == said[-1].images
    assert "Ada" in said[-1].text


def test_instructions_and_tools_reach_the_model():
    """The system prompt holds the instructions; options pass through as they stand."""
    model, asked = recording("ok")
    played(Agent(model, [add], instructions="Speak like a pirate.", options={"seed": 7})("?"))
    assert "Speak like a pirate." in asked[0].messages[0].text
    assert {"seed": 7} == dict(asked[0].options)


def test_images_are_part_of_the_task():
    """The model reads the images with the task, and the event holds them."""
    model, asked = recording("a cat")
    picture = Image("https://example.org/cat.png")
    events = played(Agent(model)("What is this?", images=[picture]))
    said = Message("user", "What is this?", images=[picture])
    assert RunStarted("What is this?", "agent", said) == events[0]
    assert said == asked[0].messages[-1]


def test_additional_args_reach_the_model_and_the_tools():
    """The model reads the values; a tool that asks for one is given the thing itself."""
    handed = []

    @tool
    def look(column: str, table: Given[object]) -> str:
        """Look into the table."""
        handed.append(table)
        return column

    class Table:
        def __str__(self):
            return "a table of 3 rows"

    table = Table()
    call = [ToolCallDelta(0, "c", "look", '{"column": "x"}')]
    model, asked = recording(call, "done")
    played(Agent(model, [look])("Look", additional_args={"table": table}))
    assert "a table of 3 rows" in asked[0].messages[-1].text
    assert [table] == handed
    assert "table" not in asked[0].tools[0].parameters["properties"]


def test_an_agent_is_a_tool_of_another():
    """Inner events are outputs of the call, the inner answer is its result, its tokens count."""
    inner = Agent(
        ScriptedModel([[TextDelta("4"), Usage(3, 1)]]), name="adder", description="Adds numbers."
    )
    call = [ToolCallDelta(0, "c", "adder", '{"task": "2 + 2"}'), Usage(10, 5)]
    outer = Agent(ScriptedModel([call, [TextDelta("It is 4."), Usage(20, 5)]]), [inner])
    events = played(outer("2 + 2?"))
    values = [event.value for event in events if isinstance(event, ToolOutput)]
    assert RunStarted("2 + 2", "adder") == values[0]
    assert FinalAnswer("4") in values
    assert ToolCompleted("c", "4", "4") in events
    assert RunCompleted(Usage(33, 11)) == events[-1]
    state = State()

    for event in events:
        state = fold(state, event)
    assert {"agent": Usage(30, 10), "adder": Usage(3, 1)} == state.usage_by_agent


def test_an_inner_agent_that_fails_is_a_failed_call():
    """The outer model reads what ended an inner run, and may continue."""
    inner = Agent(ScriptedModel([]), max_steps=0, name="adder", description="Adds numbers.")
    call = [ToolCallDelta(0, "c", "adder", '{"task": "2 + 2"}')]
    events = played(Agent(ScriptedModel([call, "sorry"]), managed_agents=[inner])("?"))
    failed = [event for event in events if isinstance(event, ToolFailed)]
    assert failed[0].error.startswith("NoAnswer:")


def test_an_agent_without_a_description_is_no_tool():
    """An agent that others call needs a description."""
    with pytest.raises(ValueError, match="description="):
        Agent(ScriptedModel([]), [Agent(ScriptedModel([]))])


def sync_text(request):
    """Answer with a text."""
    return "ok"


def sync_pieces(request):
    """Answer with pieces of text."""
    yield "o"
    yield "k"


async def async_text(request):
    """Answer with a text, after a while."""
    await asyncio.sleep(1)
    return "ok"


async def async_pieces(request):
    """Answer with pieces of text, after a while."""
    yield "o"
    await asyncio.sleep(1)
    yield "k"


def whole_message(request):
    """Answer with a message."""
    return Message("assistant", "ok")


@pytest.mark.parametrize("model", [sync_text, sync_pieces, async_text, async_pieces, whole_message])
def test_functions_are_models(model):
    """A function, sync or async, that returns or yields text or a message is a model."""
    events = played(Agent(model)("?"))
    assert FinalAnswer("ok") in events


def test_a_run_blocks_anywhere():
    """agent.run answers in a plain thread and where a loop is running; await does in the loop."""
    agent = Agent(ScriptedModel(["ok"]))
    assert "ok" == agent.run("?")

    async def main():
        return agent.run("?"), await agent.start("?")

    assert ("ok", "ok") == asyncio.run(main())


def test_a_run_that_takes_too_long_is_cancelled():
    """agent.run(timeout=) waits so long and no longer, and the model's stream is let go of."""
    closed = threading.Event()

    async def silent(request):
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            closed.set()

    with pytest.raises(TimeoutError):
        Agent(silent).run("?", timeout=0.05)
    assert closed.wait(60)


@pytest.mark.parametrize(
    ("error", "text", "is_traced"),
    [(ModelUnavailable("gone"), ": ModelUnavailable: gone", False), (ValueError("no"), "", True)],
    ids=repr,
)
def test_an_unobserved_failure_is_logged(error, text, is_traced):
    """A cold run that fails without an on_error says so, and blames no subscriber."""

    def model(request):
        raise error

    logged = SimpleQueue()
    handler = QueueHandler(logged)
    logger = logging.getLogger("rxagent")
    logger.addHandler(handler)
    try:
        Agent(model)("?").subscribe(lambda event: None)
        record = logged.get(timeout=60)
    finally:
        logger.removeHandler(handler)
    first, *trace = record.getMessage().splitlines()
    assert f"a run failed, and its subscriber gave no on_error{text}" == first
    assert is_traced is bool(trace)


@pytest.mark.parametrize(
    ("how", "offered"),
    [({}, ["final_answer"]), ({"tools": [add]}, ["add", "final_answer"])],
    ids=str,
)
def test_final_answer_is_offered_beside_the_tools(how, offered):
    """Any agent can answer by a call, so that the answer need not be text."""
    asked = []

    def model(request):
        asked.append(request)
        return Message("assistant", "", [ToolCall("a", "final_answer", '{"answer": 5}')])

    assert 5 == Agent(model, **how).run("Go")
    assert offered == [spec.name for spec in asked[0].tools]


def untaught(request):
    """Answer a request without tools, and refuse any other, as a model does that takes none."""
    if request.tools:
        return rx.throw(ModelRejected("m does not support tools", status=400))
    return rx.of(TextDelta("Hello"))


def test_a_model_that_takes_no_tools_is_asked_without_them():
    """Where final_answer is the only tool, a model that refuses tools is asked once more."""
    run = Agent(untaught).start("Go")

    assert "Hello" == run.result(60)
    assert 1 == run.state.steps[-1].number
    assert [1] == [event.attempt for event in run if isinstance(event, StepRetried)]


@pytest.mark.parametrize("how", [{"tools": [add]}, {"answer": "tool"}], ids=str)
def test_tools_that_are_needed_are_not_left_out(how):
    """Tools of the agent's own, or an answer that must be a call: then the error passes."""
    with pytest.raises(ModelRejected, match="does not support"):
        Agent(untaught, **how).run("Go", timeout=60)


def test_another_refusal_passes():
    """A request that is refused for another reason is not sent again."""
    asked = []

    def model(request):
        asked.append(request)
        return rx.throw(ModelRejected("the key is wrong", status=401))

    with pytest.raises(ModelRejected, match="key is wrong"):
        Agent(model).run("Go", timeout=60)
    assert 1 == len(asked)


def test_each_property_of_what_is_offered_has_a_type():
    """Some servers answer 400 to a property without a type, be it ours or of any type."""
    asked = []

    @tool
    def save(value: Any, items: list) -> None:
        """Save."""

    Agent(lambda request: asked.append(request) or "done", tools=[save]).run("Go")

    for spec in asked[0].tools:
        for schema in spec.parameters["properties"].values():
            assert schema.keys() & {"type", "anyOf"}
            assert schema.get("type") != "array" or schema["items"]


def test_an_agent_may_have_threads_of_its_own():
    """Its plain model, tools and checks run on the pool that it was given, and no other."""
    threads = {}

    def model(request):
        threads["model"] = threading.current_thread().name
        said = [message for message in request.messages if message.role == "assistant"]
        call = ToolCall("c", "look", "{}")
        return "done" if said else Message("assistant", tool_calls=[call])

    @tool
    def look():
        """Look around."""
        threads["tool"] = threading.current_thread().name

    def check(value, state):
        threads["check"] = threading.current_thread().name

    pool = Workers(limit=2, name="mine", idle=0.01)
    agent = Agent(model, [look], final_answer_checks=[check], workers=pool)

    assert "done" == agent.run("x", timeout=60)
    assert {"model": "mine", "tool": "mine", "check": "mine"} == threads


def test_agents_that_nest_without_end_are_stopped_by_the_pool():
    """The call that finds no thread fails and says so; all that waited for it get their answer."""
    most, errors = [], []

    def model(request):
        results = [message.text for message in request.messages if message.role == "tool"]
        errors.extend(text for text in results if text.startswith("PoolExhausted"))
        return "up" if results else Message("assistant", tool_calls=[ToolCall("c", "deeper", "{}")])

    def deeper() -> str:
        """Go deeper."""
        most.append(sum(thread.name == "endless" for thread in threading.enumerate()))
        return agent.run("x")

    pool = Workers(limit=2, spare=6, name="endless", idle=0.01)
    agent = Agent(model, [deeper], workers=pool)

    assert "up" == agent.run("x", timeout=20)
    assert errors
    assert max(most) <= 2 + 6 + 2


@pytest.mark.parametrize("wrong", [16, Workers, "many"])
def test_threads_are_a_pool(wrong):
    """What is no pool of threads is refused when the agent is made, with what to write."""
    with pytest.raises(TypeError, match=r"workers must be a pool of .*, as Workers\(limit=32\)"):
        Agent(lambda request: "x", workers=wrong)
