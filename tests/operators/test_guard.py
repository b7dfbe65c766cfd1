"""A guard: no sentence is emitted before it is judged, and none that is refused."""

import re

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent
from rxagent import operators as ops
from rxagent.errors import MalformedReply, ModelRefused, ModelUnavailable
from rxagent.events import (
    Finish,
    ReasoningDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.models import as_model
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import marbles, model_of

from ..laws import examples

CUT = Finish("content_filter")


def observed(deltas, judge, **how):
    """Return what a guard lets through, and its error."""
    seen, errors = [], []
    with VirtualScheduler() as scheduler:
        guarded = rx.from_iterable(deltas).pipe(ops.guard(judge, **how))
        guarded.subscribe(seen.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return seen, (errors or [None])[0]


def text_of(deltas):
    """Return the text of some deltas."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def says(reply):
    """Return a model that replies alike to all."""
    return as_model(lambda request: rx.of(TextDelta(reply)))


texts = st.text("ab.!? \n\"'", max_size=6)
others = st.sampled_from(
    [Usage(1, 1), ReasoningDelta("hm"), ToolCallDelta(0, "c", "add", "{}"), TextDelta("")]
)
answers = st.lists(st.builds(TextDelta, texts) | others, max_size=12)


@given(answers)
@examples(40)
def test_a_safe_answer_loses_nothing(deltas):
    """Its text is the same, and each other delta is there once, in their order."""
    seen, error = observed([*deltas, Finish("stop")], lambda _: True)

    assert error is None
    assert text_of(deltas) == text_of(seen)
    rest = [delta for delta in deltas if not isinstance(delta, TextDelta)]
    assert [*rest, Finish("stop")] == [x for x in seen if not isinstance(x, TextDelta)]


@given(answers, st.sampled_from(["function", "model"]))
@examples(40)
def test_what_is_refused_is_never_emitted(deltas, kind):
    """However the text is split into deltas, no refused sentence comes out."""
    judged = []

    def judge(sentence):
        judged.append(sentence)
        return "b" not in sentence

    def as_judge(request):
        last = re.split(r"(?<=[.!?])\s+|\n", request.messages[-1].text.rstrip())[-1]
        return rx.of(TextDelta("unsafe" if "b" in last else "safe"))

    given = judge if kind == "function" else as_model(as_judge)
    seen, error = observed([*deltas, Finish("stop")], given)

    assert error is None
    if kind == "function":
        assert "b" not in text_of(seen)
        assert text_of(deltas).startswith(text_of(seen))
    assert (text_of(seen) == text_of(deltas)) == (seen[-1] != CUT)


@given(answers)
@examples(30)
def test_what_is_replaced_keeps_its_place(deltas):
    """Only refused sentences are replaced; the spaces behind them stay."""
    seen, _ = observed(deltas, lambda sentence: "a" not in sentence, replace="*")
    whole, shown = text_of(deltas), text_of(seen)

    assert "a" not in shown
    assert whole[len(whole.rstrip()) :] == shown[len(shown.rstrip()) :]


def test_other_deltas_wait_behind_their_sentence():
    """Usage passes behind the sentence that it interrupts; a finish completes the last one."""
    deltas = [TextDelta("One"), Usage(1, 1), TextDelta(" two. Th"), Finish("stop")]
    seen, _ = observed(deltas, lambda _: True)

    assert [TextDelta("One two. "), Usage(1, 1), TextDelta("Th"), Finish("stop")] == seen


def test_a_cut_closes_the_request_and_keeps_the_usage():
    """The refused text and all behind it is dropped, but for reports of usage."""
    deltas = [TextDelta("bad"), ReasoningDelta("hm"), Usage(1, 1), TextDelta(". More. ")]
    seen, error = observed(deltas, lambda _: False)

    assert [Usage(1, 1), CUT] == seen
    assert error is None


def test_a_retraction_drops_what_waits():
    """The text of an attempt that is retracted is neither judged nor emitted later."""
    judged = []
    deltas = [TextDelta("One"), Usage(1, 1), StepRetried(1, "lost"), TextDelta("Two.")]
    seen, _ = observed(deltas, lambda sentence: judged.append(sentence) or True)

    assert ["Two."] == judged
    assert [Usage(1, 1), StepRetried(1, "lost"), TextDelta("Two.")] == seen


def test_a_retraction_hangs_up_on_the_judge():
    """The verdict on a text that is retracted is not waited for, and does not come later."""
    signs = {"a": TextDelta("One. "), "r": StepRetried(1, "lost"), "s": TextDelta("safe")}
    with marbles(**signs) as m:
        judge = m.cold("------s|")
        guarded = m.cold("-a-r----------|").pipe(ops.guard(ops.race(model_of(judge))))
        m.expect(guarded).to_be("---r----------|")
        m.expect(judge).to_be_subscribed("-^-!")


def test_an_error_comes_after_the_text_before_it():
    """What was written until then is judged and shown, then the error passes."""
    lost = ModelUnavailable("gone")
    source = rx.concat(rx.of(TextDelta("One. Tw")), rx.throw(lost))
    seen, errors = [], []
    with VirtualScheduler() as scheduler:
        source.pipe(ops.guard(lambda _: True)).subscribe(
            seen.append, errors.append, scheduler=scheduler
        )
        scheduler.run()

    assert "One. Tw" == text_of(seen)
    assert [lost] == errors


def test_a_judge_that_fails_shows_nothing():
    """An error, or a reply that is no verdict, is the end; the sentence is not shown."""
    lost = ModelUnavailable("gone")
    text = [TextDelta("One. ")]
    assert ([], lost) == observed(text, as_model(lambda request: rx.throw(lost)))
    seen, error = observed(text, says("perhaps"))
    assert [] == seen
    assert isinstance(error, MalformedReply)
    seen, error = observed(text, lambda _: "unsafe")
    assert [] == seen
    assert isinstance(error, TypeError)
    assert isinstance(observed(text, lambda _: 1 / 0)[1], ZeroDivisionError)
    assert text_of(text) == text_of(observed(text, says("Safe."))[0])


def test_many_sentences_at_once_need_no_stack():
    """Verdicts that come at once are a loop, not a recursion."""
    seen, error = observed([TextDelta("No. " * 1500)], says("safe"))

    assert error is None
    assert "No. " * 1500 == text_of(seen)


def test_disposing_closes_the_judges_request_too():
    """The model's request and the judge's are closed at once."""
    with marbles(a=TextDelta("One. "), s=TextDelta("safe")) as m:
        model, judge = m.cold("-a-----|"), m.cold("----s|")
        guarded = model.pipe(ops.guard(ops.race(model_of(judge))))
        m.expect(guarded).to_be("-", "^--!")
        m.expect(model).to_be_subscribed("^--!")
        m.expect(judge).to_be_subscribed("-^-!")


def test_an_agent_fails_where_its_answer_is_cut():
    """The finish reason is that of a filter, so the run ends with ModelRefused."""
    model = ScriptedModel(["Mix them. Light it. Run."])
    run = Agent(model.pipe(ops.guard(lambda sentence: "Light" not in sentence))).start("How?")
    with pytest.raises(ModelRefused, match="A filter cut the answer"):
        run.result(60)

    assert "Mix them. " == run.state.text
    mild = model.pipe(ops.guard(lambda sentence: "Light" not in sentence, replace="[…]"))
    assert "Mix them. […] Run." == Agent(mild).run("How?", timeout=60)


def test_the_judges_tokens_are_tokens_of_the_run():
    """Its reports are those of the turn."""
    judge = ScriptedModel([[TextDelta("safe"), Usage(7, 1)]])
    model = ScriptedModel([[TextDelta("Hello."), Usage(10, 2)]])
    run = Agent(model.pipe(ops.guard(judge))).start("x")
    run.result(60)

    assert 20 == run.state.usage.total_tokens
