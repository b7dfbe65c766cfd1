"""Teams: what several agents do together is a run of one agent."""

import asyncio
import copy
import pickle
import statistics

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex.disposable import SerialDisposable

from rxagent import Agent, Image, Message, State, ToolCall, wire
from rxagent import operators as ops
from rxagent.agents import race, relay, route, vote
from rxagent.errors import NoAnswer
from rxagent.events import (
    FinalAnswer,
    Finish,
    MessageCompleted,
    RunCompleted,
    RunStarted,
    StepFailed,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.ledger import Ledger
from rxagent.models import as_model
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel, VirtualScheduler
from rxagent.testing.ledger import opened

from ..laws import examples
from ..strategies import spent, total
from .grammar import assert_run

WATCHDOG = 60


def answering(name, *turns, **options):
    """Return an agent that answers with scripted turns."""
    return Agent(ScriptedModel(turns), name=name, **options)


def valued(name, value):
    """Return an agent whose answer is a value."""
    call = ToolCall("f", "final_answer", f'{{"answer": {value}}}')
    return answering(name, Message("assistant", tool_calls=[call]))


def played(agent, task="Go", **given):
    """Return the events of a run in virtual time, and the error that ended it."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        agent(task, **given).subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return events, (errors or [None])[0]


def answer_of(agent, task="Go", **given):
    """Return the answer of a run that obeys the grammar, in virtual time."""
    events, error = played(agent, task, **given)
    if error is not None:
        raise error
    assert_run(events)
    return fold_all(State(), events).answer


def asked_of(agent, task="Go", **given):
    """Return the tasks of the calls of a run, with the names of the agents."""
    events, _ = played(agent, task, **given)
    return [
        (event.value.agent, event.value.task)
        for event in events
        if isinstance(event, ToolOutput) and isinstance(event.value, RunStarted)
    ]


A, B, C = answering("a", "1"), answering("b", "2"), answering("c", "2 ")
BROKEN = answering("broken", ValueError("gone"))


# The laws of all teams

members = st.builds(
    lambda name, turn: answering(name, turn, description="Does it."),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(
        [
            "1",
            "2",
            ValueError("gone"),
            [TextDelta("2"), Usage(5, 1, model="big")],
            [TextDelta("3"), Finish("stop"), Usage(1, 0)],
            rx.never(),
        ]
    ),
)


def several(inner):
    """Draw one to three agents with different names."""
    return st.lists(inner, min_size=1, max_size=3, unique_by=lambda agent: agent.name)


def teams(inner):
    """Draw a team of agents, or of teams."""
    return st.one_of(
        several(inner).map(lambda agents: race(*agents, name="r", description="Races.")),
        several(inner).map(lambda agents: vote(*agents, name="v", description="Votes.")),
        several(inner).map(
            lambda agents: vote(
                *agents, judge=ScriptedModel(["1"]), name="j", description="Judges."
            )
        ),
        several(inner).map(lambda agents: relay(*agents, name="l", description="Relays.")),
        several(inner).map(
            lambda agents: route(*agents, by=lambda _: agents[-1], name="t", description="Routes.")
        ),
    )


@examples(40)
@given(teams(members | teams(members)))
def test_whatever_its_agents_do_a_team_s_run_is_a_run(team):
    """Its events obey the grammar, add up the tokens, can be stored, and fold as they are."""
    events, error = played(team)

    assert events == [wire.loads(wire.dumps(event)) for event in events]
    assert fold_all(State(), events).usage == total(spent(events))
    if error is not None:
        assert isinstance(error, NoAnswer)
    elif isinstance(events[-1], RunCompleted):
        assert_run(events)
        assert RunCompleted(total(spent(events))) == events[-1]
        assert fold_all(State(), events).messages()


def makers(*agents):
    """Yield a team of each kind."""
    yield race(*agents)
    yield vote(*agents)
    yield vote(*agents, judge=as_model(lambda _: "1"))
    yield relay(*agents)
    yield route(*agents, by=as_model(lambda _: agents[0].name))


@pytest.mark.parametrize("which", range(5))
def test_disposing_at_every_event_closes_all_requests(which):
    """At each position: nothing is seen after it, and no request stays open."""
    ledgers = []

    def model(_):
        items = rx.from_iterable([TextDelta("1"), Usage(1, 1), Finish("stop")])
        stream, ledger = opened(items)
        ledgers.append(ledger)
        return stream

    agents = [Agent(as_model(model), name=name, description="Does it.") for name in ("a", "b")]
    team = list(makers(*agents))[which]
    whole, _ = played(team)
    assert 5 < len(whole)
    for position in range(1, len(whole) + 1):
        ledgers.clear()
        seen, subscription = [], SerialDisposable()

        def on_next(event, position=position, seen=seen, subscription=subscription):
            seen.append(event)
            if len(seen) == position:
                subscription.dispose()

        with VirtualScheduler() as scheduler:
            subscription.disposable = team("Go").subscribe(on_next, scheduler=scheduler)
            scheduler.run()
        assert position == len(seen)
        assert [] == [ledger for ledger in ledgers if ledger.open]


def test_one_team_serves_many_runs_at_once():
    """Two calls of one agent do not meet: each run has its own task and answer."""

    async def echo(request):
        await asyncio.sleep(0)
        yield request.messages[1].text

    agent = Agent(echo, name="echo")
    team = vote(agent, agent, relay(agent, name="inner"), name="team")

    async def main():
        runs = [team.start(f"task {number}") for number in range(20)]
        return await asyncio.gather(*(run.wait() for run in runs))

    assert [f"task {number}" for number in range(20)] == asyncio.run(main())


def test_the_tokens_are_split_by_agent():
    """Each agent's tokens are counted under its name, those of a loser and of a judge too."""
    spender = answering("spender", [TextDelta("1"), Usage(1000, 1000)])
    cheap = answering("cheap", [TextDelta("1"), Usage(3, 1)])
    judge = Agent(ScriptedModel([[TextDelta("1"), Usage(7, 1)]]), name="judge")
    events, _ = played(relay(vote(spender, cheap, judge=judge), cheap))
    state = fold_all(State(), events)

    assert Usage(1013, 1003) == state.usage
    assert {
        "spender": Usage(1000, 1000),
        "cheap": Usage(6, 2),
        "judge": Usage(7, 1),
    } == state.usage_by_agent


def test_a_team_is_a_tool_of_an_agent_and_an_agent_of_a_team():
    """Events nest as deep as teams do."""
    inner = race(A, name="inner", description="Answers.")
    call = ToolCall("c", "inner", '{"task": "What?"}')
    outer = answering("outer", Message("assistant", tool_calls=[call]), "It is 1.", tools=[inner])
    agent = Agent(
        ScriptedModel([Message("assistant", tool_calls=[call]), "It is 1."]), [inner], name="outer"
    )
    events, _ = played(relay(agent))

    assert "It is 1." == answer_of(relay(agent)) == answer_of(outer)
    deep = [
        e.value.value for e in events if isinstance(e, ToolOutput) and hasattr(e.value, "value")
    ]
    assert RunStarted("What?", "inner") in deep


def test_what_is_given_reaches_every_agent():
    """State, images and additional arguments are passed on; nothing else is."""
    seen = []

    def look(request):
        seen.append(request.messages)
        return "ok"

    def plain(task):
        seen.append(task)
        return "ok"

    before = State.from_messages([Message("user", "Before."), Message("assistant", "Yes.")])
    picture = Image("https://example.org/cat.png")
    team = vote(Agent(look, name="a"), Agent(look, name="b"))
    events, _ = played(team, state=before, images=[picture], additional_args={"user": "Ada"})
    texts = [[message.text for message in messages[1:]] for messages in seen]

    assert [["Before.", "Yes.", texts[0][2]]] * 2 == texts
    assert "user = Ada" in texts[0][2]
    assert [(picture,)] * 2 == [messages[-1].images for messages in seen]
    assert (picture,) == events[0].message.images
    seen.clear()
    assert "ok" == answer_of(relay(plain))
    assert ["Go"] == seen


def test_a_team_is_continued():
    """The state of a team's run holds the task, the calls and their results."""
    events, _ = played(relay(A, B))
    first = fold_all(State(), events)
    continued, _ = played(relay(answering("a", "x", "y", "z", "1")), "More", state=first)

    assert ["user", "assistant", "tool", "assistant", "tool"] == [m.role for m in first.messages()]
    assert "2" == first.answer
    assert RunCompleted is type(continued[-1])


def second(task):
    """Pick the second agent."""
    return "b"


TEAMS = [
    race(A, B),
    vote(A, B, C),
    vote(A, B, judge=max),
    vote(A, B, judge=ScriptedModel(["1"])),
    relay(A, race(B, name="inner"), name="outer", description="Relays."),
    route(A, B, by=second),
]


@pytest.mark.parametrize("team", TEAMS, ids=repr)
def test_a_team_travels_to_another_process(team):
    """A copy has the same name and description, and answers as the team does."""
    twin = pickle.loads(pickle.dumps(team))

    assert answer_of(team) == answer_of(twin)
    assert (repr(team), team.name, team.description) == (repr(twin), twin.name, twin.description)
    assert team is copy.deepcopy(team)


def test_what_cannot_travel_is_named():
    """The error says which part cannot be pickled."""
    with pytest.raises(pickle.PicklingError, match=r"The team 'vote' .* its judge= is a lambda"):
        pickle.dumps(vote(A, judge=lambda answers: answers[0]))


def test_a_team_runs_in_real_time():
    """All ways to start an agent start a team."""

    async def main():
        return await relay(A, B).start("Go")

    assert "1" == race(A).run("Go", timeout=WATCHDOG)
    assert "2" == asyncio.run(main())


# Race


def test_the_losers_are_hung_up_and_their_tokens_count():
    """At the first answer the other requests are closed; the calls end before the answer."""
    closed = []

    async def slow(_):
        try:
            yield Usage(9, 0)
            await asyncio.sleep(100)
        finally:
            closed.append("slow")

    async def fast(_):
        await asyncio.sleep(1)
        yield "fast"

    events, _ = played(race(Agent(slow, name="slow"), Agent(fast, name="fast")))
    assert_run(events)

    assert ["slow"] == closed
    assert FinalAnswer("fast") == events[-2]
    assert ToolFailed("call_1_1_0", "RunCancelled: fast answered first.") == events[-3]
    assert RunCompleted(Usage(9, 0)) == events[-1]


def test_who_fails_is_out_of_the_race():
    """A failure is no answer; when all fail, the error says why each did."""
    assert "2" == answer_of(race(BROKEN, B))
    with pytest.raises(NoAnswer, match="broken: ValueError: gone") as failed:
        answer_of(race(BROKEN))

    assert 1 == len(failed.value.state.steps)


# Vote


@pytest.mark.parametrize(
    ("agents", "answer"),
    [
        ((A, B, C), "2"),
        ((B, A, B), "2"),
        ((A, B), "1"),
        ((B, A), "2"),
        ((BROKEN, B), "2"),
        ((valued("a", 7.2904), valued("b", 1), valued("c", 7.2904)), 7.2904),
        ((valued("a", 1), valued("b", 1.0), valued("c", "1.0")), 1.0),
        ((valued("a", "[1]"), valued("b", "[2]"), valued("c", "[2]")), [2]),
    ],
    ids=range(8),
)
def test_the_most_frequent_answer_wins(agents, answer):
    """Equal answers of one type agree; of equally frequent ones, the earliest agent's counts."""
    chosen = answer_of(vote(*agents))

    assert FinalAnswer(answer) == FinalAnswer(chosen)


async def slow_median(answers):
    """Return the median, after a while."""
    await asyncio.sleep(1)
    return statistics.median(answers)


@pytest.mark.parametrize("judge", [statistics.median, slow_median])
def test_a_function_judges_by_the_answers(judge):
    """It gets the answers in the agents' order, and returns the answer; it may be asynchronous."""
    team = vote(valued("a", 1), valued("b", 5), valued("c", 3), judge=judge)

    assert 3 == answer_of(team)


def test_a_function_that_raises_ends_the_run():
    """What the judge raises is the run's error."""

    def judge(_):
        raise KeyError("x")

    with pytest.raises(KeyError):
        answer_of(vote(A, B, judge=judge))


@pytest.mark.parametrize("reply", ["2", " 2. ", "Answer 2 is best.", 2])
def test_a_model_judges_by_number(reply):
    """It reads the task and the answers, and the answer keeps its type."""
    call = ToolCall("f", "final_answer", f'{{"answer": {reply}}}')
    turn = Message("assistant", tool_calls=[call]) if reply == 2 else reply
    team = vote(valued("a", 1), valued("b", 7.2904), judge=ScriptedModel([turn]))
    (_, asked) = asked_of(team)[-1]

    assert 7.2904 == answer_of(team)
    assert "Go" in asked
    assert "Answer 1:\n1\n" in asked
    assert "Answer 2:\n7.2904" in asked


def judge_of(*replies):
    """Return a model that gives one reply after the other, and reads why it is asked again."""
    requests = []

    def model(request):
        requests.append(request.messages[-1].text)
        return replies[min(len(requests), len(replies)) - 1]

    return as_model(model), requests


def test_a_judge_that_cannot_be_read_is_asked_again():
    """The step fails, and the judge reads why."""
    model, requests = judge_of("9", "1 or 2", "2")
    events, _ = played(vote(A, B, judge=model))
    assert_run(events)

    assert FinalAnswer("2") == events[-2]
    assert 2 == len([event for event in events if isinstance(event, StepFailed)])
    assert "replied '9'" in requests[1]
    assert "one number from 1 to 2" in requests[1]


@pytest.mark.parametrize("reply", ["9" * 5000, "-1", "−1", "0.2", "1.0", "1,2", "1-2", "0", "one"])
def test_only_one_whole_number_is_a_choice(reply):
    """A number with a sign or decimals, or of too many digits, is none of an answer."""
    model, requests = judge_of(reply, "**2**.")
    assert "2" == answer_of(vote(A, B, judge=model))
    assert 2 == len(requests)


def test_a_judge_that_never_decides_ends_the_run():
    """After three replies the run has no answer."""
    model, requests = judge_of("Both.")
    with pytest.raises(NoAnswer, match="judge made no choice in 3 attempts"):
        answer_of(vote(A, B, judge=model))

    assert 3 == len(requests)


def test_one_answer_needs_no_judge():
    """If only one agent answers, no judge is paid."""
    model, requests = judge_of("1")

    assert "2" == answer_of(vote(BROKEN, B, judge=model))
    assert [] == requests


# Relay


def test_each_agent_reads_what_the_one_before_answered():
    """The first reads the task, the others the task and the last answer."""
    (first, second, third) = asked_of(relay(A, B, C))

    assert ("a", "Go") == first
    assert second == ("b", "Go\n\na has worked on this before you. Its answer:\n1")
    assert third[1].endswith("b has worked on this before you. Its answer:\n2")
    assert "2 " == answer_of(relay(A, B, C))


def test_a_relay_ends_where_an_agent_fails():
    """The next agents are not asked."""
    events, error = played(relay(A, BROKEN, B))

    assert isinstance(error, NoAnswer)
    assert ["a", "broken"] == [e.call.name for e in events if isinstance(e, ToolStarted)]


# Route


async def slow_choice(task):
    """Pick an agent, after a while."""
    await asyncio.sleep(1)
    return B


@pytest.mark.parametrize("by", [lambda task: "b", lambda task: B, slow_choice])
def test_a_function_picks(by):
    """It returns an agent or its name; only that agent is asked."""
    assert "2" == answer_of(route(A, B, by=by))
    assert [("b", "Go")] == asked_of(route(A, B, by=by))


DESCRIBED = [
    answering("cook", "Boil it.", description="Cooks."),
    answering("tailor", "Sew it.", description="Sews."),
]


@pytest.mark.parametrize("reply", ["tailor", "The tailor.", '"tailor"'])
def test_a_model_picks(reply):
    """It reads the task, the names and the descriptions, and replies with a name."""
    team = route(*DESCRIBED, by=ScriptedModel([reply]))
    asked = asked_of(team, "A button?")

    assert "Sew it." == answer_of(team, "A button?")
    assert "- cook: Cooks.\n- tailor: Sews.\n" in asked[0][1]
    assert asked[0][1].endswith("A button?")
    assert ("tailor", "A button?") == asked[1]


def test_a_router_that_cannot_be_read_is_asked_again():
    """The error lists the names."""
    model, requests = judge_of("the baker", "cook or tailor", "cook")

    assert "Boil it." == answer_of(route(*DESCRIBED, by=model))
    assert "one of these names: cook, tailor" in requests[1]
    assert 3 == len(requests)


# What is refused

MODEL = ScriptedModel(["1"])


@pytest.mark.parametrize(
    ("make", "error", "why"),
    [
        (lambda: race(), TypeError, r"No agent is given.*race\(one, other\)"),
        (lambda: race([A, B]), TypeError, "one by one"),
        (lambda: race("openai:gpt-5"), TypeError, r"Agent\('openai:gpt-5'\)"),
        (lambda: race(Agent), TypeError, "is no agent"),
        (lambda: race(lambda task: "1"), ValueError, "identifier"),
        (lambda: vote(Agent(MODEL), Agent(MODEL)), ValueError, "named 'agent'.*name="),
        (lambda: relay(A, name="my relay"), ValueError, "identifier.*'my relay'"),
        (lambda: relay(A, name="class"), ValueError, "no keyword"),
        (lambda: relay(A, description=3), TypeError, "description must be a str"),
        (lambda: vote(A, judge=3), TypeError, "3 cannot choose"),
        (lambda: vote(answering("judge", "1"), judge=MODEL), ValueError, "named 'judge'"),
        (lambda: route(A, by=MODEL), ValueError, "a has no description"),
        (lambda: route(A, by=None), TypeError, "None cannot choose"),
        (lambda: race(A)(3), TypeError, "task must be a str"),
        (lambda: race(A)("Go", stream=True), TypeError, "Everything streams"),
        (lambda: race(A).subscribe(), AttributeError, "An agent has no 'subscribe'"),
        (lambda: answer_of(route(A, B, by=lambda task: "c")), ValueError, "returned 'c'.*a, b"),
        (lambda: answer_of(route(A, by=lambda task: MODEL(task))), TypeError, "as_model"),
    ],
    ids=range(18),
)
def test_what_cannot_work_is_refused(make, error, why):
    """The error says what is wrong, and what to write."""
    with pytest.raises(error, match=why):
        make()


# Agents as tools


def test_a_tool_of_an_agent_may_have_another_name():
    """The model calls the agent by the tool's name; events and usage keep the agent's."""
    agent = answering("clerk", [TextDelta("hi"), Usage(2, 1)])
    greet = agent.as_tool(name="greet", description="Greets people.")
    call = ToolCall("c", "greet", '{"task": "Greet."}')
    outer = Agent(ScriptedModel([Message("assistant", tool_calls=[call]), "Done."]), [greet])
    events, _ = played(outer)

    assert ("greet", "Greets people.") == (greet.name, greet.description)
    assert ToolOutput("c", RunStarted("Greet.", "clerk")) in events
    assert {"clerk": Usage(2, 1)} == fold_all(State(), events).usage_by_agent
    with pytest.raises(ValueError, match="identifier"):
        agent.as_tool(name="greet people", description="Greets people.")


@pytest.mark.parametrize("name", ["my agent", "1st", "class", "web-searcher", "größe", ""])
def test_the_name_of_an_agent_is_an_identifier(name):
    """Code calls an agent by its name."""
    with pytest.raises(ValueError, match="name must be a Python identifier"):
        Agent(MODEL, name=name)


def test_two_agents_of_one_name_are_refused():
    """A call could mean either, also if one of them is a plain tool."""
    one, other = (answering("same", "1", description="Does it.") for _ in range(2))
    with pytest.raises(ValueError, match="named same"):
        Agent(MODEL, [one], managed_agents=[other])


def test_two_calls_of_one_inner_agent_at_once_do_not_meet():
    """Each has its own task, its own events and its own answer."""

    async def echo(request):
        text = request.messages[-1].text
        for piece in text:
            await asyncio.sleep(1)
            yield piece

    inner = Agent(echo, name="echo", description="Repeats.")
    calls = [ToolCall(f"c{n}", "echo", f'{{"task": "task {n}"}}') for n in (1, 2)]
    outer = Agent(
        ScriptedModel([Message("assistant", tool_calls=calls), "Done."]), managed_agents=[inner]
    )
    events, _ = played(outer)
    assert_run(events)

    assert {"c1": "task 1", "c2": "task 2"} == {
        event.call_id: event.value for event in events if isinstance(event, ToolCompleted)
    }
    for call_id, text in (("c1", "task 1"), ("c2", "task 2")):
        own = [e.value for e in events if isinstance(e, ToolOutput) and e.call_id == call_id]
        assert_run(own)
        assert MessageCompleted(Message("assistant", text)) in own


@pytest.mark.parametrize("team", [race, vote, relay])
def test_a_ledger_has_what_the_members_report(team):
    """No model writes the turns of a team, so a budget counts no tokens for them."""
    ledger, task = Ledger(), "word " * 1000
    turn = [TextDelta("yes"), Finish("stop"), Usage(1000, 1, model="m")]
    members = [answering(name, turn) for name in "abc"]
    events, error = played(team(*members).pipe(ops.budget(ledger=ledger)), task)

    assert error is None
    assert fold_all(State(), events).usage.total_tokens == ledger.spent.tokens
