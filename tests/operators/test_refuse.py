"""A refusal becomes an error, and what was said before it is kept."""

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.errors import ModelRefused
from rxagent.events import Finish, RefusalDelta, StepRetried, TextDelta, Usage
from rxagent.testing.ledger import opened


def received(*deltas, then=None):
    """Return what is emitted for some deltas, and the error or "completed"."""
    items = []
    rx.concat(rx.of(*deltas), then or rx.empty()).pipe(ops.unless_refused()).subscribe(
        items.append, items.append, lambda: items.append("completed")
    )
    return items


REFUSALS = [
    ([RefusalDelta("I can"), RefusalDelta("not.")], "The model declined to answer: I cannot."),
    ([RefusalDelta("No."), Finish("stop")], "The model declined to answer: No."),
    ([Finish("refusal")], "The model declined to answer."),
    ([TextDelta("Well, "), Finish("content_filter")], "A filter cut the answer."),
    ([RefusalDelta("No"), Finish("content_filter"), Usage(1, 1)], "A filter cut the answer: No"),
]


@pytest.mark.parametrize(("deltas", "sentence"), REFUSALS)
def test_a_refusal_is_an_error_at_the_end(deltas, sentence):
    """All deltas pass, and then comes the error, with the words of the refusal."""
    *passed, error = received(*deltas)

    assert deltas == passed
    assert (ModelRefused, sentence) == (type(error), str(error))


@pytest.mark.parametrize(
    "deltas",
    [
        [],
        [TextDelta("I cannot say no."), Finish("stop")],
        [Finish("length")],
        [Finish("tool_calls"), Usage(1, 1)],
        [RefusalDelta(""), TextDelta("Yes."), Finish("stop")],
    ],
)
def test_other_turns_pass(deltas):
    """A turn that is no refusal is not touched; a refusal of no words is none."""
    assert [*deltas, "completed"] == received(*deltas)


@pytest.mark.parametrize("refusal", [[RefusalDelta("No.")], [Finish("content_filter")]])
def test_a_retracted_refusal_is_none(refusal):
    """A refusal that was taken back is forgotten."""
    deltas = [*refusal, StepRetried(2, "again"), TextDelta("Yes.")]

    assert [*deltas, "completed"] == received(*deltas)


def test_another_error_passes():
    """What breaks the stream comes before what was refused in it."""
    assert LookupError is type(received(RefusalDelta("No."), then=rx.throw(LookupError()))[-1])


def test_turns_do_not_mix():
    """One operator may be used for several turns."""
    unless_refused, silent = ops.unless_refused(), []
    rx.of(RefusalDelta("No.")).pipe(unless_refused).subscribe(on_error=silent.append)

    assert "Yes." == rx.of(TextDelta("Yes.")).pipe(unless_refused, ops.text()).run()
    assert "The model declined to answer: No." == str(silent[0])


def test_disposing_reaches_the_model():
    """Disposing closes the model's request."""
    model, ledger = opened(rx.concat(rx.of(TextDelta("a")), rx.never()))

    assert "a" == model.pipe(ops.unless_refused(), ops.text(), rxo.take(1)).run()

    assert (1, 1) == (ledger.subscribed, ledger.disposed)
