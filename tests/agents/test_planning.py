"""Planning: a turn of the model before a step, whose plan it reads in the steps that follow."""

import pickle
from itertools import pairwise

import pytest
from reactivex import Subject
from reactivex import operators as rxo

from rxagent import Agent, Message, State, tool
from rxagent import operators as ops
from rxagent.agents.memory import window
from rxagent.agents.planning import plan
from rxagent.errors import ModelRefused
from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    FinalAnswer,
    Finish,
    MessageCompleted,
    Planned,
    PlanStarted,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import ToolCall
from rxagent.state import fold_all
from rxagent.streams import operators as stream_ops
from rxagent.testing import VirtualScheduler

from .reading import ReadingModel, call, deltas, names, played, spending


@tool
def look(page: int, loud: bool = False) -> str:
    """Look at a page."""
    return f"page {page}"


class PlanningModel:
    """Writes numbered plans when it is asked for one, and takes its turns otherwise."""

    is_model = True

    def __init__(self, *turns, made=None):
        self.steps = ReadingModel(*turns)
        self.made = made
        self.plans = []

    def __call__(self, request):
        """Return a plan or the next turn."""
        if "Do not call a tool and do not answer yet." not in request.messages[-1].text:
            return self.steps(request)
        self.plans.append(request)
        text = f"plan {len(self.plans)}"
        made = [TextDelta(text[:2]), TextDelta(text[2:]), Usage(10, 2)]
        return stream_ops.from_items(made if self.made is None else self.made)


def pages(count, **plans):
    """Return a model that looks at so many pages, one in each step, and then answers."""
    return PlanningModel(*(call(number, page=number) for number in range(count)), "Read.", **plans)


def planned_before(events):
    """Return the numbers of the steps that follow a plan."""
    numbers = [
        event.number if isinstance(event, StepStarted) else None
        for event in events
        if isinstance(event, StepStarted | PlanStarted)
    ]
    return [after for before, after in pairwise(numbers) if before is None]


@pytest.mark.parametrize(
    ("interval", "steps"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [1, 4, 7]), (7, [1]), (None, [])]
)
def test_a_plan_is_made_every_so_many_steps(interval, steps):
    """Before the first step, and again after every interval."""
    events, error = played(Agent(pages(6), [look], planning_interval=interval)("Read it."))

    assert error is None
    assert steps == planned_before(events)
    assert [f"plan {number}" for number in range(1, len(steps) + 1)] == [
        event.text for event in events if isinstance(event, Planned)
    ]


def test_a_plan_streams_and_is_counted():
    """PlanStarted, the deltas as they come, the message, Planned; its tokens are the run's."""
    events, _ = played(Agent(pages(0), planning_interval=3)("Read it."))

    assert [
        PlanStarted(),
        TextDelta("pl"),
        TextDelta("an 1"),
        Usage(10, 2),
        MessageCompleted(Message("assistant", "plan 1")),
        Planned("plan 1"),
        StepStarted(1),
    ] == events[1:8]
    assert Usage(10, 2) == events[-1].usage
    assert 1 == fold_all(State(), events).unreported  # the step's turn, not the plan's


def test_the_first_plan_is_made_of_the_conversation():
    """The model that plans reads what a step reads, then what to plan with; no tool is offered."""
    model = pages(0)
    before = State.from_messages([Message("user", "Hi."), Message("assistant", "Hello.")])
    agent = Agent(model, [look], planning_interval=3, max_steps=5, instructions="Be brief.")
    played(agent("Read it.", state=before))
    (request,) = model.plans
    system, *said, wanted = request.messages

    assert "Be brief." in system.text
    assert ["Hi.", "Hello.", "Read it."] == [message.text for message in said]
    assert "- look(page, loud): Look at a page." in wanted.text
    assert "5 steps are left." in wanted.text
    assert () == request.tools


def test_an_update_is_made_of_a_summary():
    """It reads tasks, calls and results, no plan and no other words, and the steps left."""
    turns = [Message("assistant", "I look.", call(n, page=n).tool_calls) for n in range(3)]
    model = PlanningModel(*turns, "Read.")
    played(Agent(model, [look], planning_interval=3, max_steps=4)("Read it."))
    first, update = model.plans
    said = update.messages[1:-1]

    assert "4 steps are left." in first.messages[-1].text
    assert "One step is left" in update.messages[-1].text
    assert "new plan" in update.messages[-1].text
    assert ["user", *["assistant", "tool"] * 3] == [message.role for message in said]
    assert ["Read it.", "", "page 0", "", "page 1", "", "page 2"] == [m.text for m in said]


def test_an_update_reads_what_the_memory_shows():
    """A policy cuts the summary, too."""
    model = pages(3)
    played(Agent(model, [look], planning_interval=3, memory=window(1))("Read it."))

    assert ["Read it.", "", "page 2"] == [m.text for m in model.plans[1].messages[1:-1]]


def test_the_plan_is_read_in_the_steps():
    """The model reads it as its own words, and is asked to carry it out."""
    model = pages(1)
    played(Agent(model, [look], planning_interval=3, memory=window(1))("Read it."))

    for request in model.steps.requests:
        read = [message.text for message in request.messages[1:4]]
        assert ["Read it.", "plan 1", "Now carry out this plan."] == read


@pytest.mark.parametrize("made", [[], [TextDelta(" \n")], [Finish("stop"), Usage(3, 0)]])
def test_an_empty_plan_is_no_plan(made):
    """The run goes on without one, and the model reads none."""
    model = pages(0, made=made)
    events, error = played(Agent(model, planning_interval=3)("Read it."))

    assert error is None
    assert "PlanStarted MessageCompleted Planned StepStarted" == " ".join(names(events)[1:5])
    assert ["system", "user"] == [message.role for message in model.steps.requests[0].messages]


def test_a_retried_plan_is_that_of_the_last_attempt():
    """What was retracted is in no plan; the tokens of both attempts count."""
    made = [TextDelta("Ba"), Usage(1, 1), StepRetried(1, "x"), TextDelta("Good"), Usage(1, 2)]
    model = pages(0, made=made)
    events, _ = played(Agent(model, planning_interval=3)("Read it."))

    assert made == events[2:7]
    assert [Planned("Good")] == [event for event in events if isinstance(event, Planned)]
    assert "Good" == model.steps.requests[0].messages[2].text
    assert Usage(2, 3) == events[-1].usage


def test_a_refused_plan_ends_the_run():
    """As a refused turn does; what was said of the plan stays in the state."""
    made = [TextDelta("First, "), RefusalDelta("No."), Finish("refusal")]
    events, error = played(Agent(pages(0, made=made), planning_interval=3)("Read it."))

    assert isinstance(error, ModelRefused)
    assert Planned not in map(type, events)
    assert "First, " == fold_all(State(), events).messages()[1].text


def test_calls_of_a_plan_are_not_run():
    """A model that calls a tool while it plans has written no plan."""
    made = [ToolCallDelta(0, "c1", "look", '{"page": 1}'), Finish("tool_calls")]
    events, error = played(Agent(pages(0, made=made), [look], planning_interval=3)("Read it."))

    assert error is None
    assert "ToolStarted" not in names(events)
    assert fold_all(State(), events).messages()[1:] == [Message("assistant", "Read.")]


def test_disposing_hangs_up_the_plan():
    """The model that plans is disposed with the run, and nothing follows."""
    pieces, events = Subject(), []
    with VirtualScheduler() as scheduler:
        run = Agent(lambda request: pieces, planning_interval=3)("Read it.")
        subscription = run.subscribe(events.append, scheduler=scheduler)
        scheduler.run()
        pieces.on_next(TextDelta("First"))
        scheduler.run()
        assert TextDelta("First") == events[-1]
        subscription.dispose()
        scheduler.run()
        assert 0 == len(pieces.observers)
        pieces.on_next(TextDelta("then"))
        scheduler.run()

    assert TextDelta("First") == events[-1]


def test_the_closing_step_is_not_planned():
    """No steps are left then."""
    model = PlanningModel(call(0, page=0), "Enough.")
    events, error = played(Agent(model, [look], planning_interval=1, max_steps=1)("Read it."))

    assert error is None
    assert [1] == planned_before(events)
    assert StepLimitReached(1) in events


def test_no_steps_means_no_plan():
    """With max_steps=0 no model is asked."""
    model = pages(0)
    played(Agent(model, planning_interval=1, max_steps=0)("Read it."))

    assert [] == model.plans


# Planners of users


def test_a_planner_is_a_function_of_the_state():
    """It returns any events, or None; here a plan of another model, after an error only."""
    other = ReadingModel(spending("Look up.", 3, 1))

    def planner(turn):
        errors = [step for step in turn.state.steps if step.error]
        return plan(other, turn.state.messages(summary=True)) if errors else None

    model = ReadingModel("", "Read.")
    events, error = played(Agent(model, planner=planner)("Read it."))

    assert error is None
    assert [2] == planned_before(events)
    assert ["Read it."] == [m.text for m in other.requests[0].messages][:1]
    assert "Look up." == model.requests[1].messages[-2].text
    assert Usage(3, 1) == events[-1].usage


def test_a_planner_needs_no_model():
    """Events from anywhere are a plan, also those that end at once or are none at all."""

    def planner(turn):
        if turn.step > 1:
            return stream_ops.of()
        return stream_ops.of(
            PlanStarted(), Planned(f"{turn.steps_left} steps, {turn.given['who']}")
        )

    model = ReadingModel(call(0, page=0), "Read.")
    agent = Agent(model, [look], planner=planner, max_steps=4)
    _, error = played(agent("Read it.", additional_args={"who": "Ann"}))

    assert error is None
    assert "4 steps, Ann" == model.requests[0].messages[2].text
    assert 2 == len(model.requests)


def test_a_plan_is_a_stream_of_its_own():
    """It may be watched without a run, by the name of a model or a text."""
    events, error = played(plan(lambda request: request.messages[0].text, "Look."))

    assert error is None
    assert [PlanStarted(), Planned("Look.")] == [e for e in events if "Plan" in type(e).__name__]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Agent(deltas, planning_interval=0), "planning_interval must be a number"),
        (
            lambda: Agent(deltas, planning_interval=1.5),
            "planning_interval must be a number of steps",
        ),
        (lambda: Agent(deltas, planner=5), "planner must be a function of a Turn"),
        (
            lambda: Agent(deltas, planner=deltas, planning_interval=3),
            "planner and planning_interval are two ways to plan; give one of them.",
        ),
    ],
)
def test_a_wrong_planner_is_refused(make, sentence):
    """The error says what is wrong, where the agent is made."""
    with pytest.raises((TypeError, ValueError)) as refused:
        make()

    assert str(refused.value).startswith(sentence)


def test_a_planner_that_returns_no_stream_ends_the_run():
    """The error names the planner and what it returned."""

    def planner(turn):
        return "Look."

    _, error = played(Agent(pages(0), planner=planner)("Read it."))

    assert "planner returned 'Look.': it must return a stream of events" in str(error)


EVENTS = (
    ApprovalAnswered("c1", True),
    ApprovalAsked(ToolCall("c1", "look", "{}")),
    FinalAnswer(3),
    MessageCompleted(Message("assistant", "Look.")),
    PlanStarted(),
    Planned("Look."),
    RunCompleted(None),
    RunFailed("ValueError", "over"),
    RunStarted("Read it.", "agent"),
    StepFailed("wrong"),
    StepLimitReached(3),
    StepStarted(9),
    Summarised("Read.", 0),
    TextDelta("Look."),
    ToolCompleted("c1", 1),
    ToolFailed("c1", "wrong"),
    ToolOutput("c1", 1),
    ToolStarted(ToolCall("c1", "look", "{}")),
    Usage(1, 1),
)


@pytest.mark.parametrize("kind", [*map(type, EVENTS), "no event"], ids=repr)
def test_only_what_belongs_before_a_step_is_let_through(kind):
    """Any other event of a planner or a memory policy ends the run, and is not emitted."""
    event = next((event for event in EVENTS if type(event) is kind), kind)
    belongs = kind in (MessageCompleted, Planned, PlanStarted, Summarised, TextDelta, Usage)

    def before(turn):
        return stream_ops.of(event) if turn.step == 1 else None

    class Policy:
        """Prepares what the planner plans."""

        def __call__(self, state):
            """Return all messages."""
            return state.messages()

        prepare = staticmethod(before)

    for agent in (Agent(pages(0), planner=before), Agent(pages(0), memory=Policy())):
        events, error = played(agent("Read it."))
        if belongs:
            assert error is None
            assert event == events[1]
        else:
            assert type(error) is TypeError
            assert "which does not belong before a step" in str(error)
            assert ["RunStarted"] == names(events)


def test_an_agent_that_plans_can_be_sent_to_another_process():
    """Its interval and its planner are kept."""
    agent = Agent("openai:gpt-5-mini", planning_interval=3)
    other = Agent("openai:gpt-5-mini", planner=played)

    assert 3 == pickle.loads(pickle.dumps(agent)).planning_interval
    assert played is pickle.loads(pickle.dumps(other)).planner


def test_a_run_that_plans_has_every_step_in_its_own_stream():
    """`steps` ends a step where the next plan begins."""
    seen = []
    run = Agent(pages(1), [look], planning_interval=1)("Read it.")
    played(
        run.pipe(ops.steps(), rxo.flat_map(lambda step: step.pipe(rxo.to_list()))).pipe(
            rxo.do_action(seen.append)
        )
    )

    assert [False, False] == [any(isinstance(e, PlanStarted) for e in step) for step in seen]
    assert ToolCall("c0", "look", '{"page": 0}') == seen[0][-2].call
