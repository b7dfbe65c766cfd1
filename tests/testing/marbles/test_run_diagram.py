"""A run that happened becomes a diagram, which holds as it stands."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, Message, ToolCall
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import RunFailed, RunStarted, Stamped, TextDelta, ToolOutput
from rxagent.testing import ScriptedModel
from rxagent.testing.marbles import parse, perform, report
from rxagent.testing.marbles.run_diagram import diagram_of
from rxagent.testing.marbles.run_file import Moment, NoRun, read_run
from rxagent.wire import dumps
from tests.strategies import prefixes, runs

from ...laws import examples


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


def fail(why: str) -> str:
    """Raise an error."""
    raise ValueError(why)


async def count(to: int):
    """Yield numbers as texts."""
    for number in range(to):
        await asyncio.sleep(0)
        yield str(number)


def called(*calls):
    """Return a turn that calls tools."""
    numbered = enumerate(calls, 1)
    return Message("assistant", tool_calls=[ToolCall(f"call_{n}", *call) for n, call in numbered])


def lines_of(agent, task="Do it."):
    """Return a run as lines of stamped events."""
    events = agent(task).pipe(ops.settle(), ops.stamp("a1"), rxo.to_list()).run()
    return "\n".join(map(dumps, events))


def holds(text):
    """Return the events of a diagram that is true, and its pipeline."""
    diagram = parse(text)
    assert "" == report(diagram, perform(diagram))
    return [note.value for note in diagram.out.notes], diagram.pipeline.snippet.source


@examples(25)
@given(runs() | prefixes(), st.lists(st.integers(0, 5_000_000), min_size=1))
def test_any_run_is_a_diagram_that_holds(run, gaps):
    """Whatever happened and whenever, the diagram is read, performed and true."""
    at, lines = 1_764_360_000.0, []
    for number, event in enumerate(run):
        at += gaps[number % len(gaps)] / 1_000_000
        lines.append(dumps(Stamped("a1", number, at, event)))
    if not lines:
        return
    events, _ = holds(diagram_of(read_run("\n".join(lines), "run.jsonl")))

    assert [*run] == events[: len(run)]
    assert len(run) <= len(events) <= len(run) + 1


@pytest.mark.parametrize(
    ("turns", "tools", "pipeline"),
    [
        (["Hi."], [], r"Agent(model_of(turn1))('Do it.')"),
        (
            [called(("add", '{"a": 2, "b": 3}')), "It is 5."],
            [add],
            """Agent(model_of(turn1, turn2), tools=[function_of("add", add1)])('Do it.')""",
        ),
        (
            [called(("fail", '{"why": "no"}')), "It failed."],
            [fail],
            """Agent(model_of(turn1, turn2), tools=[function_of("fail", fail1)])('Do it.')""",
        ),
        (
            [called(("count", '{"to": 3}')), called(("count", '{"to": 1}')), "Counted."],
            [count],
            "Agent(model_of(turn1, turn2, turn3), "
            """tools=[tool_of("count", attempts(count1, count2))])('Do it.')""",
        ),
        (
            [called(("final_answer", '{"answer": {"a": [1.5, null]}}'))],
            [],
            r"Agent(model_of(turn1))('Do it.')",
        ),
        (
            [ModelUnavailable("gone")],
            [],
            r"Agent(model_of(turn1))('Do it.').pipe(ops.settle())",
        ),
        (["", "Hi."], [], r"Agent(model_of(turn1, turn2))('Do it.')"),
    ],
)
def test_an_agent_is_run_again(turns, tools, pipeline):
    """The model and the tools are rows, so the test is one of the agent."""
    moments = read_run(lines_of(Agent(ScriptedModel(turns), tools=tools)), "run.jsonl")
    events, source = holds(diagram_of(moments))

    assert pipeline == source
    assert [moment.event for moment in moments] == events[:-1]


REPLAYED = {
    "a plan": (
        """
plan:   --'Look.'-u|
first:             --(x|)
rome:                  --'20'-|
second:                       -'It is 20.'|
> Agent(model_of(plan, first, second), tools=[tool_of("rome", rome)], planning_interval=5)("How?")
out:    |
x = ToolCallDelta(0, "c1", "rome", "{}")
u = Usage(12, 4)
""",
        'Agent(model_of(turn1, turn2, turn3), tools=[tool_of("rome", rome1)], '
        "planning_interval=2)('How?')",
    ),
    "two decisions": (
        """
from rxagent.agents.approval import Allow, Deny
first:  --(xy|)
asked:    -----a|
other:    --d|
rome:          --'20'-|
second:               -'It is 20.'|
> Agent(model_of(first, second), [tool_of("rome", rome), tool_of("bonn", rx.never())],
        approve=lambda call: asked if call.name == "rome" else other)("How?")
out:    |
x = ToolCallDelta(0, "c1", "rome", "{}")
y = ToolCallDelta(1, "c2", "bonn", "{}")
a = Allow()
d = Deny("no")
""",
        'Agent(model_of(turn1, turn2), tools=[tool_of("rome", rome1), '
        "tool_of(\"bonn\", rx.never())], approve=policy_of(asked1, asked2))('How?')",
    ),
    "a decision on some tools": (
        """
from rxagent.agents.approval import Edit, by_name
first:  --(xy|)
asked:    -----e|
rome:          --'20'-|
bonn:     -'10'-|
second:               -'It is 20.'|
> Agent(model_of(first, second), [tool_of("rome", rome), tool_of("bonn", bonn)],
        approve=by_name({"rome": lambda call: asked, "*": None}))("How?")
out:    |
x = ToolCallDelta(0, "c1", "rome", "{}")
y = ToolCallDelta(1, "c2", "bonn", "{}")
e = Edit('{"on": "Sunday"}')
""",
        'Agent(model_of(turn1, turn2), tools=[tool_of("bonn", bonn1), tool_of("rome", rome1)], '
        'approve=by_name({"rome": policy_of(asked1), "*": None}))(\'How?\')',
    ),
    "a message": (
        """
said~   -------------x
first:  --'Rome '------'has 20.'|
second:                         -'Bonn has 10.'|
> Agent(model_of(first, second))("How?", inbox=said)
out:    |
x = Message("user", "In Bonn, too.")
""",
        "Agent(model_of(turn1, turn2))('How?', inbox=said)",
    ),
    "a message that cuts": (
        """
said~   -------------x
first:  --'Rome '------'has 20.'|
second:               -'Bonn has 10.'|
> Agent(model_of(first, second))("How?", inbox=said, steer="switch")
out:    |
x = Message("user", "Bonn.")
""",
        "Agent(model_of(turn1, turn2))('How?', inbox=said, steer=\"switch\")",
    ),
    "code": (
        """
from rxagent.executors import CodeResult
first:  --a--f|
x:            --'2'---v|
then:                  --b---f|
y:                            --w|
> CodeAgent(model_of(first, then), executor=executor_of(x, y))("How many?")
out:    |
a = TextDelta("I look.\\n<code>\\nlook()\\n</code>")
b = TextDelta("<code>\\nfinal_answer(2)\\n</code>")
f = Finish("stop")
v = CodeResult("two")
w = CodeResult(2, True)
""",
        "CodeAgent(model_of(turn1, turn2), executor=executor_of(code1, code2))('How many?')",
    ),
}


@pytest.mark.parametrize("what", REPLAYED)
def test_what_an_agent_was_made_of_is_in_its_events(what):
    """Plans, decisions, messages and code are rows of their own, and the agent is run again."""
    text, pipeline = REPLAYED[what]
    notes = perform(parse(text)).notes
    moments = [Moment(note.at, note.value) for note in notes if note.value is not None]
    events, source = holds(diagram_of(moments))

    assert pipeline == source
    assert [moment.event for moment in moments] == events[:-1]


def test_the_limit_of_steps_is_that_of_the_run():
    """A run that reached its limit reaches it again."""
    call = called(("add", '{"a": 2, "b": 3}'))
    agent = Agent(ScriptedModel([call, "It is 5."]), tools=[add], max_steps=1, name="Ann")
    _, source = holds(diagram_of(read_run(lines_of(agent), "run.jsonl")))

    assert source.endswith("""function_of("add", add1)], max_steps=1, name='Ann')('Do it.')""")


def test_what_cannot_be_run_again_is_a_row_of_its_events():
    """An unknown tool was asked for among tools that no event names, so they cannot be made."""
    agent = Agent(ScriptedModel([called(("ad", "{}")), "Sorry."]), tools=[add])
    events, source = holds(diagram_of(read_run(lines_of(agent), "run.jsonl")))

    assert "run" == source
    assert any(getattr(event, "error", "").startswith("UnknownTool") for event in events)


@examples(25)
@given(st.lists(st.text(max_size=5), min_size=1, max_size=20))
def test_any_texts_are_written(texts):
    """Texts that quotes cannot hold have a letter."""
    run = [ToolOutput("c", value) for value in texts] + [TextDelta(text) for text in texts]
    events, _ = holds(diagram_of([Moment(0.0, event) for event in run]))

    assert run == events


def test_a_hundred_values_have_letters():
    """When the alphabet is used up, other letters follow."""
    run = [Moment(number / 1000, ToolOutput("c", number)) for number in range(100)]
    events, _ = holds(diagram_of(run))

    assert [moment.event for moment in run] == events


def test_values_that_json_cannot_express_are_imported():
    """An opaque value is made as the wire has made it."""
    line = dumps(ToolOutput("c", {1, 2}))
    text = diagram_of(read_run(line, "run.jsonl"))
    holds(text)

    assert "from rxagent.wire import Opaque" in text


def test_events_without_times_come_one_after_the_other():
    """A file of `rxagent run --json` has no times, and is a diagram all the same."""
    run = [RunStarted("Hi.", "agent"), TextDelta("a"), RunFailed("ValueError", "ValueError: no")]
    moments = read_run("\n".join(map(dumps, run)), "run.jsonl")

    assert [0.0, 0.001, 0.002] == [moment.at for moment in moments]
    holds(diagram_of(moments))


@pytest.mark.parametrize(
    ("text", "run", "what"),
    [
        ("", None, "run.jsonl holds no event"),
        ("\n{", None, "run.jsonl:2: The line is not JSON"),
        ('{"v":4,"type":"Message","role":"user"}', None, "run.jsonl:1: This is a Message"),
        (
            '{"v":4,"type":"Request","request":{}}',
            None,
            "recording of a model, which ops.rec",
        ),
        (
            "\n".join(dumps(Stamped(name, 0, 1.0, TextDelta("a"))) for name in "abb"),
            None,
            "holds 2 runs: a, b. Choose one by `--run b`",
        ),
        (dumps(Stamped("a", 0, 1.0, TextDelta("a"))), "b", "holds no run 'b'; it holds a"),
    ],
)
def test_what_is_no_run_is_refused(text, run, what):
    """The error names the line, or the runs to choose from."""
    with pytest.raises(NoRun, match=what):
        read_run(text, "run.jsonl", run)


def test_one_of_several_runs_is_chosen():
    """Only its events are read, with times since its own beginning."""
    lines = [dumps(Stamped(name, n, 1.0 + n, TextDelta(name))) for n, name in enumerate("abab")]

    assert [Moment(0.0, TextDelta("b")), Moment(2.0, TextDelta("b"))] == read_run(
        "\n".join(lines), "run.jsonl", "b"
    )
