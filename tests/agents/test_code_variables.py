"""A state has the variables after its latest code, whatever the run does later."""

import asyncio
import json
import threading
from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import CodeAgent, State, each, tool
from rxagent.events import (
    StepRetried,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.executors import Limits, SandboxExecutor
from rxagent.state import fold, fold_all
from rxagent.testing import ScriptedModel
from rxagent.wire import dumps, loads

from ..laws import examples

WATCHDOG = 60
LOST = "lost"
EMPTY = State()


def code(*lines):
    """Return a reply that holds a block of code."""
    return "<code>\n" + "\n".join(lines) + "\n</code>"


LOOK = code(
    "found = {}",
    *(
        f"try:\n    found[{name!r}] = {name}\nexcept NameError:\n    pass"
        for name in ("x", "items")
    ),
    "final_answer(found)",
)


def found(state):
    """Return the variables that a run finds which continues a state; LOST if its task says so."""
    run = CodeAgent(lambda _: LOOK).start("Look.", state=state)
    value = run.result(WATCHDOG)
    task = [message.text for message in run.state.messages() if message.role == "user"][-2]
    return LOST if "are lost" in task else value


def played(*turns, **options):
    """Return the events of a run in which the model says these turns."""
    return list(each(CodeAgent(ScriptedModel(turns), **options)("?")))


def after_each_code(events, state=EMPTY):
    """Return the states after the code that ended, in order."""
    states = []
    for event in events:
        state = fold(state, event)
        if isinstance(event, ToolCompleted | ToolFailed):
            states.append(state)
    return states


# Each prefix


PIECES = [
    *("x = 1", "x = 2", "x += 1", "items = []", "items.append(x)", "items += [0]", "print(x)"),
    *("x = 5\n1 / 0", "x = 6\nwhile True: pass", "items = [7]\nnothing", "("),
]
pieces = st.sampled_from(PIECES)
programs = st.lists(st.lists(pieces, min_size=1, max_size=3), min_size=1, max_size=4)


def continued(variables, text, ending):
    """Return what variables become by code that ended so; code that was killed is undone."""
    variables = deepcopy(variables)
    if not (isinstance(ending, ToolFailed) and "TimeoutError" in ending.error):
        with suppress(Exception):
            exec(compile(text, "code", "exec"), {}, variables)
    return variables


@examples(15)
@given(program=programs, eager=st.booleans())
def test_each_prefix_continues_with_its_own_variables(program, eager):
    """Whatever code does, the events up to any one have the variables of the code that ended."""
    executor = SandboxExecutor(Limits(seconds=0.05))
    turns = [code(*step) for step in program]
    events = played(*turns, code("final_answer(0)"), executor=executor, eager=eager)

    state, variables, texts = State(), {}, {}
    for event in events:
        state = fold(state, event)
        if isinstance(event, ToolStarted):
            texts[event.call.id] = json.loads(event.call.arguments)["code"]
        elif isinstance(event, ToolCompleted | ToolFailed):
            variables = continued(variables, texts[event.call_id], event)
        else:
            continue
        # Code that is killed before any other has ended leaves nothing that was saved.
        assert found(state) == variables or (found(state) == LOST and not variables)


def test_a_state_answers_the_same_during_the_run_and_after_it():
    """A state that was taken while code ran has the variables before that code."""
    may_end, on = threading.Event(), threading.Event()

    @tool
    def wait() -> None:
        """Wait."""
        assert may_end.wait(WATCHDOG)

    turns = [code("x = 1"), code("x = 2", "print('on')", "wait()"), code("x = 3"), "Done."]
    taken = []
    run = CodeAgent(ScriptedModel(turns), [wait], max_steps=3).start("?")

    def take(event):
        if isinstance(event, ToolOutput) and event.value == "on\n":
            taken.append(run.state)
            on.set()

    run.subscribe(take, lambda _: None)
    assert on.wait(WATCHDOG)
    during = found(taken[0])
    may_end.set()
    run.result(WATCHDOG)

    assert {"x": 1} == during == found(taken[0])
    assert {"x": 3} == found(run.state)


# Lost variables


def test_variables_that_were_not_saved_are_lost_in_their_states(monkeypatch):
    """Where saving takes long, only the answer has variables, and no state has older ones."""
    monkeypatch.setattr("rxagent.executors.sandbox_variables._QUICK", -1)
    events = played(code("x = 1"), code("x = 2"), code("x = 3", "final_answer(x)"))

    assert [LOST, LOST, {"x": 3}] == [found(state) for state in after_each_code(events)]


def test_the_events_of_a_run_hold_so_many_variables(monkeypatch):
    """Beyond 64 MiB, a step has lost its variables, and the answer has them."""
    monkeypatch.setattr("rxagent.agents.code_session._MOST_KEPT", 250_000)
    steps = [code(f"x = {number}") for number in range(3)]
    first = code("x = 9", "padding = 'x' * 100_000")
    events = played(first, *steps, code("x = 5", "final_answer(x)"))

    expected = [{"x": 9}, {"x": 0}, LOST, LOST, {"x": 5}]
    assert expected == [found(state) for state in after_each_code(events)]


def test_stored_code_takes_away_the_variables_of_an_earlier_run():
    """A state that continues with stored events has no older variables."""
    agent = CodeAgent(ScriptedModel([code("x = 1", "final_answer(x)")]))
    state = fold_all(State(), each(agent("Begin.")))
    again = CodeAgent(lambda _: code("x = 2", "final_answer(x)"))
    later = list(each(again("Go on.", state=state)))

    assert {"x": 2} == found(fold_all(state, later))
    assert LOST == found(fold_all(state, [loads(dumps(event)) for event in later]))


def test_arguments_that_no_code_has_saved_are_lost():
    """If the first code with additional arguments is killed, a state does not lack them alone."""
    state = fold_all(State(), played(code("x = 1", "final_answer(x)")))
    executor = SandboxExecutor(Limits(seconds=0.05))
    turns = iter([code("while True: pass"), code("final_answer(items)")])
    agent = CodeAgent(lambda _: next(turns), executor=executor)
    events = list(each(agent("Go on.", state=state, additional_args={"items": [2]})))

    assert [LOST, {"x": 1, "items": [2]}] == [
        found(after) for after in after_each_code(events, state)
    ]


@pytest.mark.parametrize("first", ["x = 1", "1 / 0", "final_answer(1)"])
def test_variables_that_cannot_be_saved_end_the_run(first):
    """An executor whose `save` raises has failed; its error is that of the run."""

    class Broken(SandboxExecutor):
        def open(self, variables, saved=None):
            session = super().open(variables, saved)
            session.save = lambda: {}["disk"]
            return session

    agent = CodeAgent(ScriptedModel([code(first), code("final_answer(2)")]), executor=Broken())
    with pytest.raises(KeyError, match="disk"):
        agent.run("?", timeout=WATCHDOG)


def test_a_retracted_statement_is_undone():
    """The variables of a retried turn are those of the statements that ended."""
    started = asyncio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        started.set()
        await asyncio.Event().wait()

    async def model(request):
        if any(message.text.startswith("Result of") for message in request.messages):
            yield "<code>\nfinal_answer(x)\n</code>"
            return
        yield TextDelta("<code>\nx = 1\nx = 2; await wait()\nx = 3\n")
        await started.wait()
        yield StepRetried(2, "ModelTimeout: silent")
        yield TextDelta("<code>\nfinal_answer(x)\n</code>")

    events = list(each(CodeAgent(model, [wait], eager=True)("?")))

    assert [{"x": 1}, {"x": 1}, {"x": 1}] == [found(state) for state in after_each_code(events)]
    assert all(event.session for event in events if isinstance(event, ToolFailed))
