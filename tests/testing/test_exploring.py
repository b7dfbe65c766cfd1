"""Exploring finds what goes wrong in some order of events, and shows it."""

import pytest
import reactivex as rx
from reactivex import operators as rxo
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from rxagent import Agent, Message, ToolCall
from rxagent import operators as ops
from rxagent.errors import ModelError
from rxagent.events import (
    MessageCompleted,
    MessageReceived,
    RunCompleted,
    StepStarted,
    TextDelta,
    ToolFailed,
    ToolStarted,
)
from rxagent.testing import ScriptedModel, explore
from tests.agents.grammar import assert_run

ANSWER = "Hello there."


def careful(world):
    """Ask a model that is asked again, and another one."""
    again = ops.retry(2, midstream=True)
    model, other = (world.model(ANSWER).pipe(ops.timeout(idle=5), again) for _ in range(2))
    return ops.fallback(model, other, midstream=True)("Hi.")


def is_whole(explored):
    """Return whether the answer is whole, or its failure typed."""
    if explored.error is not None:
        return isinstance(explored.error, ModelError) and ANSWER.startswith(explored.text)
    return ANSWER == explored.text


@pytest.mark.parametrize("after", [0, 0.001, 1])
def test_operators_on_models_hold_in_any_order(after):
    """Each answer is whole, and every request is closed."""
    explore(careful, is_whole, seeds=60)
    explore(
        lambda world: ops.hedge(*[world.model(ANSWER).pipe(ops.timeout(idle=5))] * 2, after=after)(
            "Hi."
        ),
        is_whole,
        seeds=60,
    )


def test_an_agent_holds_in_any_order():
    """Its events keep the grammar of a run, with tools that run at the same time."""
    calls = [ToolCall(f"c{number}", "look", "{}") for number in range(3)]

    def run(world):
        model = world.model(Message("assistant", tool_calls=calls), ANSWER)
        safe = model.pipe(ops.timeout(idle=3), ops.retry(3, midstream=True))
        return Agent(safe, tools=[world.tool("look", "a", "b", faults=0.3)])("Do it.")

    def check(explored):
        started = [event for event in explored.items if isinstance(event, ToolStarted)]
        assert explored.error or len(started) >= 3
        assert explored.error or isinstance(explored.items[-1], RunCompleted)
        if explored.error is None:
            assert_run(explored.items)

    explore(lambda world: run(world).pipe(ops.timeout(total=60)), check, seeds=25)


def test_what_is_wrong_is_shown_as_a_diagram_with_its_seed():
    """The message names the seed and draws what happened; the seed alone fails in the same way."""

    def check(explored):
        assert "".join(item.text for item in explored.items if isinstance(item, TextDelta)) in (
            "",
            ANSWER,
        )

    with pytest.raises(AssertionError, match=r"The check does not hold: ") as failed:
        explore(careful, check)
    message = str(failed.value)
    seed = int(message.split("This is seed ")[1].split(",")[0])
    with pytest.raises(AssertionError) as again:
        explore(careful, check, seeds=[seed])

    assert f"seeds=[{seed}] repeats it." in message
    assert "\nmodel1_1: " in message
    assert "\nmodel1_1^ " in message
    assert "\nout:      " in message
    assert "e = StepRetried(1, " in message
    assert message.split("\n\n", 1)[1] == str(again.value).split("\n\n", 1)[1]


def test_a_model_that_falls_silent_is_found():
    """Without a time limit a pipeline may not end."""
    with pytest.raises(AssertionError, match="It does not end, and nothing more is to come"):
        explore(lambda world: world.model(ANSWER)("Hi."))


def test_what_stays_open_is_found():
    """A pipeline that has ended must have closed what it opened."""

    def leaving_open(source):
        def subscribe(observer, scheduler=None):
            source.subscribe(observer, scheduler=scheduler)
            observer.on_completed()
            return Disposable()

        return rx.Observable(subscribe)

    with pytest.raises(AssertionError, match=r"It has ended, and left open: stream1_1\."):
        explore(lambda world: world.stream("a", faults=1).pipe(leaving_open), seeds=20)


def test_what_never_rests_is_found():
    """A stream without an end is cut, and shown."""
    with pytest.raises(AssertionError, match=r"It raises Endless|It never comes to rest"):
        explore(lambda world: rx.interval(1).pipe(rxo.merge(world.stream("a"))), seeds=1)


def test_what_the_pipeline_raises_is_the_cause():
    """The error of a pipeline is named, and its traceback is kept."""
    with pytest.raises(AssertionError, match="It raises KeyError: 'x'") as failed:
        explore(lambda world: {}["x"], seeds=1)

    assert isinstance(failed.value.__cause__, KeyError)


def test_a_check_may_return_false():
    """A predicate serves as well as assertions."""
    with pytest.raises(AssertionError, match="The check returns False"):
        explore(lambda world: world.stream("a"), lambda explored: explored.items == [], seeds=3)


def test_what_is_due_at_the_same_instant_comes_in_any_order():
    """Two streams that speak at the same time are merged in both orders; each keeps its own."""
    seen = set()

    def check(explored):
        assert [1, 2] == [item for item in explored.items if isinstance(item, int)]
        if len({note.at for note in explored.notes[:-1]}) == 1:
            seen.add(tuple(explored.items))

    explore(lambda world: rx.merge(world.stream(1, 2), world.stream("a")), check, seeds=400)

    assert {(1, "a", 2), ("a", 1, 2)} == seen


def test_a_world_has_all_kinds_of_faults():
    """Some answers are whole, some fail at once or later, and some fall silent."""
    ends = set()

    def check(explored):
        (row,) = explored.rows
        said = "".join(note.value.text for note in row.notes if hasattr(note.value, "text"))
        ends.add((type(explored.error).__name__, bool(said), said == ANSWER))

    explore(lambda world: world.model(ANSWER)("Hi.").pipe(ops.timeout(idle=9)), check)

    assert {kind for kind, _, _ in ends} == {
        *("NoneType", "ModelUnavailable", "RateLimited", "ModelTimeout")
    }
    assert {(False, False), (True, False), (True, True)} <= {end[1:] for end in ends}


@pytest.mark.parametrize("seeds", [0, -1, [], True, None, "7", [1.5]])
def test_without_a_seed_nothing_is_tried(seeds):
    """So an exploration of no seeds is refused, not passed."""
    with pytest.raises(ValueError, match="seeds must be a number of seeds, at least 1"):
        explore(careful, is_whole, seeds=seeds)


async def later(explored):
    """Check nothing yet."""
    raise AssertionError("It is wrong.")


def generated(explored):
    """Check nothing until it is read."""
    yield
    raise AssertionError("It is wrong.")


async def generated_later(explored):
    """Check nothing until it is read."""
    yield
    raise AssertionError("It is wrong.")


@pytest.mark.parametrize("check", [later, generated, generated_later])
def test_a_check_that_does_not_run_is_refused(check):
    """A coroutine or a generator checks nothing by being called."""
    with pytest.raises(TypeError, match="has not run"):
        explore(careful, check, seeds=1)


async def pay(number: int) -> str:
    """Pay."""
    return f"paid {number}"


def said_at(kind, turns, **options):
    """Return a pipeline to whose run a message is said at its first event of a type."""

    def pipeline(world):
        said, at = Subject(), []

        def say(event):
            if type(event) is kind and not at:
                at.append(event)
                said.on_next("Stop!")

        agent = Agent(ScriptedModel(turns), [pay], **options)
        return agent("x", inbox=said, steer="switch").pipe(rxo.do_action(say))

    return pipeline


def test_the_turns_of_the_loop_are_short_or_long():
    """What begins in slices may meet anything between two of them, as in a run in real time."""
    calls = [ToolCall(f"c{number}", "pay", f'{{"number": {number}}}') for number in range(40)]
    slices = set()

    def nothing_starts_after_the_message(explored):
        kinds = [type(event) for event in explored.items]
        at = kinds.index(MessageReceived)
        slices.add(kinds.count(ToolFailed))
        return ToolStarted not in kinds[at:]

    explore(said_at(StepStarted, ["one two three", "four"], eager=True))
    turns = [Message("assistant", tool_calls=calls), "done"]
    explore(said_at(MessageCompleted, turns), nothing_starts_after_the_message)
    explore(said_at(ToolStarted, turns), nothing_starts_after_the_message)
    assert len(slices) > 1
