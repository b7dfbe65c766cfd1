"""Approval: what runs is what was approved, for every call, however the decision comes."""

import asyncio
import io
import os
import pickle
import sys
import threading

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, CodeAgent, Message, ToolCall, launch, tool
from rxagent import operators as ops
from rxagent.agents import race
from rxagent.agents.approval import (
    Allow,
    AllowAll,
    Deny,
    Edit,
    by_decision,
    by_name,
    on_terminal,
    read_decision,
)
from rxagent.errors import NotAsked, RunCancelled
from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    FinalAnswer,
    Finish,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.models import as_model
from rxagent.testing import ScriptedModel, VirtualScheduler

from ..laws import examples
from .grammar import assert_run

PATIENCE = 20


@tool
def wipe(path: str) -> str:
    """Wipe a file."""
    return f"wiped {path}"


def calls(*paths):
    """Return a message that calls wipe for each path."""
    made = [
        ToolCall(f"c{number}", "wipe", f'{{"path": "{path}"}}')
        for number, path in enumerate(paths, 1)
    ]
    return Message("assistant", tool_calls=made)


class Noting:
    """A model that says one thing after another, and keeps the requests."""

    def __init__(self, *said):
        self.requests = []
        self._model = ScriptedModel(said)

    def __call__(self, request):
        self.requests.append(request)
        return self._model(request)


def agent(*paths, approve, **options):
    """Return an agent that calls wipe for each path at once, then answers."""
    return Agent(ScriptedModel([calls(*paths), "done"]), [wipe], approve=approve, **options)


def flat(events):
    """Yield the events of a run and of all runs inside it."""
    for event in events:
        yield event
        if isinstance(event, ToolOutput) and not isinstance(event.value, str):
            yield from flat([event.value])


def of(events, *kinds):
    """Return the events of some kinds."""
    return [event for event in events if isinstance(event, kinds)]


def done(agent, **how):
    """Return the events of a whole run."""
    run = agent.start("x", **how)
    run.result(PATIENCE)
    return list(run)


def asked_within(run, many=1):
    """Wait until a run has asked about so many calls."""
    asked, seen = threading.Event(), []

    def note(event):
        seen.extend(of(flat([event]), ApprovalAsked))
        if len(seen) >= many:
            asked.set()

    viewer = run.attach(note)
    assert asked.wait(PATIENCE)
    viewer.dispose()
    return seen


def in_time(decision):
    """Return a decision in each of the forms in which a policy may give it."""

    async def awaited(_):
        return decision

    return {
        "itself": decision,
        "returned": lambda _: decision,
        "awaited": awaited,
        "emitted": lambda _: rx.of(decision, Deny("too late")),
        "later": lambda _: rx.timer(0.01).pipe(rxo.map(lambda _: decision)),
        "by name": by_name({"wipe": decision}),
        "by the name of a function": by_name({"w*": lambda _: decision}),
    }


FORMS = sorted(in_time(Allow()))


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_call_runs_as_it_is(form):
    """Now or later: asked, answered with the call, started with that call."""
    events = done(agent("a", approve=in_time(Allow())[form]))
    (call,) = calls("a").tool_calls

    assert [
        ApprovalAsked(call),
        ApprovalAnswered("c1", "approved", call),
        ToolStarted(call),
        ToolCompleted("c1", "wiped a", "wiped a"),
    ] == of(events, ApprovalAsked, ApprovalAnswered, ToolStarted, ToolCompleted)
    assert_run(events)


@pytest.mark.parametrize("form", FORMS)
def test_a_denied_call_does_not_run_and_the_model_reads_why(form):
    """No ToolStarted; the reason is the result of the call in the next request."""
    model = Noting(calls("a"), "done")
    events = done(Agent(model, [wipe], approve=in_time(Deny("not today"))[form]))

    assert [] == of(events, ToolStarted)
    assert [ToolFailed("c1", "CallDenied: wipe was denied: not today")] == of(events, ToolFailed)
    result = model.requests[1].messages[-1]
    assert ("tool", "c1") == (result.role, result.tool_call_id)
    assert "wipe was denied: not today" in result.text
    assert "try again" not in result.text
    assert_run(events)


@pytest.mark.parametrize("form", FORMS)
def test_an_edited_call_runs_as_edited(form):
    """ApprovalAnswered and ToolStarted hold the edited call; the model reads the change."""
    model = Noting(calls("a"), "done")
    events = done(Agent(model, [wipe], approve=in_time(Edit({"path": "b"}))[form]))
    call = ToolCall("c1", "wipe", '{"path": "b"}')

    assert [ApprovalAnswered("c1", "edited", call), ToolStarted(call)] == of(
        events, ApprovalAnswered, ToolStarted
    )
    assert 'changed before the call ran: {"path": "b"}\nwiped b' in (
        model.requests[1].messages[-1].text
    )


def test_a_bare_value_is_asked_about_as_it_is_read():
    """The policy and each later request have the object; what a person did not edit is the same."""
    bare = [ToolCall(f"c{at}", "wipe", '"a"') for at in range(2)]
    decisions = iter([Edit({"path": "b"}), Allow()])
    model = Noting(Message("assistant", tool_calls=bare), "done")
    events = done(Agent(model, [wipe], approve=lambda _: next(decisions)))

    assert ['{"path": "a"}'] * 2 == [asked.call.arguments for asked in of(events, ApprovalAsked)]
    said, edited, same = model.requests[1].messages[-3:]
    assert ['{"path": "a"}'] * 2 == [call.arguments for call in said.tool_calls]
    assert 'changed before the call ran: {"path": "b"}\nwiped b' in edited.text
    assert same.text == "wiped a"


def test_edited_arguments_that_do_not_fit_do_not_run():
    """They fail as any others."""
    events = done(agent("a", approve=Edit({"file": "b"})))
    (failed,) = of(events, ToolFailed)

    assert failed.error.startswith("InvalidArguments: Argument path is missing.")
    assert [] == of(events, ToolStarted)


@pytest.mark.parametrize("arguments", ["[1]", "{", '"a"'])
def test_edit_takes_an_object(arguments):
    """Anything else is refused where it is written."""
    with pytest.raises(ValueError, match="no JSON object"):
        Edit(arguments)


def test_a_call_that_cannot_run_is_not_asked_about():
    """An unknown tool and wrong arguments fail first."""
    wrong = [ToolCall("c1", "wipe", '{"file": 1}'), ToolCall("c2", "wype", "{}")]
    model = ScriptedModel([Message("assistant", tool_calls=wrong), "done"])
    events = done(Agent(model, [wipe], approve=Allow()))

    assert 2 == len(of(events, ToolFailed))
    assert [] == of(events, ApprovalAsked)


def raising(_):
    """Raise."""
    raise OSError("the page is down")


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (raising, "OSError: the page is down"),
        (lambda _: rx.throw(OSError("the page is down")), "OSError: the page is down"),
        (lambda _: rx.empty(), "the policy ended without a decision"),
        (lambda _: True, "must be Allow"),
        (lambda _: None, "must be Allow"),
        (by_name({"read": Allow()}), "no rule allows wipe"),
    ],
)
def test_what_is_no_decision_denies(policy, why):
    """A policy that fails, ends, or returns something else never lets a call run."""
    events = done(agent("a", approve=policy))

    assert [] == of(events, ToolStarted)
    assert why in of(events, ToolFailed)[0].error
    assert_run(events)


@pytest.mark.parametrize("policy", [by_decision, by_name, on_terminal, Allow, 1, "yes", lambda: 1])
def test_what_is_no_policy_is_refused(policy):
    """When the agent is made, with a sentence."""
    with pytest.raises(TypeError, match=r"^approve"):
        Agent(ScriptedModel(["x"]), approve=policy)
    with pytest.raises(TypeError, match=r"^The rule for '\*'"):
        by_name({"*": policy})


def test_all_of_the_run():
    """AllowAll answers the calls that wait, and asks no more; another run asks again."""
    model = ScriptedModel([calls("a", "b"), calls("c"), "done"] * 2)
    approved = Agent(model, [wipe], approve=by_decision())
    for _ in range(2):
        run = approved.start("x")
        asked_within(run, 2)
        run.decide("c2", AllowAll())
        run.result(PATIENCE)
        answers = of(run, ApprovalAnswered)

        assert [("c2", "all approved"), ("c1", "approved")] == [
            (answer.call_id, answer.decision) for answer in answers
        ]
        assert 3 == len(of(run, ToolCompleted))


# Who is asked


def named(name, model, *tools, **options):
    """Return an agent that others call by a name."""
    return Agent(model, tools, name=name, description="Does it.", **options)


def calling(name):
    """Return a model that calls an agent, then answers."""
    call = ToolCall("o1", name, '{"task": "t"}')
    return ScriptedModel([Message("assistant", tool_calls=[call]), "end"])


def seen_by(policy):
    """Return a policy that does the same, and the list of the names that it is asked about."""
    names = []

    def policy_seen(call):
        names.append(call.name)
        return policy

    return policy_seen, names


def test_an_inner_agent_without_a_policy_has_the_outer_one():
    """At any depth; through a team and through a function that returns a run, too."""
    innermost = named("innermost", ScriptedModel([calls("a"), "in"] * 3), wipe)
    middle = named("middle", calling("innermost"), innermost)
    team = race(named("one", calling("innermost"), innermost), name="team", description="Race.")

    @tool
    def function(task: str):
        """Return a run."""
        return innermost(task).pipe(rxo.filter(lambda _: True))

    piped = innermost.pipe(ops.settle())
    for inner, expected in [
        (piped, ["innermost", "wipe"]),
        (middle, ["middle", "innermost", "wipe"]),
        (team, ["team", "innermost", "wipe"]),
        (function, ["function", "wipe"]),
    ]:
        policy, names = seen_by(Allow())
        done(Agent(calling(inner.name), [inner], approve=policy))

        assert expected == names


def test_an_inner_agent_with_a_policy_keeps_it():
    """The outer one is not asked about its calls; siblings without one are unaffected."""
    policy, names = seen_by(Allow())
    inner = named("inner", ScriptedModel([calls("a"), "in"]), wipe, approve=policy)
    events = done(Agent(calling("inner"), [inner]))

    assert ["wipe"] == names
    assert [] == of(events, ApprovalAsked)
    assert 1 == len(of(flat(events), ApprovalAsked))


def test_a_policy_of_both_is_one():
    """AllowAll holds for the inner agent's calls, if it has the very same policy."""
    policy, names = seen_by(AllowAll())
    inner = named("inner", ScriptedModel([calls("a"), "in"]), wipe, approve=policy)
    done(Agent(calling("inner"), [inner], approve=policy))

    assert ["inner"] == names


CODE = "<code>\ntry:\n    print(wipe('a'))\nexcept Exception as error:\n    print(error)\n</code>"
END = "<code>final_answer('end')</code>"


@pytest.mark.parametrize("executor", ["sandbox", "process"])
@pytest.mark.parametrize("eager", [False, True])
def test_calls_of_code_are_asked_about(executor, eager):
    """And the code itself; what is denied is an error that code can catch."""
    coder = CodeAgent(
        ScriptedModel([CODE, END]),
        [wipe],
        executor=executor,
        eager=eager,
        approve=by_name({"python_interpreter": Allow(), "wipe": Deny("never")}),
    )
    events = done(coder)
    asked = [event.call for event in of(flat(events), ApprovalAsked)]

    assert ["python_interpreter", "wipe", "python_interpreter"] == [call.name for call in asked]
    assert f"{asked[0].id}.1" == asked[1].id
    assert "CallDenied: wipe was denied: never" in of(events, ToolCompleted)[0].result
    assert FinalAnswer("end") in events


def test_code_that_is_denied_or_edited():
    """The model reads the reason, and code runs as edited."""
    decisions = iter([Deny("no loops"), Edit({"code": "final_answer(2)"})])
    model = Noting(END, END)
    run = CodeAgent(model, approve=lambda _: next(decisions)).start("x")

    assert 2 == run.result(PATIENCE)
    assert "CallDenied: python_interpreter was denied: no loops" in (
        model.requests[1].messages[-1].text
    )


def test_edited_code_without_code_fails():
    """As wrong arguments do."""
    decisions = iter([Edit({"text": "1"}), Allow()])
    run = CodeAgent(ScriptedModel([END, END]), approve=lambda _: next(decisions)).start("x")

    assert "end" == run.result(PATIENCE)
    assert of(run, ToolFailed)[0].error.startswith("InvalidArguments: The arguments of python_")


# run.decide


def test_decide_refuses_what_is_not_asked():
    """Before it is asked, twice, and after the end: NotAsked, with a sentence."""
    run = agent("a", approve=by_decision()).start("x")
    asked_within(run)
    with pytest.raises(NotAsked, match=r"'other' waits for no decision.*wait: '\w+' \(wipe\)"):
        run.decide("other", Allow())
    with pytest.raises(TypeError, match="decision must be Allow"):
        run.decide("c1", "yes")
    for wrong in (1, ["c1"], ApprovalAsked, RunCancelled("x")):
        with pytest.raises(TypeError, match="decide takes an ApprovalAsked, or its id"):
            run.decide(wrong, Allow())
    run.decide("c1", Allow())
    with pytest.raises(NotAsked, match=r"'c1'|The run is completed"):
        run.decide("c1", Deny("too late"))
    run.result(PATIENCE)
    with pytest.raises(NotAsked, match="The run is completed"):
        run.decide("c1", Allow())


@pytest.mark.parametrize(
    "policy",
    [by_decision(), by_name({"*": by_decision()}), lambda call: by_decision()(call)],
    ids=["itself", "by name", "returned"],
)
def test_an_observer_may_decide_at_once(policy):
    """Within the notification that asks, before the policy is called."""
    run = agent("a", approve=policy).start("x")
    run.subscribe(
        lambda event: run.decide(event.call.id, Allow()) if of([event], ApprovalAsked) else None
    )
    run.result(PATIENCE)

    assert 1 == len(of(run, ToolCompleted))


@pytest.mark.parametrize("turn", range(10))
def test_of_eight_threads_one_decides(turn):
    """One call of decide returns, seven raise; the call runs as the one has decided."""
    run = agent("a", approve=by_decision()).start("x")
    asked_within(run)
    gate, won, lost = threading.Barrier(8), [], []

    def decide(number):
        gate.wait(PATIENCE)
        try:
            run.decide("c1", Edit({"path": str(number)}))
            won.append(number)
        except NotAsked:
            lost.append(number)

    threads = [threading.Thread(target=decide, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    run.result(PATIENCE)

    assert (1, 7) == (len(won), len(lost))
    assert [f"wiped {won[0]}"] == [event.value for event in of(run, ToolCompleted)]


@pytest.mark.parametrize(
    ("decision", "ended"), [(True, ToolCompleted), (False, ToolFailed), (Allow(), ToolCompleted)]
)
@pytest.mark.parametrize("named_by", [lambda asked: asked, lambda asked: asked.id])
def test_yes_and_no_are_decisions(named_by, decision, ended):
    """The event that asks or its id; its answer has the same id."""
    run = agent("a", approve=by_decision()).start("x")
    (asked,) = asked_within(run)
    run.decide(named_by(asked), decision)
    run.result(PATIENCE)

    assert 1 == len(of(run, ended))
    assert [asked.id] == [answer.id for answer in of(run, ApprovalAnswered)]


def denied_at_once(approve, way):
    """Return a run of which an observer denies whatever is asked, and what came of that."""
    gate, seen = threading.Event(), []

    async def model(request):
        await asyncio.to_thread(gate.wait, PATIENCE)
        if request.messages[-1].role == "tool":
            yield TextDelta("done")
        else:
            yield ToolCallDelta(0, "c1", "wipe", '{"path": "a"}')

    def deny(event):
        for asked in of([event], ApprovalAsked):
            for named in (asked, asked.id, asked.call.id):
                try:
                    run.decide(named, Deny("no"))
                    seen.append("accepted")
                except NotAsked:
                    seen.append("refused")
            seen.append([*run.asked])

    run = Agent(as_model(model), [wipe], approve=approve).start("x")
    getattr(run, way)(deny)
    gate.set()
    run.result(PATIENCE)
    run.drain()
    return run, seen


class Failing:
    """A policy whose stream cannot be made."""

    def stream_for(self, call):
        raise ValueError("no stream")

    __call__ = stream_for


@pytest.mark.parametrize("way", ["subscribe", "attach"])
@pytest.mark.parametrize(
    ("policy", "ended"),
    [
        (Allow(), ToolCompleted),
        (AllowAll(), ToolCompleted),
        (Edit({"path": "b"}), ToolCompleted),
        (Deny("never"), ToolFailed),
        (by_name({"w*": Allow(), "*": by_decision()}), ToolCompleted),
        (by_name({"other": by_decision()}), ToolFailed),
        (Failing(), ToolFailed),
    ],
    ids=["allow", "allow all", "edit", "deny", "by name", "no rule", "failing"],
)
def test_a_call_that_waits_for_no_decision_is_never_decided(policy, ended, way):
    """Its question is shown, but refuses decisions from the beginning."""
    run, seen = denied_at_once(policy, way)

    assert ["refused", "refused", "refused", []] == seen
    assert [1, 1] == [len(of(run, kind)) for kind in (ApprovalAsked, ApprovalAnswered)]
    assert 1 == len(of(run, ended))


def test_a_call_that_is_asked_about_on_the_terminal_is_not_decided_elsewhere():
    """The answer is read from the terminal alone."""
    run, seen = denied_at_once(on_terminal(ask=lambda _: "y"), "subscribe")

    assert ["refused", "refused", "refused", []] == seen
    assert 1 == len(of(run, ToolCompleted))


def test_an_id_of_several_calls_names_none():
    """Neither those that wait nor, when one was decided, the other; their events do."""
    inner = [named(name, ScriptedModel([calls(name), name]), wipe) for name in ("one", "two")]
    both = [ToolCall(f"o{each.name}", each.name, '{"task": "t"}') for each in inner]
    model = ScriptedModel([Message("assistant", tool_calls=both), "end"])
    policy = by_name({"wipe": by_decision(), "*": Allow()})
    run = Agent(model, inner, approve=policy).start("x")
    asked = {each.call.arguments: each for each in asked_within(run, 4)}
    for name, decision in [("one", Deny("not one")), ("two", Allow())]:
        with pytest.raises(NotAsked, match="'c1' is the id of several calls"):
            run.decide("c1", Allow())
        run.decide(asked[f'{{"path": "{name}"}}'], decision)
    run.result(PATIENCE)

    ended = of(flat(run), ToolFailed, ToolCompleted)
    assert "CallDenied: wipe was denied: not one" in [getattr(one, "error", "") for one in ended]
    assert "wiped two" in [getattr(one, "value", "") for one in ended]


def test_a_question_of_another_run_is_not_decided_here():
    """A tool passes on the events of a run of its own, in which a call has the same id."""
    inside = agent("inside", approve=by_decision()).start("x")

    @tool
    def other(path: str):
        """Return another run."""
        return inside

    pair = [ToolCall("o1", "other", '{"path": "x"}'), *calls("here").tool_calls]
    model = ScriptedModel([Message("assistant", tool_calls=pair), "end"])
    policy = by_name({"other": Allow(), "*": by_decision()})
    run = Agent(model, [other, wipe], approve=policy).start("x")
    asked = {each.call.arguments: each for each in asked_within(run, 3)}
    with pytest.raises(NotAsked):
        run.decide(asked['{"path": "inside"}'], Allow())
    run.decide(asked['{"path": "here"}'], Deny())
    inside.decide(asked['{"path": "inside"}'], Deny())
    run.result(PATIENCE)


ids = st.sampled_from(["c1", "c2", "o1"])
plans = st.lists(
    st.lists(st.lists(ids, min_size=1, max_size=2, unique=True), max_size=2), max_size=3
)
clicks = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["event", "id", "call"])), max_size=12
)


@examples(30)
@given(plans, clicks)
def test_a_decision_reaches_the_question_that_was_shown(plan, clicked):
    """Whatever ids calls have, inside, beside and after one another; however one clicks again."""
    inner, ran = [], []

    @tool
    async def note(path: str) -> str:
        """Note the path."""
        ran.append(path)
        return path

    @tool
    def around(path: str):
        """Return several agents at once."""
        return rx.merge(*(each(path) for each in inner))

    for number, steps in enumerate(plan):
        turns = [
            Message(
                "assistant",
                tool_calls=[
                    ToolCall(call_id, "note", f'{{"path": "{number}.{step}.{call_id}"}}')
                    for call_id in each
                ],
            )
            for step, each in enumerate(steps)
        ]
        inner.append(Agent(ScriptedModel([*turns, "in"]), [note]))
    outer = ToolCall("o1", "around", '{"path": "outer"}')
    model = ScriptedModel([Message("assistant", tool_calls=[outer]), "end"])
    with VirtualScheduler() as home:
        whole = Agent(model, [around], approve=by_decision())
        run = launch(whole("x"), scheduler=home)
        shown, allowed = [], []
        run.subscribe(lambda event: shown.extend(of(flat([event]), ApprovalAsked)))
        home.run()
        for number, by in clicked:
            asked = shown[number % len(shown)]
            name = {"event": asked, "id": asked.id, "call": asked.call.id}[by]
            try:
                run.decide(name, Allow())
            except NotAsked:
                assert by == "call" or asked in allowed
            else:
                allowed.append(asked)
            home.run()

        paths = [asked.call.arguments for asked in allowed if asked.call.name == "note"]
        assert sorted(paths) == sorted(f'{{"path": "{path}"}}' for path in ran)
        for asked in shown:  # each can be decided, and once only
            if all(asked is not each for each in allowed):
                run.decide(asked, Allow())
            with pytest.raises(NotAsked):
                run.decide(asked, Allow())
        run.cancel()
        home.run()


def test_a_quorum_is_take_two():
    """Each decision reaches the policy, which decides what two of them mean."""

    def agreed(decisions):
        return next((one for one in decisions if one != Allow()), Allow())

    def quorum(call):
        votes = by_decision()(call)
        return votes.pipe(rxo.take(2), rxo.to_list(), rxo.map(agreed))

    for second, ended in [(Allow(), ToolCompleted), (Deny("no"), ToolFailed)]:
        run = agent("a", approve=quorum).start("x")
        asked_within(run)
        run.decide("c1", Allow())
        run.decide("c1", second)
        run.result(PATIENCE)

        assert 1 == len(of(run, ended))


def test_a_decision_in_asyncio():
    """On the run's own loop it is decided at once, so that a second one is refused."""

    async def page():
        run = agent("a", approve=by_decision()).start("x")
        async for event in run:
            if isinstance(event, ApprovalAsked):
                run.decide(event.call.id, Allow())
                with pytest.raises(NotAsked):
                    run.decide(event.call.id, Allow())
        return await run

    assert "done" == asyncio.run(page())


# Time


def test_cancelling_while_asked_ends_the_question():
    """The policy is let go of, and no decision is taken any more."""
    begun, let_go = threading.Event(), threading.Event()

    async def waiting(_):
        try:
            begun.set()
            await asyncio.sleep(3600)
        finally:
            let_go.set()

    run = agent("a", approve=waiting).start("x")
    assert begun.wait(PATIENCE)
    run.cancel()

    assert let_go.wait(PATIENCE)
    with pytest.raises(RunCancelled):
        run.result(PATIENCE)
    with pytest.raises(NotAsked, match="The run is cancelled"):
        run.decide("c1", Allow())
    assert {} == run._scheduler.questions


def test_a_paused_run_goes_on_with_the_decision_when_resumed():
    """While it is paused a decision is taken, but nothing is emitted."""
    with VirtualScheduler() as home:
        run = launch(agent("a", approve=by_decision())("x"), scheduler=home)
        home.run()
        run.pause()
        home.run()
        before = run.seq
        run.decide("c1", Allow())
        with pytest.raises(NotAsked):
            run.decide("c1", Deny())
        home.run()
        assert before == run.seq
        run.resume()
        home.run()

        assert {"c1": "wiped a"} == run.state.steps[0].outcomes
        assert "done" == run.state.answer


def test_time_limits():
    """A timer beside by_decision denies; the time-out of the tool begins after the approval."""

    @tool(timeout=1)
    async def slow(path: str) -> str:
        """Take half a second."""
        await asyncio.sleep(0.5)
        return path

    call = Message("assistant", tool_calls=[ToolCall("c1", "slow", '{"path": "a"}')])

    def patient(call):
        late = rx.timer(60).pipe(rxo.map(lambda _: Deny("no answer in 60 s")))
        return rx.amb(by_decision()(call), late)

    for decides, outcome in [(30, "a"), (90, "slow was denied: no answer in 60 s")]:
        with VirtualScheduler() as home:
            slowly = Agent(ScriptedModel([call, "done"]), [slow], approve=patient)
            run = launch(slowly("x"), scheduler=home)
            home.advance_to(decides)
            if decides > 60:
                with pytest.raises(NotAsked):
                    run.decide("c1", Allow())
            else:
                run.decide("c1", Allow())
            home.run()

            assert outcome in run.state.steps[0].outcomes["c1"]


def retried(_):
    """Call wipe, retract it, and call it with other arguments under the same id."""
    said = [
        ToolCallDelta(0, "c1", "wipe", '{"path": "a"}'),
        ToolCallDelta(1, "c2", "wipe", "{"),
        StepRetried(2, "ModelUnavailable: it broke off"),
        ToolCallDelta(0, "c1", "wipe", '{"path": "b"}'),
        Finish("tool_calls"),
    ]
    return rx.concat(*(rx.timer(1).pipe(rxo.map(lambda _, one=one: one)) for one in said))


def test_a_call_with_other_arguments_is_asked_anew():
    """A question about a retracted call ends; the approval of one call is not that of another."""
    with VirtualScheduler() as home:
        eager = Agent(retried, [wipe], approve=by_decision(), eager=True, max_steps=1)
        run = launch(eager("x"), scheduler=home)
        home.advance_to(2.5)
        assert ['{"path": "a"}'] == [call.arguments for call in run.asked.values()]
        home.advance_to(3.5)
        assert [] == [*run.asked]
        home.advance_to(5.5)
        assert ['{"path": "b"}'] == [call.arguments for call in run.asked.values()]
        with pytest.raises(NotAsked, match="'c1' is the id of several calls"):
            run.decide("c1", Allow())
        run.decide(*run.asked, Allow())
        home.advance_to(6)

        assert "wiped b" in run.state.steps[0].outcomes.values()
        run.cancel()
        home.run()


def test_disposing_at_every_event_leaves_no_question():
    """At each position of a run with questions, nothing is emitted after, and nothing waits."""
    approved = Agent(
        ScriptedModel([calls("a", "b"), "done"] * 50),
        [wipe],
        approve=lambda _: rx.timer(1).pipe(rxo.map(lambda _: Allow())),
    )

    def played(stop):
        seen = []
        with VirtualScheduler() as home:
            subscription = rx.disposable.SerialDisposable()

            def on_next(event):
                seen.append(event)
                if len(seen) == stop:
                    subscription.dispose()

            subscription.disposable = approved("x").subscribe(on_next, scheduler=home)
            home.run()
            assert {} == home.questions
        return seen

    whole = played(0)
    assert 12 < len(whole)
    for stop in range(1, len(whole)):
        assert whole[:stop] == played(stop)


decisions = st.one_of(
    st.just(Allow()),
    st.builds(Deny, st.text(max_size=3)),
    st.builds(lambda path: Edit({"path": path}), st.text(max_size=3)),
    st.just(AllowAll()),
)


@examples(40)
@given(st.lists(st.tuples(decisions, st.integers(0, 3)), min_size=1, max_size=4))
def test_what_runs_is_what_was_approved(given_decisions):
    """For any decisions in any order: each started call was answered with exactly that call."""
    waits = {
        f"c{number}": rx.timer(seconds).pipe(rxo.map(lambda _, one=one: one))
        for number, (one, seconds) in enumerate(given_decisions, 1)
    }
    approved = agent(*map(str, waits), approve=lambda call: waits[call.id])
    events = []
    with VirtualScheduler() as home:
        approved("x").subscribe(events.append, scheduler=home)
        home.run()
    answered = {one.call_id: one for one in of(events, ApprovalAnswered)}

    assert_run(events)
    assert {*waits} == {*answered} == {one.call.id for one in of(events, ApprovalAsked)}
    started = {one.call.id: one.call for one in of(events, ToolStarted)}
    assert started == {
        call_id: answer.call for call_id, answer in answered.items() if answer.call is not None
    }
    for call_id, answer in answered.items():
        assert answer.decision.startswith("denied") == (call_id not in started)


def test_policies_are_values():
    """Equal ones are equal, and an agent with one can be sent to another process."""
    policy = by_name({"get_*": Allow(), "*": by_decision()})

    assert policy == pickle.loads(pickle.dumps(policy)) == by_name(dict(policy.rules))
    assert Edit({"a": 1}) == Edit('{"a": 1}')
    assert "approved" == str(Allow())
    sent = pickle.loads(pickle.dumps(Agent("openai:gpt-5-mini", [wipe], approve=policy)))
    assert policy == sent.approve


# At the terminal


@pytest.mark.parametrize(
    ("lines", "decision"),
    [
        (["y"], Allow()),
        ([" YES "], Allow()),
        (["", "a"], AllowAll()),
        (["n"], Deny("the user said no")),
        (["use the other file"], Deny("use the other file")),
        (["e", '{"path": "b"}'], Edit({"path": "b"})),
        (["e", "nonsense", "y"], Allow()),
        ([], Deny("no answer could be read from the terminal")),
    ],
)
def test_lines_at_the_terminal(lines, decision):
    """What is typed is a decision; the question shows the call, with control characters seen."""
    shown, left = [], iter(lines)

    def ask(text):
        shown.append(text)
        line = next(left, None)
        if line is None:
            raise EOFError
        return line

    call = ToolCall("c1", "wipe", '{"path": "\x1b[2J"}')

    assert decision == read_decision(call, ask)
    assert "wipe" in shown[0]
    assert "\x1b" not in shown[0]


def test_the_terminal_asks_one_after_the_other():
    """Two calls at once never ask at the same time."""
    asking, most = [], []

    def ask(text):
        asking.append(text)
        most.append(len(asking))
        threading.Event().wait(0)
        asking.pop()
        return "y"

    events = done(agent("a", "b", "c", approve=on_terminal(ask=ask)))

    assert [1, 1, 1] == most
    assert 3 == len(of(events, ToolCompleted))


def test_a_cancelled_question_gives_the_terminal_to_the_next():
    """Though its function still waits; what that returns later decides nothing."""
    shown, answer, said = threading.Event(), threading.Event(), []

    def ask(text):
        said.append(text)
        if len(said) == 1:
            shown.set()
            assert answer.wait(PATIENCE)
        return "y"

    approved = agent("a", approve=on_terminal(ask=ask))
    first = approved.start("x")
    assert shown.wait(PATIENCE)
    first.cancel()
    run = agent("b", approve=on_terminal(ask=ask)).start("x")

    assert "done" == run.result(PATIENCE)
    assert ["wiped b"] == [event.value for event in of(run, ToolCompleted)]
    answer.set()


def test_a_line_goes_to_the_question_on_the_screen(monkeypatch):
    """Not to one that is cancelled, whose thread still reads; the text of each is shown."""
    reading, typing = os.pipe()
    shown = {name: threading.Event() for name in ("first", "second")}

    class Screen(io.StringIO):
        """Notes which question is shown."""

        def write(self, text):
            for name, seen in shown.items():
                if name in text:
                    seen.set()

    with open(reading) as keys, open(typing, "w") as keyboard:
        monkeypatch.setattr(sys, "stdin", keys)
        monkeypatch.setattr(sys, "stderr", Screen())
        first = agent("first", approve=on_terminal()).start("x")
        assert shown["first"].wait(PATIENCE)
        first.cancel()
        run = agent("second", approve=on_terminal()).start("x")
        assert shown["second"].wait(PATIENCE)
        keyboard.write("y\n")
        keyboard.flush()

        assert "done" == run.result(PATIENCE)
        assert ["wiped second"] == [event.value for event in of(run, ToolCompleted)]


def test_a_rule_none_asks_nothing():
    """The call runs without a question and its events; other calls are asked about."""
    events = done(agent("a", approve=by_name({"wipe": None, "*": Deny()})))

    assert [] == of(events, ApprovalAsked, ApprovalAnswered)
    assert 1 == len(of(events, ToolCompleted))


def test_a_run_lists_what_it_has_asked():
    """By the id of the question, until it is decided or the run has ended."""
    run = agent("a", "b", approve=by_decision()).start("x")
    one, other = asked_within(run, 2)

    assert {one.id: one.call, other.id: other.call} == run.asked
    run.decide(one, Allow())
    assert {other.id: other.call} == run.asked
    run.cancel()
    assert {} == run.asked


def test_a_tool_that_is_tried_again_is_asked_about_once():
    """The attempts of a piped tool are one call."""
    attempts = []

    @tool
    def flaky(path: str) -> str:
        """Fail once."""
        attempts.append(path)
        if len(attempts) == 1:
            raise OSError("not yet")
        return path

    call = Message("assistant", tool_calls=[ToolCall("c1", "flaky", '{"path": "a"}')])
    policy, names = seen_by(Allow())
    model = ScriptedModel([call, "done"])
    done(Agent(model, [flaky.pipe(ops.retry(2, delay=0))], approve=policy))

    assert (["flaky"], ["a", "a"]) == (names, attempts)
