"""The loop keeps the grammar of runs, and ends every turn as it should."""

import asyncio
import gc
import json
import re
import sys
import threading
from functools import partial

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.observer import AutoDetachObserver

from rxagent import Agent, Message, State, ToolCall, tool
from rxagent.errors import ModelRefused, ModelUnavailable, NoAnswer
from rxagent.events import (
    FinalAnswer,
    Finish,
    MessageCompleted,
    RefusalDelta,
    RunCompleted,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
    Usage,
)
from rxagent.testing import ScriptedModel, VirtualScheduler

WATCHDOG = 60


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


@tool
def fail(why: str) -> str:
    """Fail, for a reason."""
    raise ValueError(why)


def calls(*made, text=""):
    """Return a message that makes calls of (name, arguments)."""
    return Message(
        "assistant",
        text,
        [
            ToolCall(f"c{place}", name, json.dumps(arguments))
            for place, (name, arguments) in enumerate(made)
        ],
    )


def final(value):
    """Return a message that gives the answer by its tool."""
    return calls(("final_answer", {"answer": value}))


def played(run):
    """Return the events of a run in virtual time, and the error that ended it."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        run.subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return events, (errors or [None])[0]


def of(kind, events):
    """Return the events of a type."""
    return [event for event in events if isinstance(event, kind)]


def test_a_text_is_the_answer():
    """A turn that calls nothing is the answer, and the run has the events of the grammar."""
    events, error = played(Agent(ScriptedModel(["Hello"]))("Hi"))
    assert error is None
    assert [
        RunStarted("Hi", "agent"),
        StepStarted(1),
        TextDelta("Hello"),
        Finish("stop"),
        MessageCompleted(Message("assistant", "Hello")),
        FinalAnswer("Hello"),
        RunCompleted(None),
    ] == events


def test_calls_are_run_and_read():
    """A call is run between its message and the next step, which reads the result."""
    asked = []

    def model(request):
        asked.append(request)
        return ScriptedModel([calls(("add", {"a": 2, "b": 3})), "5"])(request)

    model.is_model = True
    events, error = played(Agent(model, [add])("2 + 3?"))
    assert error is None
    call = ToolCall("c0", "add", '{"a": 2, "b": 3}')
    assert [
        MessageCompleted(Message("assistant", tool_calls=[call])),
        ToolStarted(call),
        ToolCompleted("c0", "5", 5),
        StepStarted(2),
    ] == events[5:9]
    assert ["system", "user", "assistant", "tool"] == [m.role for m in asked[1].messages]
    assert "5" == asked[1].messages[-1].text
    assert ["add", "final_answer"] == [spec.name for spec in asked[0].tools]


def test_a_failing_call_leaves_its_siblings_unharmed():
    """Each call has its own outcome, and the model reads them in the order of the calls."""
    agent = Agent(
        ScriptedModel([calls(("fail", {"why": "no"}), ("add", {"a": 1, "b": 1})), "done"]),
        [add, fail],
    )
    run = agent("go")
    states = []
    events, error = played(run.pipe(rxo.do_action(states.append)))
    assert error is None
    assert ["c0"] == [event.call_id for event in of(ToolFailed, events)]
    assert ["c1"] == [event.call_id for event in of(ToolCompleted, events)]


@pytest.mark.parametrize(("value"), [5, "hi", None, [1, {"a": 2}]])
def test_final_answer_gives_a_value(value):
    """The argument of final_answer is the answer as it is, and no call is emitted."""
    events, error = played(Agent(ScriptedModel([final(value)]))("?"))
    assert error is None
    assert [FinalAnswer(value)] == of(FinalAnswer, events)
    assert [] == of(ToolStarted, events)


@pytest.mark.parametrize("value", [5, "hi", "42", [1], False])
def test_final_answer_takes_a_bare_value(value):
    """Arguments that are no object are the answer, as for any tool of one parameter."""
    events, error = played(Agent(ScriptedModel([calls(("final_answer", value))]))("?"))
    assert error is None
    assert [FinalAnswer(value)] == of(FinalAnswer, events)


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_call_in_the_text_is_a_call(pieces):
    """A text that spells out final_answer answers with its value, in one piece or in two."""
    text = 'Action: {"name": "final_answer", "arguments": {"answer": 5}}'
    cut = len(text) if pieces == 1 else 30
    turn = [TextDelta(text[:cut]), TextDelta(text[cut:]), Finish("stop")]
    events, error = played(Agent(ScriptedModel([turn]))("?"))
    assert error is None
    assert [FinalAnswer(5)] == of(FinalAnswer, events)


def test_a_call_in_the_text_is_run_and_its_result_read_as_text():
    """The result of a call written as text is a user message, since no call was native."""
    text = '{"name": "add", "arguments": {"a": 2, "b": 2}}'
    seen = []

    def model(request):
        seen.append(request.messages)
        return ScriptedModel([text, "4"])(request)

    model.is_model = True
    events, error = played(Agent(model, [add])("?"))
    assert error is None
    assert [ToolCompleted("call_1_1_0", "4", 4)] == of(ToolCompleted, events)
    assert Message("user", "Result of add:\n4") == seen[1][-1]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ('{"name": "add", "arguments": {}} {"name": "add", "arguments": {}}', "one JSON object"),
        ('{"name": "add", "arguments": {"a": 1', "not valid JSON"),
        ([Finish("stop")], "empty"),
        (calls(("final_answer", {"answer": 1}), ("add", {"a": 1, "b": 2})), "together"),
        (calls(("final_answer", {})), "hold no answer"),
        (calls(("final_answer", '{"answer":' * 100_000)), "hold no answer"),
        (calls(("final_answer", {"value": 42})), "hold no answer"),
        (calls(("final_answer", None)), "hold no answer"),
        (calls(("final_answer", " ")), "hold no answer"),
        (calls(("final_answer", '{"answer": "Par')), "hold no answer"),
        ([ToolCallDelta(0, "a", "final_answer", "42"), Finish("length")], "cut off"),
    ],
)
def test_an_unusable_turn_fails_its_step_only(turn, reason):
    """What cannot be used is a StepFailed that the model reads; nothing is run, the run goes on."""
    seen = []

    def model(request):
        seen.append(request.messages)
        return ScriptedModel([turn, "fixed"])(request)

    model.is_model = True
    events, error = played(Agent(model, [add])("?"))
    assert error is None
    assert [] == of(ToolStarted, events)
    failed = of(StepFailed, events)
    assert 1 == len(failed)
    assert reason in failed[0].error
    assert failed[0].error in seen[1][-1].text
    assert [FinalAnswer("fixed")] == of(FinalAnswer, events)


def test_answer_tool_insists():
    """With answer="tool" a text alone is no answer."""
    agent = Agent(ScriptedModel(["5", final(5)]), answer="tool")
    events, error = played(agent("?"))
    assert error is None
    assert 1 == len(of(StepFailed, events))
    assert [FinalAnswer(5)] == of(FinalAnswer, events)


@pytest.mark.parametrize(
    "turn",
    [
        [RefusalDelta("I "), RefusalDelta("won't"), Finish("stop")],
        [TextDelta("Well"), Finish("content_filter")],
    ],
)
def test_a_refusal_ends_the_run(turn):
    """A refusal travels by on_error, after all that was said."""
    events, error = played(Agent(ScriptedModel([turn]))("?"))
    assert isinstance(error, ModelRefused)
    assert turn == events[2:]


def test_a_cut_text_is_the_answer_and_a_cut_call_is_not_run():
    """At the length limit a text still counts, and a call whose arguments are cut has failed."""
    events, error = played(Agent(ScriptedModel([[TextDelta("So"), Finish("length")]]))("?"))
    assert (None, [FinalAnswer("So")]) == (error, of(FinalAnswer, events))
    cut = [ToolCallDelta(0, "c", "add", '{"a": 1'), Finish("length")]
    events, error = played(Agent(ScriptedModel([cut, "ok"]), [add])("?"))
    assert error is None
    assert [] == of(ToolStarted, events)
    assert "length limit cut off this call" in of(ToolFailed, events)[0].error


def test_the_closing_step_brings_the_answer():
    """After max_steps the limit is emitted once, and one closing step without tools follows."""
    asked = []

    def model(request):
        asked.append(request)
        return ScriptedModel([calls(("add", {"a": 1, "b": 1}))] * 2 + ["2"])(request)

    model.is_model = True
    events, error = played(Agent(model, [add], max_steps=2)("?"))
    assert error is None
    assert [1, 2, 3] == [event.number for event in of(StepStarted, events)]
    assert [StepLimitReached(2)] == of(StepLimitReached, events)
    assert () == asked[-1].tools
    assert [FinalAnswer("2")] == of(FinalAnswer, events)


def test_no_answer_carries_the_state():
    """When the closing step brings no answer either, NoAnswer holds the state."""
    turns = [calls(("add", {"a": 1, "b": 1}))] * 2
    events, error = played(Agent(ScriptedModel(turns), [add], max_steps=1)("?"))
    assert isinstance(error, NoAnswer)
    assert 2 == len(error.state.steps)
    assert [] == of(RunCompleted, events)


def test_no_steps_means_no_model_call():
    """max_steps=0 reaches the limit at once, and asks no model."""
    events, error = played(Agent(ScriptedModel([]), max_steps=0)("?"))
    assert [RunStarted("?", "agent"), StepLimitReached(0)] == events
    assert isinstance(error, NoAnswer)


def test_a_misformatted_call_does_not_end_the_run():
    """With max_steps=2, two calls with wrong arguments end in the closing step's answer."""
    wrong = calls(("add", {"a": "x"}))
    events, error = played(Agent(ScriptedModel([wrong, wrong, "sorry"]), [add], max_steps=2)("?"))
    assert error is None
    assert 2 == len(of(ToolFailed, events))
    assert [FinalAnswer("sorry")] == of(FinalAnswer, events)


def test_a_failing_model_ends_the_run_and_keeps_the_text():
    """A model's error travels by on_error as it is, and run.state keeps what was said."""
    broken = rx.concat(rx.of(TextDelta("Hel")), rx.throw(ModelUnavailable("gone")))
    agent = Agent(ScriptedModel([broken]))
    events, error = played(agent("?"))
    assert isinstance(error, ModelUnavailable)
    assert TextDelta("Hel") == events[-1]
    run = agent.start("?")
    with pytest.raises(ModelUnavailable):
        run.result(timeout=60)
    assert "Hel" == run.state.text


def test_checks_decide_what_is_final():
    """FinalAnswer comes after every check has passed; one that fails sends the model back."""

    def long_enough(value, state):
        if len(value) < 3:
            raise ValueError("too short")

    async def polite(value, state):
        return value.endswith("please")

    agent = Agent(
        ScriptedModel(["no", "not so", "yes please"]), final_answer_checks=[long_enough, polite]
    )
    events, error = played(agent("?"))
    assert error is None
    failed = [event.error for event in of(StepFailed, events)]
    assert "long_enough" in failed[0]
    assert "too short" in failed[0]
    assert "polite" in failed[1]
    assert [FinalAnswer("yes please")] == of(FinalAnswer, events)


def test_usage_of_all_turns_is_summed():
    """RunCompleted.usage is the sum of all Usage; retracted attempts count."""
    turns = [
        [Usage(1, 1), StepRetried(1, "x"), TextDelta(""), *[Usage(10, 2)]],
        [TextDelta("ok"), Usage(100, 3)],
    ]
    events, error = played(Agent(ScriptedModel(turns))("?"))
    assert error is None
    assert RunCompleted(Usage(111, 6)) == events[-1]


def test_continuing_from_a_state_sends_the_conversation():
    """agent(task, state=previous) continues where an earlier run has ended."""
    seen = []

    def model(request):
        seen.append(request.messages)
        return rx.of(TextDelta("ok"))

    model.is_model = True
    before = State.from_messages([Message("system", "Be brief."), Message("user", "I am Ann.")])
    agent = Agent(model, instructions="Be kind.")
    first = agent.start("Hi", state=before)
    assert "ok" == first.result(timeout=60)
    agent.start("Who am I?", state=first.state).result(timeout=60)
    assert ["system", "user", "user", "assistant", "user"] == [m.role for m in seen[1]]
    assert "Be kind." in seen[1][0].text
    assert "Be brief." in seen[1][0].text


def test_one_agent_serves_runs_side_by_side():
    """An agent holds nothing of its runs, so interleaved runs do not mix."""

    def model(request):
        task = next(m.text for m in request.messages if m.role == "user")
        return rx.timer(1.0).pipe(rxo.map(lambda _: TextDelta(task)))

    model.is_model = True
    agent = Agent(model)
    events = []
    with VirtualScheduler() as scheduler:
        for task in ("a", "b"):
            agent(task).subscribe(events.append, scheduler=scheduler)
        scheduler.run()
    assert [FinalAnswer("a"), FinalAnswer("b")] == of(FinalAnswer, events)


def test_an_eager_call_starts_while_the_model_speaks():
    """Eager: a call starts when the next one begins, long before the message is complete."""
    fragments = [
        (0.1, ToolCallDelta(0, "c0", "add", '{"a": 1, "b": 1}')),
        (0.2, ToolCallDelta(1, "c1", "add", '{"a": 2, "b": 2}')),
        (0.9, Finish("tool_calls")),
    ]
    spoken = rx.merge(*(rx.timer(at).pipe(rxo.map(lambda _, d=d: d)) for at, d in fragments))
    times = {}
    with VirtualScheduler() as scheduler:
        agent = Agent(ScriptedModel([spoken, "ok"]), [add], eager=True)
        agent("?").subscribe(
            lambda event: times.setdefault(type(event), scheduler.clock), scheduler=scheduler
        )
        scheduler.run()
    assert 0.2 == times[ToolStarted]
    assert 0.9 == times[MessageCompleted]


def test_a_retracted_turn_retracts_its_eager_calls():
    """StepRetried ends started calls in ToolFailed 'retracted', and their results are not read."""
    asked = []

    @tool
    async def slow(n: int) -> int:
        """Return a number after a while."""
        import asyncio

        await asyncio.sleep(5)
        return n

    turn = [
        ToolCallDelta(0, "c0", "slow", '{"n": 1}'),
        ToolCallDelta(1, "c1", "slow", '{"n": 2}'),
        StepRetried(1, "cut"),
        ToolCallDelta(0, "d0", "slow", '{"n": 3}'),
        Finish("tool_calls"),
    ]
    spoken = rx.merge(
        *(rx.timer(0.1 * n).pipe(rxo.map(lambda _, d=d: d)) for n, d in enumerate(turn, 1))
    )

    def model(request):
        asked.append(request.messages)
        return ScriptedModel([spoken, "ok"])(request)

    model.is_model = True
    events, error = played(Agent(model, [slow], eager=True)("?"))
    assert error is None
    assert ["c0"] == [event.call_id for event in of(ToolFailed, events)]
    assert "retracted" in of(ToolFailed, events)[0].error
    assert [ToolCompleted("d0", "3", 3)] == of(ToolCompleted, events)
    assert ["d0"] == [m.tool_call_id for m in asked[1] if m.role == "tool"]
    assert ["user"] == [m.role for m in asked[1] if m.role == "user"]


def test_an_eager_call_that_is_cut_is_not_started():
    """The length limit cuts off the latest call, whose error says so; the earlier one starts."""
    cut = [
        ToolCallDelta(0, "c0", "add", '{"a": 1, "b": 1}'),
        ToolCallDelta(1, "c1", "add", '{"a": 1'),
        Finish("length"),
    ]
    events, error = played(Agent(ScriptedModel([cut, "ok"]), [add], eager=True)("?"))
    assert error is None
    assert ["c0"] == [event.call.id for event in of(ToolStarted, events)]
    assert "length limit cut off this call" in of(ToolFailed, events)[0].error


def test_what_an_eager_call_costs_does_not_depend_on_the_others():
    """While calls run, the model's further deltas are not passed to each of them."""

    def functions_called(number):
        turn = [ToolCallDelta(n, f"c{n}", "add", '{"a": 1, "b": 1}') for n in range(number)]
        agent = Agent(ScriptedModel([turn, "ok"]), [add], eager=True)
        count = 0

        def note(frame, event, argument):
            nonlocal count
            count += event == "call"

        with VirtualScheduler() as scheduler:
            subscription = agent("?").subscribe(scheduler=scheduler)
            sys.setprofile(note)
            scheduler.advance_to(0.0)
            sys.setprofile(None)
            subscription.dispose()
        return count

    assert 2.5 * functions_called(200) > functions_called(400)


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        ("", "The reply was empty. Call a tool"),
        ([TextDelta("Let me see."), Finish("tool_calls")], "announced tool calls, but none"),
        ([Finish("length")], r"empty: the length limit \(max_tokens\), or a pause, ended it"),
        ("No", "Check polite failed: it returned False"),
        (calls(("add", {"a": 1, "b": 1})), "No tool can be called any more"),
    ],
)
def test_no_answer_says_why_and_what_to_do(turn, why):
    """NoAnswer names the limit, the ways out, and what was wrong with the last step."""

    def polite(value, state):
        return value != "No"

    model = ScriptedModel([turn] * 3)
    _, error = played(Agent(model, [add], max_steps=2, final_answer_checks=[polite])("?"))

    assert re.fullmatch(
        "The run found no answer within max_steps=2. Raise max_steps, simplify the task, or choose "
        f"another model. The last step failed: ParseError: .*{why}.*",
        str(error),
    )


@pytest.mark.parametrize("eager", [False, True], ids=["late", "eager"])
@pytest.mark.parametrize("tools", [[], [add]], ids=["toolless", "tools"])
def test_a_running_agent_holds_no_observers_of_reactivex(tools, eager):
    """All that a delta passes through is ours: an AutoDetachObserver costs a lock and a call."""
    speaking, go = threading.Event(), threading.Event()

    async def model(request):
        yield TextDelta("a")
        speaking.set()
        await asyncio.to_thread(go.wait, WATCHDOG)

    before = {id(each) for each in gc.get_objects() if isinstance(each, AutoDetachObserver)}
    with Agent(model, tools=tools, eager=eager).start("Go", attach=[print]) as run:
        assert speaking.wait(WATCHDOG)
        held = [each for each in gc.get_objects() if isinstance(each, AutoDetachObserver)]
        go.set()
        assert "a" == run.result(WATCHDOG)

    assert [] == [each for each in held if id(each) not in before]


def test_disposing_at_every_event_ends_everything():
    """After dispose at any event position: no event more, no error, nothing left open."""
    closed = []

    async def model(request):
        try:
            for delta in ScriptedModelDeltas(request):
                yield delta
        finally:
            closed.append(request)

    def ScriptedModelDeltas(request):
        tools = [m for m in request.messages if m.role == "tool"]
        if tools:
            return [TextDelta("4"), Finish("stop")]
        return [ToolCallDelta(0, "c0", "add", '{"a": 2, "b": 2}'), Finish("tool_calls")]

    agent = Agent(model, [add])
    whole, _ = played(agent("?"))
    for position in range(1, len(whole)):
        closed.clear()
        seen = []
        with VirtualScheduler() as scheduler:
            subscription = rx.disposable.SerialDisposable()

            def on_next(event, seen=seen, position=position, subscription=subscription):
                seen.append(event)
                if len(seen) == position:
                    subscription.dispose()

            subscription.disposable = agent("?").subscribe(on_next, scheduler=scheduler)
            scheduler.run()
        assert whole[:position] == seen
        started = len(of(StepStarted, seen))
        assert len(closed) <= started


def test_a_check_is_named_until_the_limit():
    """An answer that never passes ends at the limit, and the model reads each time why."""

    def seven(value, state):
        """Accept only one number."""
        return value == 7.2904

    def raising(value, state):
        raise ValueError("Too small.")

    model = ScriptedModel([final(7), final(7.3), final(7.2904)])
    refused, error = played(Agent(model, final_answer_checks=[seven], max_steps=1)("?"))
    passed, _ = played(Agent(model, final_answer_checks=[seven], max_steps=3)("?"))
    raised, _ = played(Agent(model, final_answer_checks=[raising], max_steps=1)("?"))

    assert isinstance(error, NoAnswer)
    assert [StepLimitReached(1)] == of(StepLimitReached, refused)
    assert ["ParseError: Check seven failed: it returned False."] * 2 == [
        event.error for event in of(StepFailed, refused)
    ]
    texts = [message.text for message in error.state.messages() if message.role == "user"]
    assert ["?", *["ParseError: Check seven failed: it returned False."] * 2] == [
        text.partition("\n")[0] for text in texts
    ]
    assert [FinalAnswer(7.2904)] == of(FinalAnswer, passed)
    assert 2 == len(of(StepFailed, passed))
    assert "ParseError: Check raising failed: ValueError: Too small." == (
        of(StepFailed, raised)[0].error
    )


def test_a_partial_check_has_the_name_of_its_function():
    """The name says which check failed, also of an object and of a partial."""

    def above(least, value, state):
        return value > least

    events, _ = played(
        Agent(
            ScriptedModel([final(7), final(7)]),
            final_answer_checks=[partial(above, 8)],
            max_steps=1,
        )("?")
    )

    assert "ParseError: Check above failed: it returned False." == of(StepFailed, events)[0].error
