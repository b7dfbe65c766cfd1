"""Steering: what is said to a run is read by its model, or refused to its sender."""

import asyncio
import json
import threading
from itertools import pairwise

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.disposable import SerialDisposable
from reactivex.subject import Subject

from rxagent import Agent, CodeAgent, Image, Message, State, ToolCall, launch, tool
from rxagent import operators as ops
from rxagent.agents.steering import CANCELLED
from rxagent.agents.team import vote
from rxagent.errors import MessageRefused, RunCancelled
from rxagent.events import (
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    PlanStarted,
    RunCompleted,
    RunStarted,
    StepLimitReached,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolStarted,
    Usage,
)
from rxagent.models import OpenAIModel
from rxagent.models.anthropic_messages.request import message_body
from rxagent.models.openai_chat.request import chat_messages
from rxagent.models.openai_responses.conversation import input_items
from rxagent.state import fold_all
from rxagent.steps import READ_ON
from rxagent.streams import daemon_loop
from rxagent.streams.fairness import FairShare
from rxagent.testing import ScriptedServer, VirtualScheduler
from rxagent.testing.frames import role_chunk, text_chunk

from ..test_state import assert_well_formed
from .grammar import assert_run
from .reading import ReadingModel, call, deltas

WATCHDOG = 60
SAID = Message("user", "In Bonn, too.")


@tool
async def look(place: str) -> str:
    """Look how warm it is."""
    await asyncio.sleep(0.3)
    return f"20 in {place}"


@tool
def note(text: str) -> str:
    """Note something."""
    return f"noted {text}"


def paced(turn):
    """Return a turn whose deltas come one each 100 ms."""
    pieces = deltas(turn)
    return rx.interval(0.1).pipe(rxo.take(len(pieces)), rxo.map(pieces.__getitem__))


TWO_CALLS = [
    TextDelta("I look. "),
    ToolCallDelta(0, "c1", "look", '{"place":'),
    ToolCallDelta(0, arguments=' "Rome"}'),
    ToolCallDelta(1, "c2", "note", '{"te'),
    ToolCallDelta(1, arguments='xt": "a"}'),
    Finish("tool_calls"),
]
ANSWER = [TextDelta("It is "), TextDelta("20."), Finish("stop")]
CODE = [
    TextDelta("I look.\n<code>\nwarm = "),
    TextDelta("look('Rome')\nprint(note('a'))\n"),
    TextDelta("</code>"),
]
CODE_ANSWER = [TextDelta("<code>\nfinal_"), TextDelta("answer(20)\n</code>")]


async def is_warm(value, state):
    """Check an answer, slowly."""
    await asyncio.sleep(0.2)


KINDS = {
    "tools": lambda model: Agent(model, [look, note]),
    "eager": lambda model: Agent(model, [look, note], eager=True),
    "checked": lambda model: Agent(model, [look, note], final_answer_checks=[is_warm]),
    "planning": lambda model: Agent(model, [look, note], planning_interval=1),
    "code": lambda model: CodeAgent(model, [look, note]),
    "eager code": lambda model: CodeAgent(model, [look, note], eager=True),
}
TURNS = {
    "planning": [[TextDelta("First "), TextDelta("Rome.")], TWO_CALLS, ["a plan"], ANSWER],
    "code": [CODE, CODE_ANSWER],
    "eager code": [CODE, CODE_ANSWER],
}
MODES = [("concat", False), ("switch", False), ("switch", True)]


def model_of(kind):
    """Return a model that reads, and answers the requests of such an agent."""
    turns = TURNS.get(kind, [TWO_CALLS, ANSWER])
    turns = [[TextDelta(one) if isinstance(one, str) else one for one in turn] for turn in turns]
    return ReadingModel(*map(paced, turns))


def steered(kind, position=None, **options):
    """Run such an agent in virtual time, and say something at an event; return all of it."""
    model, inbox, events, errors = model_of(kind), Subject(), [], []

    def on_next(event):
        events.append(event)
        if len(events) == position:
            inbox.on_next(SAID)

    with VirtualScheduler() as scheduler:
        agent = KINDS[kind](model)
        run = agent("How warm is it?", inbox=inbox, **options)
        run.subscribe(on_next, errors.append, scheduler=scheduler)
        scheduler.run()
    assert [] == errors
    assert [] == inbox.observers
    return events, model.requests


@pytest.fixture(scope="module", params=KINDS)
def cases(request):
    """Return a run of a kind of agent for each way to steer it at each of its events."""
    kind = request.param
    whole, _ = steered(kind)
    return [
        (position, steer, *steered(kind, position, steer=steer, cancel_tools=cancel_tools))
        for position in range(1, len(whole) + 1)
        for steer, cancel_tools in MODES
    ]


def received(events):
    """Return the places at which something was received."""
    return [place for place, event in enumerate(events) if isinstance(event, MessageReceived)]


def test_nothing_said_is_lost_at_any_event(cases):
    """Said at any event before the answer, it is received once, and read in a later request."""
    assert len(cases) > 30
    for position, _, events, requests in cases:
        assert_run(events)
        assert isinstance(events[-1], RunCompleted)
        answered = next(place for place, e in enumerate(events) if isinstance(e, FinalAnswer))
        if position > answered:  # the inbox was closed
            assert [] == received(events)
            continue
        (place,) = received(events)
        assert place >= position
        read = [SAID in request.messages for request in requests]
        assert read[-1]
        assert read == sorted(read)
        assert any(isinstance(event, StepStarted) for event in events[place:])


def test_what_the_model_reads_is_well_formed_at_any_event(cases):
    """Each request ends with a message that a model answers, and each call has one result."""
    for _, _, events, requests in cases:
        for request in requests:
            messages = request.messages
            assert_well_formed(messages)
            assert messages[-1].role in ("user", "tool")
            assert_accepted(messages)
        messages = fold_all(State(), events).messages()
        assert_well_formed(messages)
        assert len(received(events)) == messages.count(SAID)


def assert_accepted(messages):
    """Check what providers demand: roles in turn, results right after their calls, JSON."""
    body = message_body_of(messages)
    roles = [turn["role"] for turn in body["messages"]]
    assert "user" == roles[0] == roles[-1]
    assert all(one != other for one, other in pairwise(roles))
    waiting = set()
    for message in chat_messages(messages):
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
        for made in message.get("tool_calls", ()):
            json.loads(made["function"]["arguments"])
            waiting.add(made["id"])
    assert not waiting
    made = [item for item in input_items(messages, None) if "call_id" in item]
    assert {item["call_id"] for item in made if item["type"] == "function_call"} == {
        item["call_id"] for item in made if item["type"] == "function_call_output"
    }


def message_body_of(messages):
    """Return messages as Anthropic's protocol has them."""
    from rxagent import Request

    return message_body(Request(list(messages)))


def test_switch_cuts_the_answer_at_any_event(cases):
    """No delta follows what was said, and the text so far is the message, which is interrupted."""
    cut = 0
    for _, steer, events, _ in cases:
        for place in received(events):
            turn = turn_at(events, place)
            if steer == "concat" or turn is None:
                assert Finish("interrupted") not in events
                continue
            step = events[place : events.index(StepStarted(number_at(events, place) + 1))]
            ended = [event for event in step if isinstance(event, Finish | MessageCompleted)]
            if not isinstance(ended[0], Finish):  # it was complete already
                continue
            finished, completed = ended[:2]
            assert Finish("interrupted") == finished
            said = "".join(event.text for event in turn if isinstance(event, TextDelta))
            assert said == completed.message.text
            cut += 1
    assert cut >= 8


def test_no_call_begins_after_switch(cases):
    """What was not running when the message was received does not run."""
    for _, steer, events, _ in cases:
        for place in received(events) if steer == "switch" else ():
            following = events.index(StepStarted(number_at(events, place) + 1))
            assert not any(isinstance(event, ToolStarted) for event in events[place:following])


def number_at(events, place):
    """Return the number of the step at a place."""
    return sum(isinstance(event, StepStarted) for event in events[:place])


def turn_at(events, place):
    """Return the events of the turn that was being written at a place, or None."""
    turn = None
    for event in events[:place]:
        match event:
            case StepStarted() | PlanStarted():
                turn = []
            case MessageCompleted():
                turn = None
            case _ if turn is not None:
                turn.append(event)
    return turn


def test_concat_leaves_the_step_alone():
    """The answer goes on; it is no final answer, since the message is read first."""
    events, requests = steered("tools", 4, steer="concat")
    whole, _ = steered("tools")

    at = received(events)[0]
    first_step = events[:at] + events[at + 1 :]
    assert whole[: whole.index(StepStarted(2))] == first_step[: first_step.index(StepStarted(2))]
    assert [Message("tool", "20 in Rome", tool_call_id="c1")] == [
        message for message in requests[1].messages if message.tool_call_id == "c1"
    ]
    assert SAID == requests[1].messages[-1]


def test_an_answer_that_has_not_read_the_message_is_no_final_one():
    """What is said during the last step is read in one more."""
    model = ReadingModel(paced(ANSWER), "20 in Bonn, too.")
    inbox, events = Subject(), []

    def on_next(event):
        events.append(event)
        if event == TextDelta("20."):
            inbox.on_next("In Bonn, too.")

    with VirtualScheduler() as scheduler:
        run = Agent(model)("How warm is it?", inbox=inbox)
        run.subscribe(on_next, scheduler=scheduler)
        scheduler.run()

    assert [FinalAnswer("20 in Bonn, too.")] == [e for e in events if isinstance(e, FinalAnswer)]
    assert ["It is 20.", "In Bonn, too."] == [m.text for m in model.requests[1].messages[-2:]]


@pytest.mark.parametrize("eager", [False, True])
def test_switch_lets_tools_end_or_cancels_them(eager):
    """By default calls that run end before the next step; `cancel_tools` ends them at once."""
    kind = "eager" if eager else "tools"
    whole, _ = steered(kind)
    position = 1 + next(at for at, e in enumerate(whole) if isinstance(e, ToolStarted))

    finished, _ = steered(kind, position, steer="switch")
    cancelled, requests = steered(kind, position, steer="switch", cancel_tools=True)

    assert ToolCompleted("c1", "20 in Rome", "20 in Rome") in finished
    (failed,) = [e for e in cancelled if isinstance(e, ToolFailed) and e.call_id == "c1"]
    assert failed.error.startswith("MessageReceived: cancelled")
    assert requests[-1].messages[-1] == SAID


def test_no_call_of_an_interrupted_answer_runs():
    """A call that was written when the message came is not run, and the model reads so."""
    whole, _ = steered("tools")
    position = 1 + whole.index(Finish("tool_calls"))
    model = ReadingModel(rx.concat(paced(TWO_CALLS), rx.never()), "ok")
    inbox, events = Subject(), []

    def on_next(event):
        events.append(event)
        if len(events) == position:
            inbox.on_next(SAID)

    with VirtualScheduler() as scheduler:
        run = Agent(model, [look, note])("Look", inbox=inbox, steer="switch")
        run.subscribe(on_next, scheduler=scheduler)
        scheduler.run()

    assert not any(isinstance(event, ToolStarted) for event in events)
    assert ["Interrupted", "Interrupted"] == [
        message.text for message in model.requests[1].messages if message.role == "tool"
    ]


def test_switch_kills_code_that_runs():
    """Code ends with ToolFailed; its variables are as before it, and later code runs."""
    whole, _ = steered("code")
    position = 1 + next(at for at, e in enumerate(whole) if isinstance(e, ToolStarted))
    events, requests = steered("code", position, steer="switch", cancel_tools=True)

    (failed,) = [event for event in events if isinstance(event, ToolFailed)]
    assert failed.error.startswith("MessageReceived: cancelled")
    assert FinalAnswer(20) in events
    assert "MessageReceived: cancelled" in requests[1].messages[-2].text


def test_a_message_renews_the_limit_of_steps():
    """The limit counts from the step in which the latest message was received."""
    model = ReadingModel(call(1), paced(["Closing."]), call(2), call(3), "Done.")
    model.turns = [
        turn if not isinstance(turn, list) else paced([TextDelta("Closing.")])
        for turn in [call(1, "note", text="a"), [], call(2, "note", text="b"), "Done."]
    ]
    inbox, events = Subject(), []

    def on_next(event):
        events.append(event)
        if event == StepStarted(2):
            inbox.on_next(SAID)

    with VirtualScheduler() as scheduler:
        run = Agent(model, [note], max_steps=1)("Note", inbox=inbox)
        run.subscribe(on_next, scheduler=scheduler)
        scheduler.run()

    assert_run(events)
    assert 2 == sum(isinstance(event, StepLimitReached) for event in events)
    assert FinalAnswer("Done.") in events
    assert [True, False, True, False] == [bool(request.tools) for request in model.requests]


def test_eight_threads_say_what_they_like():
    """Each message is received once, in its thread's order, and read; or it is refused."""
    for _ in range(3):
        first = Subject()
        model = ReadingModel(first, "Done.")
        run = Agent(model).start("Listen")
        enough, start = threading.Semaphore(0), threading.Barrier(8)
        accepted = {}

        def talk(name, run=run, enough=enough, start=start, accepted=accepted):
            mine = accepted[name] = []
            start.wait(WATCHDOG)
            for number in range(200):
                try:
                    run.say(f"{name}.{number}")
                except MessageRefused:
                    return
                mine.append(f"{name}.{number}")
                enough.release()

        threads = [threading.Thread(target=talk, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            assert enough.acquire(timeout=WATCHDOG)
        first.on_completed()
        assert "Done." == run.result(WATCHDOG)
        for thread in threads:
            thread.join(WATCHDOG)

        got = [event.message.text for event in run if isinstance(event, MessageReceived)]
        for name, mine in accepted.items():
            assert mine == [text for text in got if text.startswith(f"{name}.")]
        assert len(got) == sum(map(len, accepted.values())) >= 100
        assert set(got) <= {message.text for message in model.requests[-1].messages}
        assert_well_formed(run.state.messages())


def test_what_is_said_before_the_first_step_is_in_the_first_request():
    """Also in a loop in which the run has not begun, and while it is paused."""

    async def main():
        model = ReadingModel("Hello")
        run = Agent(model).start("Hi")
        run.pause()
        run.say("Be brief.")
        for _ in range(5):
            await asyncio.sleep(0)
        assert 0 == run.seq
        run.resume()
        assert "Hello" == await asyncio.wait_for(run.wait(), WATCHDOG)
        return model, list(run.state.events())

    model, events = asyncio.run(main())
    assert ["Hi", "Be brief."] == [m.text for m in model.requests[0].messages[1:]]
    assert isinstance(events[0], RunStarted)


def test_a_subscriber_may_speak():
    """What an observer says inside its own notification is received after it."""
    run = Agent(model := ReadingModel(Subject(), "Done.")).start("Hi")
    spoken = threading.Event()

    def on_next(event):
        if isinstance(event, StepStarted) and not spoken.is_set():
            spoken.set()
            run.say("Stop.", steer="switch")

    run.subscribe(on_next)
    assert "Done." == run.result(WATCHDOG)
    assert "Stop." == model.requests[1].messages[-1].text


def begun(agent, **options):
    """Start a run whose message cuts the first step, and wait until that has begun."""
    run = agent.start("Hi", steer="switch", **options)
    step = threading.Event()
    run.subscribe(lambda event: step.set() if isinstance(event, StepStarted) else None)
    assert step.wait(WATCHDOG)
    return run


def test_images_may_be_said():
    """A message of a user with images reaches the model as it is."""
    picture = Message("user", "", images=[Image("data:image/png;base64,iVBORw0KGgo=")])
    run = begun(Agent(model := ReadingModel(Subject(), "A cat.")))
    run.say(picture)
    assert "A cat." == run.result(WATCHDOG)
    assert picture in model.requests[-1].messages
    assert picture in run.state.messages()


def test_switch_hangs_up_on_the_server():
    """The connection is closed in mid-sentence; the next request holds what was said until then."""

    def endless(body):
        if len(body["messages"]) > 2:
            return [role_chunk(), text_chunk("Right.")]
        return (text_chunk("word ") if number % 2 else 0.01 for number in range(10_000))

    asked = []

    def scenario(body):
        asked.append(body["messages"])
        return endless(body)

    with ScriptedServer() as server:
        server.scenario("endless", scenario)
        model = OpenAIModel("endless", api_base=server.url, api_key="any")
        run = Agent(model).start("Talk", steer="switch")
        begun = threading.Event()
        run.pipe(ops.text()).subscribe(lambda _: begun.set())
        assert begun.wait(WATCHDOG)
        run.say("Be brief.")

        assert "Right." == run.result(WATCHDOG)
        assert server.exchanges[0].ended.wait(WATCHDOG)
    assert ["system", "user", "assistant", "user"] == [message["role"] for message in asked[1]]
    assert asked[1][2]["content"].startswith("word ")


def test_an_inbox_is_heard_until_the_end():
    """A stream of messages is subscribed at start, and disposed when the run has ended."""
    inbox = Subject()
    run = begun(Agent(model := ReadingModel(Subject(), "Done.")), inbox=inbox)
    assert 1 == len(inbox.observers)
    inbox.on_next("Be brief.")

    assert "Done." == run.result(WATCHDOG)
    assert "Be brief." == model.requests[-1].messages[-1].text
    run.drain(WATCHDOG)
    assert [] == inbox.observers


@pytest.mark.parametrize("joined", [rx.merge, lambda one, other: one.pipe(rxo.merge(other))])
def test_an_inbox_of_several_streams_is_heard_at_once(joined):
    """All of them are subscribed to when `start` returns, whatever the loop is doing."""
    form, microphone, go_on = Subject(), Subject(), threading.Event()
    daemon_loop().call_soon_threadsafe(go_on.wait, WATCHDOG)
    run = Agent(ReadingModel("Done.")).start("x", inbox=joined(form, microphone))
    assert 1 == len(form.observers) == len(microphone.observers)
    go_on.set()
    run.result(WATCHDOG)


@pytest.mark.parametrize(
    ("inbox", "error"),
    [
        (rx.throw(LookupError("no")), LookupError),
        (rx.of("one", 2), TypeError),
        (rx.of("one", ""), ValueError),
        (rx.of(Message("assistant", "one")), ValueError),
    ],
)
def test_a_broken_inbox_ends_the_run(inbox, error):
    """Its error is the run's; what was said before it is in the state."""
    run = Agent(ReadingModel("Hello")).start("Hi", inbox=inbox)

    with pytest.raises(error):
        run.result(WATCHDOG)
    texts = [message.text for message in run.state.messages()]
    assert ["Hi", "one"][: len(texts)] == texts


def test_a_run_that_fails_keeps_what_was_said():
    """What the model has not read is in the state, with which another run continues."""
    turn = Subject()
    run = Agent(ReadingModel(turn)).start("Hi")
    run.say("Be brief.")
    turn.on_error(LookupError("no"))

    with pytest.raises(LookupError):
        run.result(WATCHDOG)
    assert ["Hi", "Be brief."] == [message.text for message in run.state.messages()]


def test_said_after_the_end_it_is_refused():
    """The sentence says why, and what to do instead."""
    ended = Agent(ReadingModel("Hello")).start("Hi")
    ended.result(WATCHDOG)
    with pytest.raises(MessageRefused, match=r"The run has its answer.*state=run.state"):
        ended.say("More")

    cancelled = Agent(ReadingModel(Subject())).start("Hi")
    cancelled.cancel()
    with pytest.raises(MessageRefused, match="has been cancelled"):
        cancelled.say("More")
    with pytest.raises(RunCancelled):
        cancelled.result(WATCHDOG)

    failed = Agent(ReadingModel(rx.throw(LookupError("no")))).start("Hi")
    with pytest.raises(LookupError):
        failed.result(WATCHDOG)
    with pytest.raises(MessageRefused, match="has failed"):
        failed.say("More")


def test_a_run_without_an_inbox_refuses():
    """A stream that was launched, or a team, takes no messages."""
    agent = Agent(ReadingModel("Hello"))
    run = launch(agent("Hi"))
    with pytest.raises(MessageRefused, match="launched from a stream"):
        run.say("More")
    run.result(WATCHDOG)
    with pytest.raises(TypeError, match="takes no messages"):
        vote(agent, agent).start("Hi", inbox=Subject())
    team = vote(agent, agent).start("Hi")
    with pytest.raises(MessageRefused):
        team.say("More")
    team.result(WATCHDOG)


def test_an_agent_with_operators_takes_messages_too():
    """`agent.pipe(...)` passes them on."""
    model = ReadingModel(Subject(), "Done.")
    run = begun(Agent(model).pipe(ops.settle()))
    run.say("Be brief.")
    assert "Done." == run.result(WATCHDOG)
    assert "Be brief." == model.requests[-1].messages[-1].text


@pytest.mark.parametrize(
    ("message", "error"),
    [(5, TypeError), ("", ValueError), (" \n", ValueError), (Message("system", "x"), ValueError)],
)
def test_what_cannot_be_said(message, error):
    """A message that no model could read is refused to its sender."""
    run = Agent(ReadingModel("Hello")).start("Hi")
    with pytest.raises(error, match="message must"):
        run.say(message)
    run.result(WATCHDOG)


@pytest.mark.parametrize(
    "options",
    [{"steer": "merge"}, {"inbox": "text"}, {"inbox": rx.never(), "cancel_tools": "yes"}],
)
def test_wrong_options_are_refused_at_once(options):
    """Both ways to begin a run say what may be given."""
    agent = Agent(ReadingModel("Hello"))
    with pytest.raises((TypeError, ValueError), match=next(reversed(options))):
        agent.start("Hi", **options)
    with pytest.raises((TypeError, ValueError)):
        agent("Hi", **options)


def test_a_cold_run_has_its_own_inbox_each_time():
    """Two subscriptions of one run both hear a hot stream, and neither closes the other's."""
    inbox, seen = Subject(), []
    run = Agent(ReadingModel(paced(ANSWER), paced(ANSWER), "Done."))("Hi", inbox=inbox)
    with VirtualScheduler() as scheduler:
        for _ in range(2):
            run.subscribe(seen.append, scheduler=scheduler)
        scheduler.schedule_relative(0.15, lambda *_: inbox.on_next("More"))
        scheduler.run()

    assert 2 == sum(isinstance(event, MessageReceived) for event in seen)
    assert 2 == sum(isinstance(event, FinalAnswer) for event in seen)


def test_calls_are_kept_as_they_were_written():
    """An answer that was cut within a call holds the half call, and its result says so."""
    whole, _ = steered("tools")
    position = 2 + whole.index(TextDelta("I look. "))
    events, requests = steered("tools", position, steer="switch")

    completed = next(event for event in events if isinstance(event, MessageCompleted))
    assert (ToolCall("c1", "look", '{"place":'),) == completed.message.tool_calls
    assert [completed.message, Message("tool", "Interrupted", tool_call_id="c1"), SAID] == list(
        requests[1].messages[-3:]
    )


@pytest.mark.parametrize("kind", ["tools", "eager", "code"])
def test_disposing_at_any_event_leaves_the_inbox(kind):
    """Nothing follows, and neither the inbox nor the model has an observer any more."""
    whole, _ = steered(kind, 3)
    for position in range(1, len(whole)):
        inbox, events, held = Subject(), [], SerialDisposable()

        def on_next(event, position=position, inbox=inbox, events=events, held=held):
            events.append(event)
            if len(events) == 3:
                inbox.on_next(SAID)
            if len(events) == position:
                held.dispose()

        with VirtualScheduler() as scheduler:
            run = KINDS[kind](model_of(kind))("How warm is it?", inbox=inbox)
            held.disposable = run.subscribe(on_next, scheduler=scheduler)
            scheduler.run()
        assert whole[:position] == events
        assert [] == inbox.observers


@pytest.mark.parametrize("structured", [True, False], ids=["structured", "in tags"])
@pytest.mark.parametrize("at", ["half", "code", "finish", "usage"])
def test_code_that_a_message_keeps_from_running_is_said_to_be_cancelled(at, structured):
    """The model reads that its code did not run, wherever in the reply the message came."""
    requests, ran = [], []

    @tool
    def delete(name: str) -> str:
        """Delete something."""
        ran.append(name)
        return "deleted"

    async def write(request):
        requests.append(request)
        if len(requests) > 1:
            yield '{"thought": "", "code": "final_answer(1)"}' if structured else ANSWERING
            return
        half = '{"thought": "", "code": "del' if structured else "<code>\ndel"
        for place, piece in {
            "half": TextDelta(half),
            "code": TextDelta("ete('a')" + ('"}' if structured else "\n")),
            "finish": Finish("stop"),
            "usage": Usage(1, 1),
        }.items():
            yield piece
            if place == at:
                run.say("Stop!", steer="switch")
                await asyncio.sleep(0)

    async def main():
        nonlocal run
        run = CodeAgent(write, tools=[delete], structured=structured).start("Delete a.")
        return await run

    run = None
    assert 1 == asyncio.run(main())
    assert [] == ran
    *_, code, note, said = requests[1].messages
    if (at, structured) == ("half", True):  # which shows that it is not whole
        code, note = note, None
    assert ("assistant", "Stop!") == (code.role, said.text)
    assert note is None or note.text.endswith(f"{CANCELLED}\n{READ_ON}")


ANSWERING = "<code>\nfinal_answer(1)\n</code>"


def pay(number: int) -> str:
    """Pay."""
    return f"paid {number}"


def in_short_turns(run):
    """Run a coroutine function on a loop whose turns have no time, so that all comes in slices."""

    async def main():
        FairShare.of(asyncio.get_running_loop()).seconds = 0
        return await asyncio.wait_for(run(), WATCHDOG)

    return asyncio.run(main())


@pytest.mark.parametrize("eager", [True, False])
def test_a_message_as_a_step_begins_ends_it(eager):
    """However short the turns of the loop are, the step ends, and the next one answers."""

    async def main():
        model = ReadingModel("one", "two")
        run = Agent(model, [pay], eager=eager).start("x", steer="switch")
        said = SerialDisposable()

        def say(event):
            if isinstance(event, StepStarted) and not said.is_disposed:
                said.dispose()
                run.say("Stop!")

        run.subscribe(say)
        return await run

    assert "two" == in_short_turns(main)


@pytest.mark.parametrize("cancel_tools", [True, False])
def test_no_call_starts_after_a_message_that_switches(cancel_tools):
    """Of many calls, which begin in slices, those that come later end as cancelled."""

    async def main():
        calls = [ToolCall(f"c{number}", "pay", f'{{"number": {number}}}') for number in range(50)]
        model = ReadingModel(Message("assistant", tool_calls=calls), "done")
        events = []
        run = Agent(model, [pay]).start("x", steer="switch", cancel_tools=cancel_tools)

        def say(event):
            events.append(event)
            if isinstance(event, ToolStarted) and event.call.id == "c3":
                run.say("Stop!")

        run.subscribe(say)
        assert "done" == await run
        return events

    events = in_short_turns(main)
    at = next(at for at, event in enumerate(events) if isinstance(event, MessageReceived))
    started = {event.call.id for event in events[:at] if isinstance(event, ToolStarted)}
    assert not [event for event in events[at:] if isinstance(event, ToolStarted)]
    failed = {event.call_id for event in events if isinstance(event, ToolFailed)}
    assert {f"c{number}" for number in range(50)} - started <= failed
