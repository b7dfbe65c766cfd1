"""Summaries: a model shortens the early steps of a conversation that has become long."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Subject

from rxagent import Agent, State, tool
from rxagent.agents.cutting import after_steps
from rxagent.agents.memory import everything, summarise
from rxagent.errors import ModelRefused, ModelUnavailable
from rxagent.events import (
    FinalAnswer,
    Finish,
    RefusalDelta,
    RunCompleted,
    StepLimitReached,
    StepRetried,
    Summarised,
    TextDelta,
    Usage,
)
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel, VirtualScheduler

from ..laws import examples
from ..strategies import conversations
from ..test_passages import said_before
from .reading import ReadingModel, call, names, played, spending


@tool
def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}: " + "word " * 40


def pages(count):
    """Return a model that looks at so many pages, one in each step, and then answers."""
    return ReadingModel(*(call(number, page=number) for number in range(count)), "Read.")


def texts(request):
    """Return the texts of a request without its system message."""
    return [message.text[:6] for message in request.messages if message.role != "system"]


def test_a_long_conversation_is_summarised():
    """Before the step at which it is too long, and only then; the state keeps what was said."""
    model, short = pages(4), ReadingModel(spending("All was well.", 100, 7))
    memory = summarise(short, over=150)
    events, error = played(Agent(model, [look], memory=memory)("Read it."))
    state = fold_all(State(), events)

    assert error is None
    assert [Summarised("All was well.", 2), Summarised("All was well.", 3)] == [
        event for event in events if isinstance(event, Summarised)
    ]
    assert ["Read i", "", "page 0", "", "page 1"] == texts(model.requests[2])
    assert ["Read i", "This i", "", "page 2"] == texts(model.requests[3])
    assert "summary of the first 2 steps" in model.requests[3].messages[2].text
    assert "All was well." in model.requests[3].messages[2].text
    assert 10 == len(state.messages())
    assert Usage(200, 14) == state.usage == events[-1].usage
    assert [RunCompleted(Usage(200, 14))] == events[-1:]


def test_a_summary_builds_on_the_one_before():
    """Each model reads the task, the summary before, and only what is new; calls as text."""
    short = ReadingModel("First.", "Second.")
    played(Agent(pages(4), [look], memory=summarise(short, over=150))("Read it."))
    first, second = (request.messages[0].text for request in short.requests)

    assert [1, 1] == [len(request.messages) for request in short.requests]
    assert {()} == {request.tools for request in short.requests}
    assert "Task: Read it." in first
    assert 'Agent calls look: {"page": 1}\n\nResult of look: page 1: word' in first
    assert "page 2" not in first
    assert "First." in second
    assert "Read it." in second
    assert "page 1" not in second
    assert "Result of look: page 2" in second


def test_a_replayed_run_needs_no_second_summary():
    """The state that is folded from stored events shows the summary, and asks no model."""
    memory = summarise(ReadingModel("All was well."), over=150)
    events, _ = played(Agent(pages(3), [look], memory=memory)("Read it."))

    def never(request):
        raise AssertionError(request)

    state = fold_all(State(), pickle.loads(pickle.dumps(events)))
    again = pages(0)
    policy = summarise(never, over=10_000)
    assert memory(state) == policy(state)
    played(Agent(again, memory=policy)("And now?", state=state))
    assert ["This i", "", "page 2", "Read.", "And no"] == texts(again.requests[0])


def test_the_closing_step_is_summarised_for_too():
    """A summary may come between StepLimitReached and the closing step."""
    memory = summarise(ReadingModel("All was well."), over=150)
    model = ReadingModel(*(call(number, page=number) for number in range(3)), "Enough.")
    events, error = played(Agent(model, [look], memory=memory, max_steps=3)("Read it."))
    end = names(events)[-6:]

    assert error is None
    assert "StepLimitReached Summarised StepStarted MessageCompleted FinalAnswer RunCompleted" == (
        " ".join(end)
    )
    assert StepLimitReached(3) in events


def test_an_empty_summary_is_ignored():
    """Nothing is left out, its tokens count, and the next step tries again."""
    model, short = pages(4), ReadingModel(spending(" \n", 100, 1))
    events, error = played(Agent(model, [look], memory=summarise(short, over=150))("Read it."))

    assert error is None
    assert not any(isinstance(event, Summarised) for event in events)
    assert 2 == len(short.requests)
    assert Usage(200, 2) == events[-1].usage
    assert 10 == len(model.requests[-1].messages)


def test_a_retried_summary_is_made_of_the_last_attempt():
    """What was retracted is not in the summary; its tokens count."""
    retried = [TextDelta("Ba"), Usage(5, 1), StepRetried(1, "x"), TextDelta("Good"), Usage(5, 2)]
    memory = summarise(ReadingModel(retried), over=150)
    events, error = played(Agent(pages(3), [look], memory=memory)("Read it."))

    assert error is None
    assert [Usage(5, 1), Usage(5, 2), Summarised("Good", 2)] == [
        event for event in events if isinstance(event, Usage | Summarised)
    ]
    assert not any(isinstance(event, StepRetried) for event in events)


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (ModelUnavailable("It broke."), ModelUnavailable),
        ([RefusalDelta("No."), Finish("refusal")], ModelRefused),
    ],
)
def test_a_failing_summary_ends_the_run(turn, error):
    """As any model does; `retry` and `fallback` make one that does not."""
    memory = summarise(ScriptedModel([turn]), over=150)
    events, ended = played(Agent(pages(3), [look], memory=memory)("Read it."))

    assert isinstance(ended, error)
    assert "StepStarted" not in names(events)[-2:]


def test_disposing_hangs_up_the_summary():
    """The model that summarises is disposed with the run, and nothing follows."""
    pieces, events = Subject(), []
    memory = summarise(ReadingModel(pieces), over=150)
    with VirtualScheduler() as scheduler:
        run = Agent(pages(4), [look], memory=memory)("Read it.")
        subscription = run.subscribe(events.append, scheduler=scheduler)
        scheduler.run()
        assert 1 == len(pieces.observers)
        subscription.dispose()
        scheduler.run()

    assert 0 == len(pieces.observers)
    assert not any(isinstance(event, FinalAnswer) for event in events)


def test_the_prompt_of_a_summary_can_be_replaced():
    """A template gets the task, the record, the summary before, and a number of words."""
    short = ReadingModel("Short.")
    prompt = "{{ task }} | {{ before }} | {{ words }} | {{ record[:14] }}"
    memory = summarise(short, over=400, prompt=prompt, options={"seed": 1})
    played(Agent(pages(7), [look], memory=memory)("Read it."))

    assert "Read it. |  | 50 | Task: Read it." == short.requests[0].messages[0].text
    assert {"seed": 1} == short.requests[0].options
    with pytest.raises(ValueError, match=r"prompt uses the value 'recrd'.* Did you mean record\?"):
        summarise(short, over=400, prompt="{{ recrd }}")


def test_a_long_single_step_is_left_as_it_is():
    """The latest step is never summarised, so a task of one step asks no other model."""

    def never(request):
        raise AssertionError(request)

    _, error = played(Agent(pages(1), [look], memory=summarise(never, over=1))("Read it."))

    assert error is None


@examples(20)
@given(said_before, conversations(), st.integers(0, 5))
def test_a_summary_stands_for_the_first_steps(said, events, steps):
    """What is read of a state with a summary are the steps after those, whatever came before."""
    events = [event for event in events if not isinstance(event, Summarised)]
    state = fold_all(State.from_messages(said), events)
    whole = fold_all(state, [Summarised("short", steps)])
    rest = state.passages[after_steps(state.passages, steps) :]
    read = summarise(ReadingModel(""), over=1)(whole)
    shown = [message for passage in rest for message in passage.messages]

    assert read[len(read) - len(shown) :] == shown
    assert state.messages() == whole.messages()
    assert everything(whole) == whole.messages()
    assert steps >= sum(p.kind == "step" for p in state.passages) - sum(
        p.kind == "step" for p in rest
    )


def test_a_summary_policy_is_a_value():
    """It can be sent to another process within its agent, and shows what it is."""
    policy = summarise("openai:gpt-5-mini", over=5000)
    agent = Agent("openai:gpt-5-mini", memory=policy)

    assert "over=5000" in repr(policy)
    assert 5000 == pickle.loads(pickle.dumps(agent)).memory.over
