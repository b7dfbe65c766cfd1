"""Budgets: a run is cut at the moment in which it has spent more, with all that is inside it."""

from functools import partial

import pytest
import reactivex as rx
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, State, launch, tool
from rxagent import operators as ops
from rxagent.errors import BudgetExceeded, UnknownPrice
from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    RunFailed,
    RunStarted,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.ledger import Charge, Ledger, Spent
from rxagent.messages import Message, ToolCall
from rxagent.models import as_model
from rxagent.prices import Price
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import marbles, model_of

from ..laws import examples
from ..strategies import conversations, prefixes

EVERYTHING = 10**9
CHEAP = Price(input=1.0, output=2.0)


def observed(stream):
    """Return all that a stream emits, and its error."""
    seen, errors = [], []
    with VirtualScheduler() as scheduler:
        stream.subscribe(seen.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return seen, (errors or [None])[0]


def reports(events):
    """Yield each report of usage, of inner runs too."""
    for event in events:
        while isinstance(event, ToolOutput):
            event = event.value
        if isinstance(event, Usage):
            yield event


def usages(events):
    """Return the tokens of all reports."""
    return sum(usage.total_tokens for usage in reports(events))


# What passes, and what is left


@given(conversations())
@examples(20)
def test_a_run_within_its_budget_passes_unchanged(events):
    """A budget that is never exceeded changes nothing, and counts what was reported."""
    ledger = Ledger(prices=CHEAP)
    seen, error = observed(
        rx.from_iterable(events).pipe(ops.budget(tokens=EVERYTHING, seconds=9, ledger=ledger))
    )

    assert events == seen
    assert error is None
    assert ledger.spent.tokens >= usages(events)
    assert sum(1 for event in flat(events) if isinstance(event, StepStarted)) == ledger.spent.steps
    calls = sum(1 for event in flat(events) if isinstance(event, ToolStarted))
    assert calls == ledger.spent.tool_calls
    assert usages(events) == sum(each.total_tokens for each in ledger.usage_by_model.values())


def flat(events):
    """Yield the events of all runs, the inner ones too."""
    for event in events:
        while isinstance(event, ToolOutput):
            event = event.value
        yield event


LIMITS = st.one_of(
    st.builds(lambda n: {"tokens": n}, st.integers(0, 2000)),
    st.builds(lambda n: {"usd": n / 1e6, "prices": CHEAP}, st.integers(0, 4000)),
    st.builds(lambda n: {"steps": n}, st.integers(0, 4)),
    st.builds(lambda n: {"tool_calls": n}, st.integers(0, 4)),
)


@given(prefixes(), LIMITS)
@examples(40)
def test_what_is_cut_is_a_prefix_with_its_state(events, limit):
    """A cut run has emitted a prefix, its error holds the fold of that, and nothing follows."""
    seen, error = observed(rx.from_iterable(events).pipe(ops.budget(**limit)))

    assert events[: len(seen)] == seen
    assert (len(seen) == len(events)) or isinstance(error, BudgetExceeded)
    if error is not None:
        failed = RunFailed("BudgetExceeded", f"BudgetExceeded: {error}")
        assert fold_all(State(), [*seen, failed]) == error.state
        assert error.state.error == f"BudgetExceeded: {error}"


@given(prefixes(), st.integers(0, 3), st.integers(0, 3))
@examples(20)
def test_no_step_and_no_call_begins_beyond(events, steps, calls):
    """What a budget does not allow has no beginning in the stream, and is not counted."""
    ledger = Ledger()
    limit = ops.budget(steps=steps, tool_calls=calls, ledger=ledger)
    seen, _ = observed(rx.from_iterable(events).pipe(limit))

    begun = sum(1 for event in flat(seen) if isinstance(event, StepStarted))
    called = sum(1 for event in flat(seen) if isinstance(event, ToolStarted))
    assert (begun, called) == (ledger.spent.steps, ledger.spent.tool_calls)
    assert begun <= steps
    assert called <= calls


@given(prefixes(), st.integers(0, 2000))
@examples(20)
def test_reported_tokens_never_pass_a_budget_by_more_than_one_report(events, tokens):
    """Before the event that exceeds it, no more was reported than the budget has."""
    seen, error = observed(rx.from_iterable(events).pipe(ops.budget(tokens=tokens)))

    assert usages(seen[:-1] if error else seen) <= tokens


@given(st.lists(st.text("ab é日", max_size=9), max_size=600), st.integers(0, 400))
@examples(40)
def test_the_state_is_the_same_however_long_the_text(texts, tokens):
    """Pieces are joined for the state, and the state says the same."""
    events = [StepStarted(1), *map(TextDelta, texts)]
    seen, error = observed(rx.from_iterable(events).pipe(ops.budget(tokens=tokens)))

    if error is not None:
        said = "".join(event.text for event in seen if isinstance(event, TextDelta))
        assert said == error.state.text


# Tokens and dollars


def test_an_estimate_is_replaced_by_the_report():
    """What is reported counts in place of the pieces before it, not beside them."""
    ledger = Ledger()
    events = [StepStarted(1), TextDelta("x" * 400), Usage(10, 3), TextDelta("y" * 40)]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert 13 + 10 == ledger.spent.tokens


def test_input_that_is_reported_first_keeps_the_estimate():
    """A report of input alone, as at the start of a message, says nothing of the output."""
    ledger = Ledger()
    events = [StepStarted(1), TextDelta("x" * 400), Usage(10, 0), TextDelta("y" * 40), Usage(0, 7)]
    observed(rx.from_iterable(events[:4]).pipe(ops.budget(ledger=ledger)))
    assert 120 == ledger.spent.tokens

    ledger = Ledger()
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))
    assert 17 == ledger.spent.tokens


def test_a_turn_without_a_report_counts_as_estimated():
    """The next turn's report does not stand for the one before it."""
    ledger = Ledger()
    events = [
        StepStarted(1),
        TextDelta("x" * 400),
        MessageCompleted(Message("assistant", "x" * 400)),
        StepStarted(2),
        TextDelta("y" * 4),
        Usage(5, 5),
    ]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert 110 == ledger.spent.tokens


def test_inner_runs_have_their_own_estimates():
    """Reports of one call do not replace the pieces of another one beside it."""
    ledger = Ledger()
    events = [
        ToolOutput("a", TextDelta("x" * 40)),
        ToolOutput("b", TextDelta("x" * 40)),
        ToolOutput("a", ToolOutput("c", TextDelta("x" * 40))),
        ToolOutput("a", Usage(1, 1)),
    ]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert 10 + 10 + 2 == ledger.spent.tokens


def test_calls_cost_what_they_are_written_with():
    """The name and the arguments of a call are output, too."""
    ledger = Ledger()
    events = [ToolCallDelta(0, "c", "add!"), ToolCallDelta(0, None, None, '{"a": 1}')]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert 3 == ledger.spent.tokens


def test_dollars_are_counted_by_the_price_of_each_model():
    """Each report costs what its own model costs, reads from a cache less."""
    prices = {"big": Price(10, 20, cached=1), "small": Price(1, 2)}
    ledger = Ledger(prices=prices)
    events = [
        Usage(1000, 100, cached_tokens=900, model="big"),
        ToolOutput("c", Usage(1000, 100, model="small")),
    ]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert (1000 + 900 + 2000 + 1000 + 200) / 1e6 == pytest.approx(ledger.spent.usd)


def test_dollars_cut_in_the_middle_of_an_answer():
    """Once the model is known, its pieces cost something before their report."""
    events = [Usage(100, 1, model="big"), *[TextDelta("word ")] * 100]
    limit = ops.budget(usd=0.002, prices={"big": Price(10, 100)})
    seen, error = observed(rx.from_iterable(events).pipe(limit))

    assert isinstance(error, BudgetExceeded)
    assert "$0.002" in str(error)
    assert 9 == len(seen)  # 0.0011 dollars, and 0.000125 for each word


def test_an_unknown_price_is_refused():
    """A budget in dollars cannot count a model without a price, and says how to give one."""
    stream = rx.of(TextDelta("a"), Usage(1, 1, model="mine"), TextDelta("b"))
    seen, error = observed(stream.pipe(ops.budget(usd=1)))
    assert [TextDelta("a")] == seen
    assert isinstance(error, UnknownPrice)
    assert "'mine': Price(input=..., output=...)" in str(error)

    assert observed(stream.pipe(ops.budget(usd=1, prices=CHEAP)))[1] is None
    assert observed(stream.pipe(ops.budget(usd=1, prices={"mine": CHEAP})))[1] is None
    assert observed(stream.pipe(ops.budget(tokens=9)))[1] is None

    nameless = rx.of(Usage(1, 1))
    assert isinstance(observed(nameless.pipe(ops.budget(usd=1)))[1], UnknownPrice)


# Whole agents


def answering(*replies):
    """Return a model that replies one after the other."""
    return ScriptedModel(replies)


ran = []


@tool
def search(topic: str) -> str:
    """Search for a topic."""
    ran.append(topic)
    return topic * 2


def call(number, name="search", **arguments):
    """Return a message that calls a tool."""
    given = "{" + ", ".join(f'"{key}": "{value}"' for key, value in arguments.items()) + "}"
    return Message("assistant", tool_calls=[ToolCall(f"c{number}", name, given)])


def test_a_call_beyond_the_budget_does_not_run():
    """The tool's code is not called, and the state says that the call was interrupted."""
    ran.clear()
    agent = Agent(answering(call(1, topic="a"), call(2, topic="b"), "Done."), [search])
    run = launch(agent("Go.").pipe(ops.budget(tool_calls=1)))
    with pytest.raises(BudgetExceeded, match="tool_calls=1") as failed:
        run.result(60)

    assert ["a"] == ran
    assert "failed" == run.status
    assert run.state == failed.value.state
    assert "Interrupted" == run.state.messages()[-1].text


def test_an_answer_is_cut_and_its_request_closed():
    """Within one delta, down to the model."""
    words = TextDelta("word " * 8)  # 10 tokens
    cut = BudgetExceeded(
        "The budget is exceeded: 30 tokens were used, more than tokens=25. ...", state=...
    )
    with marbles(a=words, x=len(words.text), error=cut) as m:
        model = m.cold("-a-a-a-a-a|")
        run = Agent(model_of(model))("Go.").pipe(ops.budget(tokens=25), ops.text(), rxo.map(len))
        m.expect(run).to_be("-x-x-(x#)")
        m.expect(model).to_be_subscribed("^----!")


def test_an_inner_agent_spends_the_outer_budget():
    """The budget of the outer run cuts a run within it, and all that is open."""
    inner = Agent(answering("word " * 400), name="inner", description="Talks.")
    outer = Agent(answering(call(1, "inner", task="Talk."), "Done."), [inner])
    seen, error = observed(outer("Go.").pipe(ops.budget(tokens=100)))

    assert isinstance(error, BudgetExceeded)
    assert isinstance(seen[-1], ToolOutput)
    assert not [event for event in seen if isinstance(event, ToolCompleted | FinalAnswer)]


def test_the_budget_of_an_inner_agent_ends_that_one_alone():
    """The outer model reads why its call failed, and goes on."""
    inner = Agent(answering("word " * 400), name="inner", description="Talks.")
    inner = inner.pipe(ops.budget(tokens=50))
    outer = Agent(answering(call(1, "inner", task="Talk."), "Done."), [inner])
    ledger = Ledger()
    seen, error = observed(outer("Go.").pipe(ops.budget(tokens=5000, ledger=ledger)))

    assert error is None
    (failed,) = [event for event in seen if isinstance(event, ToolFailed)]
    assert failed.error.startswith("BudgetExceeded: The budget is exceeded: ")
    assert "Done." == next(event.value for event in seen if isinstance(event, FinalAnswer))
    assert 500 <= ledger.spent.tokens


def test_a_cut_run_is_continued():
    """The state of the error continues the whole conversation, also that before the run."""
    first = Agent(answering("I am here.")).start("My name is Ada.")
    first.result(60)
    agent = Agent(answering("-", "word " * 100, "Ada."))
    run = launch(agent("Talk.", state=first.state).pipe(ops.budget(tokens=20)), before=first.state)
    with pytest.raises(BudgetExceeded) as failed:
        run.result(60)

    said = [message.text for message in failed.value.state.messages()]
    assert ["My name is Ada.", "I am here.", "Talk."] == said[:3]
    assert "Ada." == agent.run("Who am I?", state=failed.value.state, timeout=60)


def test_time_stands_still_while_a_run_is_paused():
    """Seconds of a pause do not count; those of a silent tool do."""
    with VirtualScheduler() as scheduler:
        seen, errors = [], []
        ticks = rx.interval(1).pipe(rxo.map(lambda n: StepStarted(n + 1)))
        ticks.pipe(ops.budget(seconds=3.5)).subscribe(
            seen.append, errors.append, scheduler=scheduler
        )
        scheduler.advance_to(1.5)
        hold = scheduler.hold()
        scheduler.advance_to(20)
        assert [] == errors
        hold.dispose()
        scheduler.run()

    assert isinstance(errors[0], BudgetExceeded)
    assert "seconds=3.5" in str(errors[0])
    assert 23 > scheduler.clock >= 22 - 0.01


@pytest.mark.parametrize("cut", range(12))
def test_a_disposed_run_leaves_nothing(cut):
    """Disposed at any event, it emits nothing more, its source is disposed and its timer too."""
    seen, ended = [], []
    events = [StepStarted(1), *[TextDelta("a")] * 10]
    with VirtualScheduler() as scheduler:
        source = rx.interval(1).pipe(
            rxo.map(lambda n: events[n % 11]), rxo.finally_action(lambda: ended.append(1))
        )
        subscription = source.pipe(ops.budget(tokens=99, seconds=60)).subscribe(
            seen.append, scheduler=scheduler
        )
        scheduler.advance_to(cut + 0.5)
        subscription.dispose()
        scheduler.run()

    assert cut == len(seen)
    assert [1] == ended
    assert scheduler.clock < 13


# Ledgers


def test_runs_that_share_a_ledger_are_cut_together():
    """What one run spends, another one cannot; a further one does not begin."""
    ledger = Ledger(tokens=100)
    limit = ops.budget(ledger=ledger)
    with VirtualScheduler() as scheduler:
        errors, counts = [], [0, 0]

        def count(number, _):
            counts[number] += 1

        for number in range(2):
            words = rx.interval(1).pipe(rxo.map(lambda _: TextDelta("x" * 40)))
            words.pipe(limit).subscribe(
                lambda _, number=number: count(number, _), errors.append, scheduler=scheduler
            )
        scheduler.run()
        assert 2 == len(errors)
        asked = []
        late = rx.defer(lambda _: asked.append(1) or rx.never())
        late.pipe(limit).subscribe(on_error=errors.append, scheduler=scheduler)
        scheduler.run()

    assert all(isinstance(error, BudgetExceeded) for error in errors)
    assert [] == asked
    assert 3 == len(errors)
    assert abs(counts[0] - counts[1]) <= 3
    assert 100 < ledger.spent.tokens <= 160


def test_a_ledger_counts_alike_for_a_model_and_an_agent():
    """Piped to a model, a budget enters the requests of all its runs."""
    ledger = Ledger()
    model = answering([TextDelta("Hello"), Usage(10, 2)])
    agent = Agent(model.pipe(ops.budget(ledger=ledger)))
    agent.run("x", timeout=60)
    agent.run("x", timeout=60)

    assert Spent(tokens=24, usd=None) == evolve(ledger.spent, usd=None)


def test_a_budget_on_a_model_limits_each_answer():
    """The error is that of the run, whose state is that of the run."""
    agent = Agent(answering("word " * 100).pipe(ops.budget(tokens=5)))
    run = agent.start("Go.")
    with pytest.raises(BudgetExceeded) as failed:
        run.result(60)

    assert "Go." == failed.value.state.messages()[0].text


def used(charge, **limits):
    """Return a ledger in which something was spent."""
    ledger = Ledger(prices=Price(1, 1), **limits)
    ledger.enter(charge)
    return ledger


@pytest.mark.parametrize(
    ("limit", "sends"),
    [
        ({"tokens": 0}, False),
        ({"usd": 0}, False),
        ({"usd": 0, "prices": Price(1, 1)}, False),
        ({"usd": 0, "prices": Price(0, 0)}, True),
        ({"usd": 0, "prices": {"mine": Price(0, 0), "big": Price(1, 1)}}, True),
        ({"steps": 0}, False),
        ({"ledger": Ledger(tokens=0)}, False),
        ({"ledger": used(Charge(5), tokens=5)}, False),
        ({"ledger": used(Charge(5), tokens=6)}, True),
        ({"ledger": used(Charge(1_000_000), usd=1)}, False),
    ],
)
def test_no_request_is_sent_when_nothing_is_left(limit, sends):
    """A budget of zero, or one that others have used up, spends nothing."""
    asked = []
    model = as_model(lambda _: asked.append(1) or "x")
    run = launch(Agent(model)("Go.").pipe(ops.budget(**limit), ops.settle()))
    run.result(60)

    assert sends == bool(asked) == (run.state.error is None)


def test_an_estimate_is_taken_back_at_its_price():
    """Another run's report in between does not change what was entered."""
    prices = {"dear": Price(0, 1e6), "cheap": Price(0, 1)}
    ledger = Ledger(prices=prices)
    dear, cheap = (partial(ToolOutput, id) for id in ("a", "b"))
    events = [
        *(dear(Usage(1, 0, model="dear")), cheap(Usage(1, 0, model="cheap"))),
        *(dear(TextDelta("x" * 40)), cheap(TextDelta("y" * 40))),
        *(cheap(Usage(0, 10, model="cheap")), dear(Usage(0, 10, model="dear"))),
    ]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger, prices=prices)))

    assert 22 == ledger.spent.tokens
    assert 10 + 10e-6 == pytest.approx(ledger.spent.usd)


@pytest.mark.parametrize("reports", [[], [Usage(10, 100, model="big")]])
def test_reports_of_a_judge(reports):
    """Its few tokens count beside the text that it reads, which is still estimated, or reported."""
    judged = [TextDelta("x" * 80), Usage(5, 1, model="judge")] * 5
    ledger = Ledger()
    observed(rx.from_iterable([StepStarted(1), *judged, *reports]).pipe(ops.budget(ledger=ledger)))

    assert 5 * 6 + (110 if reports else 100) == ledger.spent.tokens


def test_reports_of_runs_that_a_tool_merges():
    """Each takes back what it reports, and the end of a turn of one does not end the others'."""
    within = partial(ToolOutput, "fan")
    begin = [within(RunStarted("x", "clerk")), within(StepStarted(1))]
    text = within(TextDelta("x" * 400))
    end = [within(Usage(10, 100)), within(MessageCompleted(Message("assistant", "x")))]
    ledger = Ledger()
    events = [*begin * 3, *[text] * 3, *end * 3]
    observed(rx.from_iterable(events).pipe(ops.budget(ledger=ledger)))

    assert 3 * 110 == ledger.spent.tokens
