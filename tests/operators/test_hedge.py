"""Several models for one answer: the first to speak answers."""

from threading import Event, Thread

import pytest
import reactivex as rx

from rxagent import operators as ops
from rxagent.errors import ModelTimeout, ModelUnavailable
from rxagent.events import (
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from rxagent.messages import Request
from rxagent.models import as_model
from rxagent.streams import RunScheduler, daemon_loop
from rxagent.testing.marbles import marbles, model_of, request

LOST = ModelUnavailable("It broke off.")
SIGNS = {
    "a": TextDelta("a"),
    "b": TextDelta("b"),
    "u": Usage(1, 0),
    "v": Usage(0, 1),
    "f": Finish("stop"),
    "r": StepRetried(1, "..."),
    "error": LOST,
}


@pytest.mark.parametrize(
    "delta", [TextDelta("a"), ReasoningDelta("a"), RefusalDelta("a"), ToolCallDelta(0, "c", "t")]
)
def test_speech_decides(delta):
    """Text, reasoning, refusals and calls are speech; the loser's request is closed."""
    with marbles(x=delta, y=TextDelta("late")) as m:
        one, other = m.cold("---y|"), m.cold("--x-|")
        m.expect(ops.race(model_of(one), model_of(other))(request)).to_be("--x-|")
        m.expect(one).to_be_subscribed("^-!")
        m.expect(other).to_be_subscribed("^---!")


def test_usage_does_not_decide():
    """Reports of usage pass, from any model, and nothing else of the losers."""
    with marbles(**SIGNS) as m:
        one, other = m.cold("u-----b|"), m.cold("-v-a-v|")
        m.expect(ops.race(model_of(one), model_of(other))(request)).to_be("uv-a-v|")


def test_what_comes_before_speech_waits_for_it():
    """A retraction before the winner's first words is emitted with them, a loser's never."""
    with marbles(**SIGNS) as m:
        models = model_of(m.cold("r--a----|")), model_of(m.cold("-r---b--|"))
        m.expect(ops.race(*models)(request)).to_be("---(ra)-|")


def test_one_more_is_asked_after_each_silence():
    """Models are asked one after the other, and the one asked first may still win."""
    with marbles(**SIGNS) as m:
        rows = m.cold("-----a--|"), m.cold("u----b|"), m.cold("---b|"), m.cold("b|")
        m.expect(ops.hedge(*map(model_of, rows), after=0.002)(request)).to_be("--u--a--|")
        m.expect(rows[0]).to_be_subscribed("^-------!")
        m.expect(rows[1]).to_be_subscribed("--^--!")
        m.expect(rows[2]).to_be_subscribed("----^!")
        m.expect(rows[3]).to_be_subscribed()


def test_a_failure_asks_the_next_at_once():
    """A model that fails, or ends without a word, is not waited for; the timer starts again."""
    with marbles(**SIGNS) as m:
        rows = m.cold("-#"), m.cold("-|"), m.cold("-----a|"), m.cold("-----b|")
        m.expect(ops.hedge(*map(model_of, rows), after=0.003)(request)).to_be("-------a|")
        m.expect(rows[1]).to_be_subscribed("-^!")
        m.expect(rows[2]).to_be_subscribed("--^-----!")
        m.expect(rows[3]).to_be_subscribed("-----^-!")


def test_when_all_fail_the_last_error_passes():
    """The error of the model that fails last is that of all."""
    with marbles(**SIGNS, e=ModelTimeout("late")) as m:
        m.expect(ops.race(model_of(m.cold("---#")), model_of(m.cold("-e")))(request)).to_be("---#")


def test_when_all_are_silent_the_last_end_passes():
    """An answer without speech passes when there is no other."""
    with marbles(**SIGNS) as m:
        models = model_of(m.cold("-#")), model_of(m.cold("--f-|"))
        m.expect(ops.race(*models)(request)).to_be("----(f|)")


def test_the_winners_failure_passes():
    """The model that has begun to speak answers, even if by an error."""
    with marbles(**SIGNS) as m:
        models = model_of(m.cold("-a-#")), model_of(m.cold("------b|"))
        m.expect(ops.hedge(*models, after=0.01)(request)).to_be("-a-#")


def test_a_bug_is_not_hidden_by_others():
    """An error that is no ModelError ends the race, and all requests are closed."""
    with marbles(error=ValueError("a bug"), a=TextDelta("a")) as m:
        other = m.cold("------a|")
        m.expect(ops.race(model_of(m.cold("--#")), model_of(other))(request)).to_be("--#")
        m.expect(other).to_be_subscribed("^-!")


def test_a_model_that_raises_drops_out():
    """A model that raises instead of answering has failed."""

    def broken(request):
        raise LOST

    with marbles(**SIGNS) as m:
        m.expect(ops.race(broken, model_of(m.cold("-a|")))(request)).to_be("-a|")


def test_disposal_asks_no_further_model():
    """Disposing closes all requests, and no further model is asked."""
    with marbles(**SIGNS) as m:
        rows = m.cold("-------a|"), m.cold("-------b|"), m.cold("b|")
        m.expect(ops.hedge(*map(model_of, rows), after=0.002)(request)).to_be("-", "^--!")
        m.expect(rows[0]).to_be_subscribed("^--!")
        m.expect(rows[1]).to_be_subscribed("--^!")
        m.expect(rows[2]).to_be_subscribed()


def test_what_speaks_at_once_wins():
    """Models that answer as they are subscribed are raced in their order."""
    with marbles(**SIGNS) as m:
        models = [lambda request: rx.of(SIGNS["a"]), lambda request: rx.of(SIGNS["b"])]
        m.expect(ops.race(*models)(request)).to_be("(a|)")
        m.expect(ops.hedge(*models, after=1)(request)).to_be("(a|)")


@pytest.mark.parametrize("choose", [ops.race, lambda: ops.hedge(after=1)])
def test_a_race_needs_a_model(choose):
    """A race without models is refused when it is made."""
    with pytest.raises(TypeError, match="No model is given"):
        choose()


@pytest.mark.parametrize(
    "combine",
    [ops.fallback, ops.race, lambda *models: ops.hedge(*models, after=1)],
    ids=["fallback", "race", "hedge"],
)
def test_what_is_made_of_models_is_a_model(combine):
    """It needs no adapting, takes a text too, and is printed as what it is made of."""
    asked = []

    def echo(request):
        asked.append(request)
        return rx.of(TextDelta(request.messages[-1].text))

    made = combine(echo, combine(echo))

    assert made is as_model(made)
    assert TextDelta("Hi") == made("Hi").run()
    assert {Request("Hi")} == set(asked)
    assert f"{made.how}({echo!r}, {made.how}({echo!r}))" == repr(made)


def test_a_function_s_answer_is_emitted_on_the_loop_thread():
    """The deltas of a user's own model are emitted on the run's loop thread."""
    run_scheduler, inside, over = RunScheduler(loop=daemon_loop()), [], Event()

    def foreign(request):
        def speak(observer, scheduler):
            def say():
                observer.on_next(TextDelta("Hi"))
                observer.on_completed()

            Thread(target=say).start()

        return rx.create(speak)

    ops.fallback(foreign)("Hi").subscribe(
        lambda delta: inside.append(run_scheduler.is_inside),
        on_completed=over.set,
        scheduler=run_scheduler,
    )

    assert over.wait(60)
    assert [True] == inside


def test_what_does_not_answer_by_a_stream_says_how_it_would():
    """A function that returns something else gets an error that names what adapts it."""
    with pytest.raises(TypeError, match=r"does not return .* Write as_model\(\.\.\.\) around it"):
        ops.race(lambda request: "Hello")("Hi").run()
