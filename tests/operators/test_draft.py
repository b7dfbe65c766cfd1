"""Drafts: what is shown, when the judge is asked, and what is retracted."""

import asyncio
import pickle

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, Message, Request, ToolCall
from rxagent import operators as ops
from rxagent.errors import ModelRefused, ModelRejected, ModelUnavailable
from rxagent.events import Finish, RefusalDelta, StepRetried, TextDelta, ToolCallDelta, Usage
from rxagent.models import as_model
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import request

REFUSED = StepRetried(1, "DraftRefused: The judge did not accept the draft.")
SMALL = ScriptedModel(["Perhaps"])
BIG = ScriptedModel(["Paris"])


def deltas_of(model):
    """Return what a model emits, and the error that ends it."""
    received = []
    with VirtualScheduler() as scheduler:
        model(request).subscribe(received.append, received.append, scheduler=scheduler)
        scheduler.run()
    return received


def refuse(request, message):
    """Refuse every draft."""
    return False


def accept(request, message):
    """Accept every draft."""
    return True


deltas = st.one_of(
    st.text().map(TextDelta),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.just(ToolCallDelta(0, "c", "search", "{}")),
    st.just(StepRetried(1, "again")),
    st.sampled_from(["stop", "length", "tool_calls"]).map(Finish),
)


@given(st.lists(deltas, max_size=8), st.booleans())
def test_nothing_of_a_draft_is_lost(said, is_good):
    """Accepted, it is what the small model says; refused, the big model's answer follows it."""
    small, big = ops.fallback(lambda _: rx.from_iterable(said)), BIG
    received = deltas_of(ops.draft(small, big, accept=lambda *_: is_good))

    def kept(deltas):
        return [delta for delta in deltas if not isinstance(delta, Finish)]

    if is_good:
        assert kept(said) == kept(received)
        last = next((delta for delta in reversed(said) if isinstance(delta, Finish)), None)
        after = said[said.index(last) :] if last else []
        if last and not any(isinstance(delta, StepRetried) for delta in after):
            assert last in received
    else:
        retries = sum(isinstance(delta, StepRetried) for delta in said)
        assert [*kept(said), StepRetried(retries + 1, REFUSED.error)] == received[:-2]
        assert [TextDelta("Paris"), Finish("stop")] == received[-2:]


def test_the_judge_reads_the_request_and_the_whole_message():
    """It is called once, with normalised calls, when the small model has ended."""
    seen = []
    call = Message("assistant", "Let me see", tool_calls=[ToolCall("c", "search", "{}")])

    def judge(request, message):
        seen.append((request, message))
        return True

    deltas_of(ops.draft(ScriptedModel([call]), BIG, accept=judge))

    assert [(request, call)] == seen


async def later(request, message):
    """Refuse after a while."""
    await asyncio.sleep(1)
    return False


def streaming(request, message):
    """Refuse by a stream, with what the judge spent."""
    return rx.of(TextDelta("no"), Usage(7, 1), False)


def yielding(request, message):
    """Refuse by a generator."""
    yield False


@pytest.mark.parametrize("judge", [refuse, later, streaming, yielding])
def test_a_judge_may_be_any_function(judge):
    """Plain, asynchronous, a generator, or one that returns a stream, whose usage passes."""
    received = deltas_of(ops.draft(SMALL, BIG, accept=judge))

    spent = [Usage(7, 1)] if judge is streaming else []
    assert [TextDelta("Perhaps"), *spent, REFUSED, TextDelta("Paris"), Finish("stop")] == received


def test_a_model_judges():
    """A judge that asks a model costs what it says."""
    referee = as_model(lambda request: [f"{'Paris' in request.messages[-1].text}", Usage(9, 1)])

    def judge(request, message):
        asked = referee(Request.of(f"{request.messages[-1].text}: {message.text}?"))
        verdict = rxo.map(lambda said: said.text == "True")
        return asked.pipe(
            ops.branch(lambda deltas: deltas.pipe(ops.accumulate(partial=False), verdict))
        )

    run = Agent(ops.draft(SMALL, BIG, accept=judge)).start("The capital of France")

    assert "Paris" == run.result()
    assert Usage(9, 1) == run.state.usage
    assert "Paris" == Agent(ops.draft(BIG, SMALL, accept=judge)).run("The capital of France")


@pytest.mark.parametrize(
    "small",
    [
        lambda _: rx.concat(rx.of(TextDelta("Per")), rx.throw(ModelUnavailable("gone"))),
        lambda _: rx.of(RefusalDelta("I cannot"), Finish("refusal")),
        lambda _: rx.throw(ModelRejected("too long")),
    ],
    ids=["lost", "refused", "rejected"],
)
def test_a_small_model_that_fails_is_replaced(small):
    """The big model answers, and what was shown is retracted; the judge is not asked."""
    received = deltas_of(ops.draft(small, BIG, accept=lambda *_: pytest.fail("asked")))

    assert isinstance(received[-3], StepRetried)
    assert [TextDelta("Paris"), Finish("stop")] == received[-2:]


def test_an_error_of_the_big_model_passes():
    """The big model's own failure ends the answer, as does a bug of the judge."""
    failing = ScriptedModel([ModelRefused("no")])

    assert ModelRefused is type(deltas_of(ops.draft(SMALL, failing, accept=refuse))[-1])

    def broken(request, message):
        raise KeyError("bug")

    assert KeyError is type(deltas_of(ops.draft(SMALL, BIG, accept=broken))[-1])


@pytest.mark.parametrize(
    ("judge", "why"),
    [
        (lambda *_: None, "accept must return True or False, not None"),
        (lambda *_: "yes", "accept must return True or False, not 'yes'"),
        (lambda *_: rx.empty(), "it emitted neither"),
    ],
)
def test_a_verdict_is_true_or_false(judge, why):
    """Anything else is a mistake, and is an error of the answer."""
    (*_, error) = deltas_of(ops.draft(SMALL, BIG, accept=judge))

    assert isinstance(error, TypeError)
    assert why in str(error)


@pytest.mark.parametrize("judge", [BIG, None, Agent(BIG)])
def test_what_cannot_judge_is_refused(judge):
    """A model is no judge by itself, as only a function knows what to ask it."""
    with pytest.raises(TypeError, match="accept must be a function"):
        ops.draft(SMALL, BIG, accept=judge)


@given(st.integers(0, 4))
def test_disposing_after_any_delta_leaves_nothing(position):
    """A draft that is left, also while it is judged, closes all that is open."""
    received = []
    with VirtualScheduler() as scheduler:
        ops.draft(SMALL, BIG, accept=later)(request).pipe(rxo.take(position + 1)).subscribe(
            received.append, scheduler=scheduler
        )
        scheduler.run()

    assert [TextDelta("Perhaps"), REFUSED, TextDelta("Paris"), Finish("stop")][
        : position + 1
    ] == received


def test_disposing_while_it_is_judged_asks_no_other_model():
    """The judge's work is left, and the big model is not asked."""
    with VirtualScheduler() as scheduler:
        big = ops.fallback(lambda _: pytest.fail("asked"))
        subscription = ops.draft(SMALL, big, accept=later)(request).subscribe(scheduler=scheduler)
        scheduler.advance_to(0.5)
        subscription.dispose()
        scheduler.run()


def test_a_draft_is_a_model():
    """It prints its parts, is piped further, and is pickled with a judge that has a name."""
    made = pickle.loads(pickle.dumps(ops.draft(SMALL, BIG, accept=refuse)))

    assert f"draft({SMALL!r}, {BIG!r})" == repr(made)
    assert "Paris" == Agent(made.pipe(ops.timeout(idle=20))).run("Go")
    assert "Perhaps" == Agent(ops.draft(SMALL, BIG, accept=accept)).run("Go")
