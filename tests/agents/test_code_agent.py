"""An agent that writes code runs it in its executor, and reads what it did."""

import asyncio
import inspect
import json
import pickle
import threading
from queue import SimpleQueue

import pytest
from reactivex import operators as rxo

from rxagent import Agent, CodeAgent, Given, State, each, tool
from rxagent.agents.code_agent import _OfAgents
from rxagent.errors import NoAnswer
from rxagent.events import (
    FinalAnswer,
    Finish,
    MessageCompleted,
    RunCompleted,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.executors import Limits, ProcessExecutor, SandboxExecutor
from rxagent.messages import INTERPRETER
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel
from rxagent.wire import dumps, loads

WATCHDOG = 60


@tool
def add(a: int, b: int = 1) -> int:
    """Return the sum of two integers.

    Args:
        a: The first one.
        b: The second one.
    """
    return a + b


@tool
def fail(why: str) -> str:
    """Fail, for a reason."""
    raise ValueError(why)


def code(*lines):
    """Return a reply that holds a block of code."""
    return "Thought: next.\n<code>\n" + "\n".join(lines) + "\n</code>"


def final(value="done"):
    """Return a reply whose code gives the answer."""
    return code(f"final_answer({value!r})")


def recording(*turns):
    """Return a scripted model and the list of requests it was asked."""
    script, asked = ScriptedModel(turns), []

    def model(request):
        asked.append(request)
        return script(request)

    model.is_model = True
    return model, asked


def played(*turns, task="?", **options):
    """Return the events of a run in which the model says these turns."""
    return list(each(CodeAgent(ScriptedModel(turns), **options)(task)))


def of(kind, events):
    """Return the events of a type."""
    return [event for event in events if isinstance(event, kind)]


def outputs(events):
    """Return what code printed, and the events inside it."""
    return [event.value for event in of(ToolOutput, events)]


def results(events):
    """Return what the model reads of each call."""
    ends = of((ToolCompleted, ToolFailed), events)
    return [end.result if isinstance(end, ToolCompleted) else end.error for end in ends]


# A run


def test_a_run_of_two_steps():
    """Code runs as a call with its code; what it prints streams; the answer keeps its type."""
    events = played(
        "Thought: compute.\n<code>\nresult = 2**3.6452\nprint(result)\n</code>",
        "<code>\nfinal_answer(7.2904)\n</code>",
    )
    first, second = [json.loads(event.call.arguments)["code"] for event in of(ToolStarted, events)]

    assert [StepStarted(1), StepStarted(2)] == of(StepStarted, events)
    assert {INTERPRETER} == {event.call.name for event in of(ToolStarted, events)}
    assert "result = 2**3.6452\nprint(result)" == first
    assert "final_answer(7.2904)" == second
    assert [f"{2**3.6452}\n"] == outputs(events)
    assert FinalAnswer(7.2904) == events[-2]
    assert RunCompleted() == events[-1]


def test_a_state_is_continued():
    """A continued conversation needs no new first step, and its variables are there."""
    model, asked = recording(
        code("result = 6 * 7", "print(result)"), final(1), code("final_answer(result + 1)")
    )
    agent = CodeAgent(model)
    first = agent.start("Compute.")
    assert 1 == first.result(WATCHDOG)
    again = agent.start("One more.", state=first.state)

    assert 43 == again.result(WATCHDOG)
    assert 3 == len(again.state.steps)
    assert ["Compute.", "One more."] == [
        message.text
        for message in asked[-1].messages
        if message.role == "user" and not message.text.startswith("Result of")
    ]
    assert 1 == agent.run("Compute.", timeout=WATCHDOG)


def test_each_continuation_has_variables_of_its_own():
    """Two runs that continue one state do not meet."""
    grow = code("items.append(len(items))", "final_answer(items)")
    agent = CodeAgent(ScriptedModel([code("items = [0]", "final_answer(items)"), grow, grow]))
    run = agent.start("Begin.")
    assert [0] == run.result(WATCHDOG)
    two = [agent.start("Go on.", state=run.state) for _ in range(2)]

    assert [[0, 1], [0, 1]] == [one.result(WATCHDOG) for one in two]
    assert [0, 1, 2] == agent.run("Go on.", state=two[0].state, timeout=WATCHDOG)


def lost(state, **options):
    """Return the task that a run reads which continues a state."""
    run = CodeAgent(ScriptedModel([final(), final(2)]), **options).start("Go on.", state=state)
    run.result(WATCHDOG)
    return [message.text for message in run.state.messages() if message.role == "user"][-2]


def test_lost_variables_are_said_to_be_lost():
    """The first step reads it where the variables are not there: not stored, or elsewhere."""
    agent = CodeAgent(ScriptedModel([code("x = 1", "final_answer(x)")]))
    events = list(each(agent("Begin.")))
    kept = fold_all(State(), events)
    stored = fold_all(State(), [loads(dumps(event)) for event in events])
    pickled = pickle.loads(pickle.dumps(kept))

    assert kept == stored == pickled
    assert None is stored.session
    assert "Go on." == lost(kept)
    assert "Go on." == lost(pickled)
    assert "are lost" in lost(stored)
    assert "are lost" in lost(kept, executor="process")


@pytest.mark.parametrize(
    ("last", "seconds"),
    [
        (["rows = [str(i) for i in range(210_000)]", "final_answer(x)"], 20),
        (["try:", "    final_answer(x)", "finally:", "    while True: pass"], 0.5),
    ],
    ids=["too large to save", "killed after its answer"],
)
def test_a_continued_run_reads_no_older_variables(last, seconds):
    """If the last code's variables were not saved, the next run reads that, not older values."""
    executor = SandboxExecutor(Limits(seconds, memory=32 * 2**20))
    turns = code("x = 1"), code("x = 2", *last), code("final_answer(x)"), final("none")
    model, asked = recording(*turns)
    agent = CodeAgent(model, executor=executor)
    run = agent.start("First.")
    assert 2 == run.result(WATCHDOG)
    assert "none" == agent.start("Again.", state=run.state).result(WATCHDOG)
    assert "before this message are lost" in asked[2].messages[-1].text
    assert "name 'x' is not defined" in asked[3].messages[-1].text


def test_a_run_without_code_loses_nothing():
    """A conversation of another agent has no variables."""
    run = Agent(ScriptedModel(["Hello."])).start("Begin.")
    run.result(WATCHDOG)

    assert "Go on." == lost(run.state)


def test_variables_of_a_cancelled_run_are_kept():
    """A run that is cancelled while code runs leaves the variables of the code before."""
    agent = CodeAgent(
        ScriptedModel([code("x = 41"), code("print('on')", "while True:", "    pass"), final()])
    )
    on = threading.Event()
    run = agent.start("Begin.")
    run.subscribe(lambda event: event == ToolOutput("call_2_1_0", "on\n") and on.set())
    assert on.wait(WATCHDOG)
    run.cancel("enough")
    after = CodeAgent(ScriptedModel(["", "", code("final_answer(x + 1)")]))

    assert 42 == after.run("Go on.", state=run.state, timeout=WATCHDOG)


def test_a_run_can_be_continued_at_its_answer():
    """The variables are saved before the event that holds the answer."""
    saved = []
    agent = CodeAgent(ScriptedModel([code("x = 1", "final_answer(x)")]))
    for event in each(agent("Begin.").pipe(rxo.map(lambda event: (event, seen_in(event))))):
        if isinstance(event[0], ToolCompleted):
            saved.append(event[1])

    assert [True] == saved


def seen_in(event):
    """Return whether the variables of a call are saved when its end is emitted."""
    return getattr(event, "session", None) is not None and event.session.saved is not None


# What the model writes


def test_the_model_is_hung_up_on_at_the_closing_tag():
    """Nothing is read after the tag, and the message holds the whole block."""
    left = SimpleQueue()

    async def model(request):
        try:
            yield "<code>\nfinal_answer(1)\n</co"
            yield "de> and"
            while True:
                yield " on and on"
                await asyncio.sleep(0)
        finally:
            left.put(request.stop)

    events = list(each(CodeAgent(model)("?")))

    assert ("</code>",) == left.get(timeout=WATCHDOG)
    assert "<code>\nfinal_answer(1)\n</code>" == of(MessageCompleted, events)[0].message.text
    assert [Finish("stop")] == of(Finish, events)
    assert "<code>\nfinal_answer(1)\n</code>" == "".join(
        event.text for event in of(TextDelta, events)
    )


def test_a_stop_of_the_provider_is_completed():
    """A provider that stops at the tag leaves it out; the message holds it all the same."""
    turn = [TextDelta("<code>\nfinal_answer(1)\n"), Finish("stop"), Usage(5, 6)]
    events = played(turn)

    assert "<code>\nfinal_answer(1)\n</code>" == of(MessageCompleted, events)[0].message.text
    assert RunCompleted(Usage(5, 6)) == events[-1]


def test_markdown_may_be_the_form():
    """A fence that ends on its own line ends the reply; the prompt asks for it."""
    model, asked = recording("```python\nfinal_answer(1)\n```\nIt is 2.")
    events = list(each(CodeAgent(model, code_block_tags="markdown")("?")))

    assert FinalAnswer(1) == events[-2]
    assert ("\n```\n",) == asked[0].stop
    assert "between ```python and ```" in asked[0].messages[0].text
    assert "```python\nfinal_answer(1)\n```" == of(MessageCompleted, events)[0].message.text


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("Wrong blob!", "ParseError: The reply holds no code that can run."),
        ("", "ParseError: The reply was empty."),
        ("<code>\n</code>", "ParseError: The block of code was empty."),
    ],
)
def test_a_reply_without_code_fails_the_step(reply, error):
    """The model reads what was wrong and the right form; the run goes on."""
    events = played(reply, final())
    (failed,) = of(StepFailed, events)

    assert failed.error.startswith(error)
    assert "<code>\nprint(2 + 3)\n</code>" in failed.error
    assert FinalAnswer("done") == events[-2]


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("tags", [("<code>", "</code>"), "markdown"])
def test_a_mark_in_a_string_is_a_part_of_it(tags, eager):
    """Code that writes a page or an example runs as it was written."""
    page = "<pre><code>\nx = 1\n</code></pre>\n```python\ny = 2\n```\n"
    opening, closing = ("```python", "```") if tags == "markdown" else tags
    reply = f"{opening}\npage = '''{page}'''  # no </code>\nfinal_answer(page)\n{closing}\nSo."
    events = played(reply, code_block_tags=tags, eager=eager)

    assert FinalAnswer(page) == events[-2]


@pytest.mark.parametrize("word", ["length", "max_tokens", "MAX_TOKENS"])
@pytest.mark.parametrize("eager", [False, True])
def test_code_that_was_cut_off_does_not_run(eager, word):
    """The length limit leaves half a block, which could mean anything, whatever it is called."""
    cut = [TextDelta("<code>\nx = 1\nx = 2"), Finish(word)]
    events = played(cut, final(), eager=eager)
    (failed,) = of(StepFailed, events)

    assert ("its end" if eager else "it") in failed.error.partition(", so ")[2].split(" was")[0]
    assert (["x = 1\n"] if eager else []) == [
        json.loads(event.call.arguments)["code"] for event in of(ToolStarted, events)[:-1]
    ]


def test_an_object_may_be_the_form():
    """In structured mode the schema is requested, and no tags are."""
    reply = json.dumps({"thought": "Easy.", "code": "final_answer('</code>')"})
    model, asked = recording(reply)
    events = list(each(CodeAgent(model, structured=True)("?")))

    assert FinalAnswer("</code>") == events[-2]
    assert ["thought", "code"] == list(asked[0].output["properties"])
    assert () == asked[0].stop
    assert "<code>" not in asked[0].messages[0].text


def test_the_closing_step_writes_text():
    """After the step limit there is no code any more: the text is the answer."""
    model, asked = recording(code("x = 1"), "It is <code>x = 1</code>.")
    events = list(each(CodeAgent(model, max_steps=1)("?")))

    assert [StepLimitReached(1)] == of(StepLimitReached, events)
    assert FinalAnswer("It is <code>x = 1</code>.") == events[-2]
    assert "cannot run code any more" in asked[-1].messages[-1].text
    assert () == asked[-1].stop


def test_an_empty_closing_step_is_no_answer():
    """The run ends with NoAnswer."""
    with pytest.raises(NoAnswer):
        played(code("x = 1"), "", max_steps=1)


# What code does


def test_the_model_reads_prints_and_the_last_value():
    """Both are in the result, and in the next request."""
    model, asked = recording(code("print('a')", "print('b')", "6 * 7"), final())
    events = list(each(CodeAgent(model)("?")))
    result = "Printed:\na\nb\nThe value of the last line: 42"

    assert result == results(events)[0]
    assert f"Result of {INTERPRETER}:\n{result}" == asked[1].messages[-1].text
    assert 42 == of(ToolCompleted, events)[0].value


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        (["print('so far')", "1 / 0"], ["ZeroDivisionError", "line 2", "Printed:\nso far"]),
        (["x = 1", "y = = 2"], ["SyntaxError", "line 2"]),
        (["print(unknown)"], ["NameError", "unknown"]),
        (["class A(Exception):", "    pass"], ["inherit"]),
    ],
)
def test_an_error_of_code_is_survived(lines, texts):
    """The model reads the error, its line, and what was printed before; the run goes on."""
    events = played(code(*lines), final())
    (failed,) = of(ToolFailed, events)

    assert [] == [text for text in texts if text not in failed.error]
    assert failed.error.startswith("CodeError: ")
    assert FinalAnswer("done") == events[-2]


def test_prints_are_cut_at_their_limit():
    """What is beyond the limit is counted, neither kept nor emitted."""
    flood = code("for n in range(100):", "    print('0123456789')")
    events = played(flood, final(), max_print_outputs_length=50)

    assert len("".join(outputs(events))) < 400
    assert "The code printed 1,100 characters; only the first 50 are shown." in results(events)[0]


def test_tools_are_functions():
    """Each call is a call of its own inside the code's, with arguments by position or name."""
    events = played(code("x = add(2, b=3)", "y = add(x)", "print(y)"), final(), tools=[add])
    call_id = of(ToolStarted, events)[0].call.id

    assert [
        ("add", '{"a": 2, "b": 3}', f"{call_id}.1"),
        ("add", '{"a": 5}', f"{call_id}.2"),
    ] == [
        (event.call.name, event.call.arguments, event.call.id)
        for event in of(ToolStarted, outputs(events))
    ]
    assert [5, 6] == [event.value for event in of(ToolCompleted, outputs(events))]
    assert "6\n" == outputs(events)[-1]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("fail('no luck')", "ValueError: no luck"),
        ("add('x')", "Argument a has type 'string'"),
        ("add(1, 2, 3)", "add takes 2 arguments (a, b), but 3 were given"),
        ("add(1, a=2)", "add got 'a' twice"),
        ("add()", "Argument a is missing"),
    ],
)
def test_a_tool_that_fails_raises_in_the_code(call, text):
    """Code can catch the error; if it does not, the code has failed."""
    caught = played(
        code("try:", f"    {call}", "except Exception as error:", "    print(error)"),
        final(),
        tools=[add, fail],
    )
    raised = played(code(call), final(), tools=[add, fail])

    assert text in of(ToolFailed, outputs(caught))[0].error
    assert text.partition(": ")[2] in results(caught)[0]
    assert [] == of(ToolFailed, caught)
    assert text in of(ToolFailed, raised)[0].error


def test_asynchronous_tools_run_together():
    """Code awaits them, also several at once."""
    running = []
    both = asyncio.Event()

    @tool
    async def meet(name: str) -> str:
        """Wait for the other one."""
        running.append(name)
        if len(running) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), WATCHDOG)
        return name.upper()

    lines = ["import asyncio", "print(await asyncio.gather(meet('a'), meet('b')))"]
    events = played(code(*lines), final(), tools=[meet])

    assert "['A', 'B']\n" == outputs(events)[-1]


def test_an_inner_agent_is_a_function():
    """Its events nest in the call of the code, and its tokens count."""
    said = [TextDelta("It is four."), Usage(1000, 1000)]
    inner = Agent(ScriptedModel([said]), name="clerk", description="Knows things.")
    turns = [code("print(clerk('2 + 2?'))"), final()]
    run = CodeAgent(ScriptedModel(turns), managed_agents=[inner]).start("?")
    run.result(WATCHDOG)
    events = list(each(run))
    started = ToolOutput("call_1_1_0", ToolOutput("call_1_1_0.1", RunStarted("2 + 2?", "clerk")))

    assert started in events
    assert "It is four.\n" in outputs(events)
    assert RunCompleted(Usage(1000, 1000)) == events[-1]
    assert {"clerk": Usage(1000, 1000)} == run.state.usage_by_agent


def test_a_code_agent_is_a_tool():
    """One that writes code may work for one that calls tools, and for one that writes code."""
    inner = CodeAgent(ScriptedModel([final(4)]), name="clerk", description="Computes.")
    outer = CodeAgent(
        ScriptedModel([code("final_answer(clerk('2 + 2?') + 1)")]), managed_agents=[inner]
    )

    assert 5 == outer.run("?", timeout=WATCHDOG)


def test_additional_arguments_are_variables():
    """Code reads and changes them; the run's own arguments stay as they are."""
    given = {"numbers": [1, 2], "name": "Ada"}
    model, asked = recording(code("numbers.append(3)", "final_answer([name, numbers])"))
    answer = CodeAgent(model).run("?", additional_args=given, timeout=WATCHDOG)

    assert ["Ada", [1, 2, 3]] == answer
    assert {"numbers": [1, 2], "name": "Ada"} == given
    assert "These variables exist already" in asked[0].messages[-1].text
    assert "- numbers = [1, 2]" in asked[0].messages[-1].text


class Table:
    """Something that no sandbox can hold."""

    def __str__(self):
        return "a table of 3 rows"


def test_a_value_that_code_cannot_hold_is_for_tools():
    """A tool receives it; the model reads that its code does not."""
    handed = []

    @tool
    def look(table: Given[object]) -> str:
        """Look into the table."""
        handed.append(table)
        return "3"

    table = Table()
    model, asked = recording(code("final_answer(look())"))
    given = {"table": table, "n": 1}
    answer = CodeAgent(model, [look]).run("?", additional_args=given, timeout=WATCHDOG)

    assert "3" == answer
    assert [table] == handed
    assert "your code cannot see them:\n- table = a table of 3 rows" in asked[0].messages[-1].text
    both = CodeAgent(ScriptedModel([code("final_answer([table, look()])")]), [look])
    assert [5, "3"] == both.run("?", additional_args={"table": 5}, timeout=WATCHDOG)
    with pytest.raises(TypeError, match="table"):
        CodeAgent(model)("?", additional_args={"table": table})


@pytest.mark.parametrize("value", [7.2904, 7, "7", None, True, [1, [2]], {"a": 1}])
def test_the_answer_is_the_value(value):
    """It is of the type that the code gave."""
    answer = CodeAgent(ScriptedModel([final(value)])).run("?", timeout=WATCHDOG)

    assert (value, type(value)) == (answer, type(answer)) or [value] == [answer]


@pytest.mark.parametrize("executor", ["sandbox", "process"])
@pytest.mark.parametrize(
    "lines",
    [
        ["final_answer(2**20000)"],
        ["2**20000"],
        ["{2**20000: 1}"],
        ["x = 1", "for i in range(600): x = [x]", "final_answer(x)"],
        ["ragged()"],
        ["dumping()"],
    ],
    ids=lambda lines: lines[-1],
)
def test_no_value_ends_the_run(lines, executor):
    """A value that has no text, cannot be kept or cannot be converted is no end of the run."""

    class Ragged:
        def tolist(self):
            raise ValueError("ragged")

    class Dumping:
        model_dump = Ragged.tolist

    @tool
    def ragged() -> Ragged:
        """Return an object that cannot become a list."""
        return Ragged()

    @tool
    def dumping() -> Dumping:
        """Return an object that cannot become a dict."""
        return Dumping()

    model = ScriptedModel([code(*lines), final("END")])
    agent = CodeAgent(model, [ragged, dumping], executor=executor, final_answer_checks=[is_end])
    assert "END" == agent.start("?").result(WATCHDOG)


def is_end(answer, _):
    """Accept only the last answer."""
    return answer == "END"


@pytest.mark.parametrize("executor", ["sandbox", "process"])
def test_a_variable_without_a_text_is_described(executor):
    """A number of too many digits is a variable; the model reads that it has no text."""
    model, asked = recording(final("done"))
    agent = CodeAgent(model, executor=executor)
    run = agent.start("?", additional_args={"big": 10**5000})
    assert "done" == run.result(WATCHDOG)
    assert "- big = (a int, which has no text: ValueError: Exceeds" in asked[0].messages[-1].text


def test_a_check_sends_the_model_back():
    """An answer that does not pass is a failed step; the next answer may pass."""

    def is_even(value, state):
        return value % 2 == 0

    events = played(final(1), final(2), final_answer_checks=[is_even])

    assert FinalAnswer(2) == events[-2]
    assert ["is_even" in event.error for event in of(StepFailed, events)] == [True]
    assert [(1, 2)] == [tuple(event.value for event in of(ToolCompleted, events))]


def test_code_of_a_dead_process_is_survived():
    """A limit ends the code; the next code has a working executor."""
    executor = SandboxExecutor(limits=Limits(seconds=0.2))
    events = played(code("while True:", "    pass"), final(), executor=executor)

    assert 1 == len(of(ToolFailed, events))
    assert FinalAnswer("done") == events[-2]


def test_a_run_can_be_left_at_each_event():
    """Whenever its subscriber leaves, the run ends without an error, and its session is closed."""
    turns = [code("x = add(1)", "print(x)"), "Wrong blob!", code("final_answer(add(x))")]
    for eager in (False, True):
        agent = CodeAgent(ScriptedModel(turns), [add], eager=eager)
        events = list(each(agent("?")))
        for count in range(len(events)):
            left = agent("?").pipe(rxo.take(count + 1))
            assert [type(event) for event in events[: count + 1]] == [
                type(event) for event in each(left)
            ]


def test_a_summary_keeps_the_code():
    """It leaves out what the model wrote around the code."""
    run = CodeAgent(ScriptedModel([code("print(1)"), final()])).start("?")
    run.result(WATCHDOG)
    read = [message.text for message in run.state.messages(summary=True)]

    assert read[1].startswith('Result of python_interpreter({"code": "print(1)"}):\n')
    assert "Printed:\n1" in read[1]
    assert not any("Thought" in text for text in read)


# Eager statements


def sources(events):
    """Return the code of each call."""
    return [json.loads(event.call.arguments)["code"] for event in of(ToolStarted, events)]


def test_statements_run_while_the_model_writes():
    """Each is a call of its own; the rest runs when the reply has ended."""
    seen = asyncio.Event()

    async def model(request):
        yield "<code>\nprint(1)\n"
        await asyncio.wait_for(seen.wait(), WATCHDOG)
        yield "x = 2\nfinal_answer(x)"

    events = []

    def see(event):
        events.append(event)
        if isinstance(event, ToolOutput):
            seen.set()

    run = CodeAgent(model, eager=True).start("?")
    run.subscribe(see)
    assert 2 == run.result(WATCHDOG)

    assert "print(1)\n" == sources(events)[0]
    assert "print(1)\nx = 2\nfinal_answer(x)" == "".join(sources(events))
    assert events.index(ToolOutput("call_1_1_0", "1\n")) < events.index(
        TextDelta("x = 2\nfinal_answer(x)")
    )
    assert of(MessageCompleted, events)[0] in events[: events.index(FinalAnswer(2))]


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    "lines",
    [
        ["print(1)", "if True:", "    print(2)", "else:", "    print(3)", "print(4)"],
        ["def f(x):", "    return x + 1", "", "", "print(f(1))", "f(2)"],
        ["text = '''", "print(1)", "'''", "print(text)", "# the end"],
        ["print(1)", "final_answer(2)", "print(3)"],
        ["x = 0", "while x < 3:", "    x = x + 1", "x"],
    ],
)
def test_eager_or_not_the_code_does_the_same(lines, eager):
    """The same is printed, and the same value is last."""
    events = played(code(*lines), final(2), eager=eager)
    whole = played(code(*lines), final(2))

    assert "".join(outputs(whole)) == "".join(outputs(events))
    assert of(FinalAnswer, whole) == of(FinalAnswer, events)
    assert of(StepStarted, whole) == of(StepStarted, events)
    assert of(ToolCompleted, whole)[0].value in [end.value for end in of(ToolCompleted, events)]


@pytest.mark.parametrize(
    "lines",
    [
        ["a = price('tea')", "print(1)", "final_answer(await a)"],
        ["import asyncio", "both = [price(x) for x in 'ab']", "x, y = await asyncio.gather(*both)"],
        ["def ask(x):", "    return price(x)", "a = ask('tea')", "print(2)", "print(await a)"],
        ["a = [f'{price(1)}']", "print(a and 1)"],
    ],
)
def test_eager_code_may_await_later(lines):
    """A call that one statement makes is awaited by a later one, as without eager."""

    async def price(item: str) -> str:
        """Return the price."""
        return f"{item}: 3"

    turns = code(*lines, "final_answer(7)"), final(2)
    early, whole = (played(*turns, tools=[tool(price)], eager=eager) for eager in (True, False))

    said, also = ([x for x in outputs(one) if isinstance(x, str)] for one in (early, whole))
    assert "".join(also) == "".join(said)
    assert of(FinalAnswer, whole) == of(FinalAnswer, early)
    failed, too = ([end.error for end in of(ToolFailed, one)] for one in (early, whole))
    assert too == failed


def test_an_error_ends_the_statements():
    """What the model writes after it does not run, and it names the line of the whole code."""
    failed = asyncio.Event()

    async def model(request):
        if len(request.messages) > 2:
            yield final()
            return
        yield "<code>\nprint(1)\n\nx = 1 / 0\n"
        await asyncio.wait_for(failed.wait(), WATCHDOG)
        yield "print(2)\n</code>"

    run = CodeAgent(model, eager=True).start("?")
    run.subscribe(lambda event: failed.set() if isinstance(event, ToolFailed) else None)
    assert "done" == run.result(WATCHDOG)
    events = list(each(run))

    assert "line 3" in of(ToolFailed, events)[0].error
    assert ["1\n"] == outputs(events)


def test_a_retried_turn_ends_its_statements():
    """What runs is killed and has failed; what waits never runs; the new turn runs whole."""
    seen = asyncio.Event()

    async def model(request):
        yield TextDelta("<code>\nwhile True:\n    pass\nprint(2)\n")
        await asyncio.wait_for(seen.wait(), WATCHDOG)
        yield StepRetried(2, "ModelUnavailable: It broke off.")
        yield TextDelta("<code>\nprint(3)\nfinal_answer(4)")

    run = CodeAgent(model, eager=True).start("?")
    run.subscribe(
        lambda event: (
            seen.set()
            if isinstance(event, ToolStarted) and "while" in event.call.arguments
            else None
        )
    )
    assert 4 == run.result(WATCHDOG)
    events = list(each(run))
    (failed,) = of(ToolFailed, events)

    assert "retracted" in failed.error
    assert "3\n" in outputs(events)
    assert "2\n" not in outputs(events)
    assert {"call_1_2_0"} <= {event.call.id for event in of(ToolStarted, events)}


# What an agent is


def test_it_takes_what_an_agent_takes():
    """Its signature shows the arguments of Agent that it passes on, and no others."""
    takes = set(inspect.signature(CodeAgent).parameters)
    of_agent = set(inspect.signature(Agent).parameters)

    assert of_agent - takes == {"answer"}
    assert {*_OfAgents.__annotations__} == of_agent - {"model", "tools", "answer", "eager"}
    assert isinstance(CodeAgent(ScriptedModel([])), Agent)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"answer": "tool"}, TypeError, "final_answer"),
        ({"executor_type": "docker"}, TypeError, "executor="),
        ({"executor": "docker"}, ValueError, "'sandbox' or 'process'"),
        ({"executor": 5}, TypeError, "SandboxExecutor"),
        ({"additional_authorized_imports": ["numpy"]}, ValueError, "numpy"),
        ({"executor": SandboxExecutor(), "max_print_outputs_length": 5}, ValueError, "Limits"),
        ({"eager": True, "structured": True}, ValueError, "Leave out"),
        ({"eager": ["add"]}, ValueError, "eager"),
        ({"code_block_tags": "html"}, ValueError, "markdown"),
        ({"tools": [tool(add, name="a-b")]}, ValueError, "identifier"),
        ({"tools": [tool(add, name="class")]}, ValueError, "identifier"),
        ({"tools": [tool(add, name=INTERPRETER)]}, ValueError, "the code"),
        ({"prompts": {"system": "Hi."}}, ValueError, "code_system"),
        ({"nonsense": 1}, TypeError, "nonsense"),
    ],
)
def test_what_cannot_work_is_refused_at_once(wrong, error, text):
    """A wrong argument raises when the agent is made, and says what to write."""
    with pytest.raises(error, match=text):
        CodeAgent(ScriptedModel([]), **wrong)


@pytest.mark.parametrize("name", ["a-b", "class", "add", "final_answer"])
def test_an_argument_that_is_no_variable_is_refused(name):
    """The names of additional arguments are names in code."""
    with pytest.raises(ValueError, match=name):
        CodeAgent(ScriptedModel([]), [add])("?", additional_args={name: 1})


def test_executors_are_named_or_given():
    """A name makes one with the modules and the output limit; another one is used as it is."""
    given = SandboxExecutor()
    modules = {"additional_authorized_imports": ["numpy"]}
    process = CodeAgent(ScriptedModel([]), executor="process", **modules).executor

    assert given is CodeAgent(ScriptedModel([]), executor=given).executor
    assert SandboxExecutor() == CodeAgent(ScriptedModel([])).executor
    assert ProcessExecutor(authorized_imports=["numpy"]) == process
    limited = CodeAgent(ScriptedModel([]), max_print_outputs_length=5).executor
    assert Limits(output=5) == limited.limits


def test_a_code_agent_can_be_pickled():
    """The copy has the same arguments."""
    agent = CodeAgent(
        ScriptedModel([final(1)]),
        code_block_tags="markdown",
        executor="process",
        instructions="Be brief.",
        eager=True,
    )
    copy = pickle.loads(pickle.dumps(agent))

    assert agent._arguments() == copy._arguments()
    assert f"CodeAgent({agent.model!r}, tools=[], name='agent')" == repr(agent) == repr(copy)
    assert agent.executor == copy.executor


def test_a_prompt_can_be_replaced():
    """The code agent's own prompts have their names and values."""
    model, asked = recording(final())
    prompts = {"code_system": "Write {{ language }} between {{ tags.opening }}, {{ name }}."}
    CodeAgent(model, prompts=prompts).run("?", timeout=WATCHDOG)

    assert asked[0].messages[0].text.endswith("between <code>, agent.")
