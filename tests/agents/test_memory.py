"""Memory policies: what a model reads of a conversation that the state keeps whole."""

import gc
import pickle
import tracemalloc
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent, Message, State, tool
from rxagent.agents.memory import budget, estimate, everything, remembered, summarise, window
from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    RunStarted,
    StepStarted,
    ToolCompleted,
    ToolStarted,
)
from rxagent.messages import Image
from rxagent.passages import well_formed
from rxagent.state import fold, fold_all

from ..laws import examples
from ..strategies import conversations
from ..test_passages import said_before
from .reading import ReadingModel, call, played

law = examples(20)
WATCHDOG = 60


@tool
def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


def never(request):
    """Summarise nothing: a policy asks its model before a step only."""
    raise AssertionError(request)


policies = st.one_of(
    st.builds(window, st.integers(1, 4)),
    st.builds(budget, st.integers(1, 60)),
    st.just(summarise(never, over=10)),
    st.just(everything),
)


def is_part(part, whole):
    """Return whether some messages are a part of others, in their order."""
    rest = iter(whole)
    return all(any(message is other or message == other for other in rest) for message in part)


@law
@given(said_before, conversations(), policies, st.booleans())
def test_no_policy_separates_a_call_from_its_result(said, events, policy, in_brief):
    """What a model reads is well-formed as it is, and a part of the conversation."""
    state = fold_all(State.from_messages(said), events)
    state = state.in_brief() if in_brief else state
    read = policy(state)
    summaries = [message for message in read if message.text.startswith("This is a summary")]

    assert well_formed(read) == read == remembered(policy, state)
    assert is_part([message for message in read if message not in summaries], state.messages())


@law
@given(said_before, conversations(), policies)
def test_every_policy_keeps_the_task_and_the_system_messages(said, events, policy):
    """The current task is read at every moment, and so are system messages."""
    state = fold_all(State.from_messages(said), events)
    passages, read = state.passages, policy(state)
    tasks = [passage for passage in passages if passage.kind == "task"]
    system = [message for message in state.messages() if message.role == "system"]

    assert is_part([message for each in tasks[-1:] for message in each.messages], read)
    assert system == [message for message in read if message.role == "system"]


@law
@given(said_before, conversations(), st.integers(1, 60))
def test_a_budget_is_kept(said, events, tokens):
    """Only what always stays, and the latest step, may exceed a budget."""
    state = fold_all(State.from_messages(said), events)
    read = budget(tokens)(state)
    smallest = budget(1)(state)

    assert is_part(smallest, read)
    assert sum(map(estimate, read)) <= tokens or read == smallest


@law
@given(conversations(), st.integers(1, 4))
def test_a_window_shows_the_latest_steps(events, steps):
    """It shows the messages of so many steps, and no earlier one."""
    state = fold_all(State(), events)
    done = [step for step in state.passages if step.kind == "step"]
    read = window(steps)(state)
    shown = [message for step in done[-steps:] for message in step.messages]

    assert is_part(shown, read)
    assert sum(message.role == "assistant" for message in read) <= sum(
        passage.messages[:1] != () and passage.messages[0].role == "assistant"
        for passage in (*done[-steps:], *(p for p in state.passages if p.kind == "plan"))
    )


def pages(count):
    """Return a model that looks at so many pages, one in each step, and then answers."""
    return ReadingModel(*(call(number, page=number) for number in range(count)), "Read.")


def test_an_agent_reads_what_its_memory_shows():
    """A window is what the model reads; the state has all of it."""
    model = pages(5)
    events, error = played(Agent(model, [look], memory=window(2))("Read it."))
    read = [message.text for message in model.requests[-1].messages[1:]]

    assert error is None
    assert ["Read it.", "", "page 3", "", "page 4"] == read
    assert 6 == len(fold_all(State(), events).steps)


def test_any_function_of_the_state_is_a_policy():
    """A result without its call is left out, and a call without its result gets one."""
    model = pages(3)
    agent = Agent(model, [look], memory=lambda state: state.messages()[-2:])
    _, error = played(agent("Read it."))
    roles = [message.role for message in model.requests[-1].messages]
    cut = Agent(pages(3), [look], memory=lambda state: state.messages()[-1:])

    assert error is None
    assert ["system", "assistant", "tool"] == roles
    assert [FinalAnswer("Read.")] == [e for e in played(cut("?"))[0] if type(e) is FinalAnswer]


def test_a_policy_that_raises_ends_the_run():
    """So does one that returns no messages; the error says which argument is wrong."""
    _, raised = played(Agent(pages(1), memory=lambda state: 1 / 0)("?"))
    _, wrong = played(Agent(pages(1), memory=lambda state: ["Hi"])("?"))

    assert isinstance(raised, ZeroDivisionError)
    assert "The messages of memory must be a list of Message; 'Hi' is not one." == str(wrong)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Agent(pages(1), memory=5), "memory must be a policy, as window(steps=5), or"),
        (lambda: Agent(pages(1), memory=window), "memory must be a policy; window makes one"),
        (lambda: Agent(pages(1), memory=State), "memory must be a policy, as window(steps=5), or"),
        (lambda: window(0), "steps must be a number of steps, 1 or more, not 0"),
        (lambda: budget(0), "tokens must be a number of tokens, 1 or more, not 0"),
        (lambda: budget(5, count=5), "count must be a function of a message, not 5"),
        (lambda: summarise(never, over=0), "over must be a number of tokens, 1 or more, not 0"),
    ],
)
def test_a_wrong_policy_is_refused(make, sentence):
    """The error says what is wrong, where the policy is made."""
    with pytest.raises((TypeError, ValueError)) as refused:
        make()

    assert str(refused.value).startswith(sentence)


def test_tokens_are_estimated():
    """Four ASCII characters, or one of another alphabet, are about a token; an image is many."""
    empty = estimate(Message("user"))

    assert empty + 1 == estimate(Message("user", "abcd"))
    assert empty + 2 == estimate(Message("user", "日本"))
    assert empty + 2 == estimate(Message("assistant", "ab", reasoning="cd"))
    assert estimate(call(1, page=1)) > empty
    assert estimate(Message("user", images=[Image("data:,")])) > 500


@pytest.mark.parametrize(
    "policy", [window(2), budget(9), everything], ids=["window", "budget", "everything"]
)
def test_a_policy_can_be_sent_to_another_process(policy):
    """A policy is a value, and so is an agent with one."""
    agent = Agent("openai:gpt-5-mini", memory=policy)

    assert policy == pickle.loads(pickle.dumps(policy))
    assert policy == pickle.loads(pickle.dumps(agent)).memory


def reader(steps):
    """Return a model that looks at so many pages, and keeps nothing."""

    def read(request):
        done = sum(message.role == "assistant" for message in request.messages)
        return call(done, page=done) if done < steps else "Read."

    return read


def messages_alive():
    """Return all messages that are in memory."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is Message]


@pytest.mark.parametrize("memory", [everything, budget(10**6)], ids=["everything", "budget"])
def test_each_message_of_a_long_run_is_stored_once(memory):
    """A run of 200 steps keeps a message for each turn: neither requests nor copies."""
    before = len(messages_alive())
    run = Agent(reader(200), [look], memory=memory, max_steps=201).start("Read it.")
    assert "Read." == run.result(WATCHDOG)
    state = run.state

    alive = len(messages_alive()) - before
    assert 201 == len(state.steps)
    assert 201 <= alive <= 201 + 4


def room_for_states(steps):
    """Return the bytes that the states of all steps need together, beside the events."""
    events = [RunStarted("Read it.", "agent")]
    for number in range(steps):
        message = call(number, page=number)
        events += [StepStarted(number + 1), MessageCompleted(message)]
        events += [ToolStarted(message.tool_calls[0]), ToolCompleted(f"c{number}", "x", "x")]
    gc.collect()
    tracemalloc.start()
    states = list(accumulate(events, fold, initial=State()))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert steps == len(states[-1].steps)
    return used


def test_the_states_of_a_run_grow_linearly():
    """Twice as many steps need twice the room, even if the state after each event is kept."""
    assert room_for_states(400) < 2.2 * room_for_states(200)
