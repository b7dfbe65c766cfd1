"""Tools that are piped through operators: tools again, whose calls run through them."""

import copy
import pickle

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, Image, Message, ToolCall, each, tool
from rxagent import operators as ops
from rxagent.errors import BudgetExceeded, ToolTimeout
from rxagent.events import StepRetried, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.tools import Given, Toolbox, run_call

from ..laws import examples

CALL = ToolCall("c", "search", "{}")


def events_of(made, scheduler=None):
    """Return the events of a call of a tool, and when they come."""
    seen = []
    with VirtualScheduler() as scheduler:
        run_call(Toolbox([made]), CALL).subscribe(
            lambda event: seen.append((round(scheduler.clock, 3), event)), scheduler=scheduler
        )
        scheduler.run()
    return seen


def failing(times, error, result="found"):
    """Return a tool that raises so many times, and then returns."""
    left = [times]

    def search():
        """Search."""
        if left[0]:
            left[0] -= 1
            raise error
        return result

    return tool(search)


@tool
def shout(text: str) -> str:
    """Say it aloud."""
    return text.upper()


same = rxo.map(lambda value: value)

PICTURE = Image("https://example.org/ant.png")

values = st.one_of(st.text(), st.integers(), st.none(), st.lists(st.integers()), st.just(PICTURE))


@given(st.lists(values, max_size=4) | values)
def test_operators_that_change_nothing_change_no_event(value):
    """A piped tool gives the events of the tool, whether it returns or yields, with images too."""

    def search():
        """Search."""
        if isinstance(value, list):
            yield from value
        else:
            yield value

    def returning():
        """Search."""
        return value

    for function in (search, returning):
        plain = tool(function, name="search")
        assert events_of(plain) == events_of(plain.pipe(same, ops.timeout(total=5), ops.retry(2)))


@examples(25)
@given(values, st.lists(values, max_size=3), st.integers(0, 3), st.booleans())
def test_what_operators_emit_is_read_as_if_the_function_had_yielded_it(value, more, at, asks):
    """Starts once, ends once; the returned value is one of several, also if it is not asked for."""

    def search():
        """Search."""
        return value

    def yielding():
        """Search."""
        yield from emitted

    emitted = [*more[:at], value, *more[at:]]
    made = tool(search)
    if asks:
        piped = made.pipe(rxo.flat_map(lambda _: rx.of(*emitted)))
    else:
        piped = made.pipe(lambda _: rx.of(*emitted))
    alike = made if asks and not more else tool(yielding, name="search")

    assert events_of(alike) == events_of(piped)
    if at >= len(more):
        before = made.pipe(rxo.start_with(*more)) if more else made
        assert events_of(alike if asks or more else made) == events_of(before)


def test_an_operator_that_answers_alone_makes_a_call():
    """So it is counted, and a budget cuts it; one that emits nothing has the result None."""
    nothing = shout.pipe(lambda _: rx.empty())
    call = ToolCall("c", "shout", '{"text": "ants"}')
    model = ScriptedModel([Message("assistant", tool_calls=[call]), "Done."])
    agent = Agent(model, [nothing])
    kinds = ops.of_type(ToolStarted, ToolOutput, ToolCompleted)
    seen = []

    with pytest.raises(BudgetExceeded):
        for event in each(agent.pipe(ops.budget(tool_calls=0))("Go").pipe(kinds)):
            seen.append(event)
    assert [] == seen
    assert [ToolStarted(call), ToolCompleted("c", "(no result)")] == list(
        each(agent("Go").pipe(kinds))
    )


def test_a_tool_is_tried_again_after_any_error():
    """It starts once, the retry is an output, and the result is that of the last attempt."""
    made = failing(2, ValueError("no")).pipe(ops.retry(3, delay=1))

    assert [
        (0, ToolStarted(CALL)),
        (0, ToolOutput("c", StepRetried(1, "ValueError: no"))),
        (1, ToolOutput("c", StepRetried(2, "ValueError: no"))),
        (3, ToolCompleted("c", "found", "found")),
    ] == events_of(made)


def test_the_last_error_is_that_of_the_tool():
    """When no attempt is left the model reads what the tool raised; `on` chooses the errors."""
    made = failing(9, ValueError("no"))

    assert ToolFailed("c", "ValueError: no") == events_of(made.pipe(ops.retry(2)))[-1][1]
    assert 2 == len(events_of(made.pipe(ops.retry(2, on=KeyError))))


def test_an_output_is_not_emitted_twice():
    """A tool that has emitted something is tried again `midstream` alone, which retracts it."""
    left = [1]

    def search():
        """Search."""
        yield "found "
        if left[0]:
            left[0] -= 1
            raise ValueError("no")
        yield "it"

    assert ToolFailed("c", "ValueError: no") == events_of(tool(search).pipe(ops.retry(2)))[-1][1]
    left[0] = 1
    midstream = ops.retry(2, midstream=True)
    assert (
        ToolCompleted("c", "found it", "found it") == events_of(tool(search).pipe(midstream))[-1][1]
    )


def test_a_tool_that_is_late_is_named_as_a_tool():
    """The time limit is one of a tool, and each attempt has the whole of it."""

    def search():
        """Search."""
        return rx.timer(9)

    made = tool(search).pipe(ops.timeout(total=2), ops.retry(2, delay=1))
    late = "ToolTimeout: The tool has not ended after 2 s."

    assert [
        (0, ToolStarted(CALL)),
        (2, ToolOutput("c", StepRetried(1, late))),
        (5, ToolFailed("c", late)),
    ] == events_of(made)


def test_what_operators_emit_is_the_output():
    """A function of a stream of one's own takes plain values, whose images are found."""
    made = tool(lambda: "it", name="search", description="Search.")

    assert ToolCompleted("c", "IT", "IT") == events_of(made.pipe(rxo.map(str.upper)))[-1][1]
    pictured = events_of(made.pipe(rxo.map(lambda _: PICTURE)))[-1][1]
    assert (PICTURE,) == pictured.images


def test_an_error_of_an_operator_is_one_of_the_tool():
    """A tool with an operator that fails ends in ToolFailed, and the run goes on."""
    made = tool(lambda: "it", name="search", description="Search.").pipe(rxo.map(int))
    model = ScriptedModel([Message("assistant", tool_calls=[CALL]), "Done."])

    assert events_of(made)[-1][1].error.startswith("ValueError: invalid literal for int()")
    assert "Done." == Agent(model, [made]).run("Go")


def test_a_piped_tool_is_the_tool():
    """Name, schema, given values and the call of the function stay; so do copies and pickles."""

    def search(text: str, user: Given[str]) -> str:
        """Search."""
        return f"{text} for {user}"

    plain = tool(search, name="look", timeout=3)
    made = plain.pipe(ops.retry(2))

    assert (plain.spec, plain.given, plain.timeout) == (made.spec, made.given, made.timeout)
    assert "ants for Ada" == made("ants", user="Ada")
    assert ["ANTS"] == list(each(shout.pipe(ops.retry(2)).stream({"text": "ants"})))
    assert copy.deepcopy(made) is made


def test_a_piped_tool_is_pickled_with_its_operators():
    """Operators of ours are pickled; one of ReactiveX is refused with a sentence."""
    made = pickle.loads(pickle.dumps(shout.pipe(ops.retry(2, delay=0))))

    assert ("shout", "retry(2, delay=0)") == (made.name, repr(made._operators[0]))
    assert 2 == len(tool(made, name="other").pipe(ops.timeout(total=1))._operators)
    with pytest.raises(pickle.PicklingError, match="The tool 'shout' cannot be pickled, because"):
        pickle.dumps(shout.pipe(same))


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (ops.retry, r"write ops\.retry\(\.\.\.\)"),
        (ops.accumulate(), "it takes deltas, and a tool emits values"),
        (shout, "is a model, a tool or an agent, and no operator"),
        ("x", "is no operator"),
        (str, "is no operator"),
    ],
    ids=range(5),
)
def test_what_cannot_be_piped_to_a_tool_is_refused(operator, why):
    """It is refused when the tool is made, and the error says what to write."""
    with pytest.raises(TypeError, match=why):
        shout.pipe(operator)


def test_a_run_within_a_tool_is_not_tried_again():
    """A tool that runs an agent is refused at the first event, since its tools would run twice."""
    inner = Agent(ScriptedModel(["Hi"]), name="search", description="Search.").as_tool()
    arguments = ToolCall("c", "search", '{"task": "Go"}')

    with VirtualScheduler() as scheduler:
        seen = []
        run_call(Toolbox([inner.pipe(ops.retry(2))]), arguments).subscribe(
            seen.append, scheduler=scheduler
        )
        scheduler.run()

    assert [ToolStarted, ToolFailed] == [type(event) for event in seen]
    assert "tools would run twice" in seen[-1].error


def test_disposing_ends_the_wait_for_the_next_attempt():
    """A call that is disposed while it waits calls the tool no more."""
    made = failing(1, ValueError("no")).pipe(ops.retry(2, delay=5))
    seen = []
    with VirtualScheduler() as scheduler:
        call = run_call(Toolbox([made]), CALL).subscribe(seen.append, scheduler=scheduler)
        scheduler.advance_to(1)
        call.dispose()
        scheduler.run()

    assert [ToolStarted, ToolOutput] == [type(event) for event in seen]


def test_the_error_of_a_late_tool_is_caught_as_one():
    """Who uses a tool's stream gets ToolTimeout."""
    made = tool(lambda: rx.never(), name="search", description="Search.")
    errors = []
    with VirtualScheduler() as scheduler:
        made.pipe(ops.timeout(idle=2)).stream({}).subscribe(
            on_error=errors.append, scheduler=scheduler
        )
        scheduler.run()

    assert [ToolTimeout] == [type(error) for error in errors]
