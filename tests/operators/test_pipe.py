"""Models that are piped through operators: models again, each of whose answers passes through."""

import copy
import pickle

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import Agent, Request, each
from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import Finish, StepRetried, TextDelta, Usage
from rxagent.models import OpenAIModel, as_model
from rxagent.operators._models import ask, model_operator
from rxagent.testing import ScriptedModel
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import marbles, model_of, request

LOST = ModelUnavailable("It broke off.")
HELLO = ScriptedModel(["Hello"])


@model_operator
def numbered(word):
    """Put a word and the number of the request before each answer."""
    number = [0]

    def answer(model, request):
        number[0] += 1
        return rx.concat(rx.of(TextDelta(f"{word}{number[0]} ")), ask(model, request))

    return answer


def shouted(deltas):
    """Say it aloud."""

    def shout(delta):
        return TextDelta(delta.text.upper()) if isinstance(delta, TextDelta) else delta

    return deltas.pipe(rxo.map(shout))


def said(model):
    """Return the text of an answer."""
    return "".join(each(model("Hi").pipe(ops.text())))


def test_operators_on_streams_and_on_models_stand_in_any_order():
    """Each takes what the ones before it made: a stream's operator sees a model operator's text."""
    assert "A1 HELLO" == said(HELLO.pipe(shouted, numbered("a"), shouted))
    assert "a1 HELLO" == said(HELLO.pipe(shouted, numbered("a")))
    assert "a1 B1 HELLO" == said(HELLO.pipe(numbered("b"), shouted, numbered("a")))
    assert "Hello" == said(HELLO.pipe())


@given(st.lists(st.sampled_from([shouted, numbered("n"), ops.retry(2), ops.timeout(idle=9)])))
def test_piping_at_once_or_one_after_the_other_is_the_same(operators):
    """`model.pipe(a, b)` is `model.pipe(a).pipe(b)`; only the numbers go on."""
    one_by_one = HELLO
    for operator in operators:
        one_by_one = one_by_one.pipe(operator)

    def form(text):
        return "".join(letter for letter in text if letter.isalpha())

    assert form(said(HELLO.pipe(*operators))) == form(said(one_by_one))


@pytest.mark.parametrize(
    "model",
    [
        HELLO,
        as_model(lambda request: "Hello"),
        ops.fallback(HELLO, HELLO),
        HELLO.pipe(ops.retry(2)),
        numbered("n")(HELLO),
        OpenAIModel("gpt-5", api_key="none"),
    ],
    ids=["scripted", "function", "fallback", "piped", "operator", "openai"],
)
def test_every_model_has_pipe(model):
    """A built-in model, a function's, one made of others: piped, it is a model with its parts."""
    made = model.pipe(ops.retry(2), shouted, numbered("x"))

    assert as_model(made) is made
    assert made.model is model
    assert repr(made) == f"{model!r}.pipe(retry(2), shouted, numbered('x'))"
    assert copy.copy(made) is copy.deepcopy(made) is made
    assert made == model.pipe(*made.operators)


def test_an_operator_on_models_makes_a_model_when_it_is_called():
    """It is called with a model, and says so otherwise; what it counts is shared."""
    counting = numbered("n")

    assert ["n1 Hello", "n2 Hello", "n3 Hello"] == [
        said(counting(HELLO)),
        said(HELLO.pipe(counting)),
        Agent(counting(HELLO)).run("Hi"),
    ]
    for wrong in (rx.never(), Agent(HELLO), "openai:gpt-5", OpenAIModel):
        with pytest.raises(TypeError, match=r"numbered\(\.\.\.\) takes a model, since it reads"):
            counting(wrong)
    for place in (HELLO.pipe, Agent(HELLO).pipe):
        with pytest.raises(TypeError, match=r"write ops\.numbered\(\.\.\.\)"):
            place(numbered)
    with pytest.raises(TypeError, match=r"cannot be piped to an agent: it takes a model"):
        Agent(HELLO).pipe(counting)


def test_each_subscription_asks_again():
    """A retry behind an operator on models passes through it again, with the request."""
    asked = []

    @model_operator
    def noting():
        def answer(model, request):
            asked.append(request.messages[-1].text)
            return ask(model, request)

        return answer

    with marbles(tick="1s", error=LOST, x=TextDelta("Hi"), r=StepRetried(1, "...")) as m:
        model = as_model(HELLO).pipe()
        flaky = ops.fallback(model_of(m.cold("-#"), m.cold("-x|")))
        made = flaky.pipe(noting(), ops.retry(2))
        m.expect(made(request)).to_be("-r-x|")

    assert [request.messages[-1].text] * 2 == asked
    assert model.is_model


def test_time_is_that_of_the_run():
    """Timers of ReactiveX run by the run's clock, and a model that is late is hung up on."""
    model = ops.fallback(lambda _: rx.never())
    ended = []
    with VirtualScheduler() as scheduler:
        for made in (model.pipe(rxo.timeout(3.0)), model.pipe(rxo.delay(1), ops.timeout(total=5))):
            made(request).subscribe(
                on_error=lambda _: ended.append(round(scheduler.clock, 3)), scheduler=scheduler
            )
        scheduler.run()

    assert [3, 5] == ended


@given(st.integers(0, 4))
def test_disposing_after_any_delta_hangs_up(position):
    """A piped answer that is left closes the model's stream at once."""
    open_ = []
    deltas = [TextDelta("a"), TextDelta("b"), Usage(1, 1), Finish("stop")]
    counted = rx.using(
        lambda: _Noted(open_), lambda _: rx.concat(rx.from_iterable(deltas), rx.never())
    )
    with VirtualScheduler() as scheduler:
        made = ops.fallback(lambda _: counted).pipe(shouted, numbered("n"), ops.retry(2))
        received = []
        made(request).pipe(rxo.take(position + 1)).subscribe(received.append, scheduler=scheduler)
        scheduler.run()
        assert len(received) == position + 1
        assert [] == open_


class _Noted(rx.abc.DisposableBase):
    def __init__(self, open_):
        self._open = open_
        open_.append(self)

    def dispose(self):
        self._open.remove(self)


def test_a_piped_model_is_pickled_with_its_parts():
    """In another process it is made again; a part that has no name is refused with a sentence."""
    again = pickle.loads(pickle.dumps(HELLO.pipe(ops.retry(2, delay=0.5), ops.timeout(idle=3))))

    assert "ScriptedModel(turns=('Hello',)).pipe(retry(2, delay=0.5), timeout(idle=3))" == repr(
        again
    )
    assert "Hello" == said(again)
    with pytest.raises(
        pickle.PicklingError, match=r"The model Scripted.* one of its operators is a"
    ):
        pickle.dumps(HELLO.pipe(lambda deltas: deltas))
    with pytest.raises(pickle.PicklingError, match="an argument is a lambda"):
        pickle.dumps(HELLO.pipe(ops.retry(2, 1, 1, lambda error: True)))


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (ops.text(), r"it emits str, and a model emits deltas.*`model\(request\)\.pipe\(ops\.text"),
        (ops.settle(), r"it takes events, and a model emits deltas.*`agent\.pipe\(ops\.settle"),
        (ops.parse_calls(), "it takes|it emits"),
        (ops.retry, r"write ops\.retry\(\.\.\.\)"),
        (HELLO, r"is a model, a tool or an agent.*ops\.fallback"),
        (Agent, "is no operator"),
        ([ops.retry(2)], r"given one by one: model\.pipe\(one, other\)"),
        (OpenAIModel, "is no operator"),
    ],
    ids=range(8),
)
def test_what_cannot_be_piped_to_a_model_is_refused(operator, why):
    """It is refused when the model is made, and the error names the right place."""
    with pytest.raises(TypeError, match=why):
        HELLO.pipe(operator)


def test_an_asynchronous_function_is_no_operator():
    """A coroutine function and a generator are refused with what an operator is."""

    async def later(deltas):
        return deltas

    def some(deltas):
        yield deltas

    for wrong in (later, some):
        with pytest.raises(TypeError, match="is asynchronous or a generator"):
            HELLO.pipe(wrong)


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (rxo.map(str), r"emits .* of type str, and a model emits deltas.*`model\(request\)\.pipe"),
        (
            rxo.partition(bool),
            "which is piped to a model, returned .*takes a stream and returns one",
        ),
        (ops.branch(ops.text()), "of type str, and a model emits deltas"),
        (lambda deltas: None, "returned None"),
    ],
    ids=range(4),
)
def test_what_emits_no_deltas_is_refused_at_the_first(operator, why):
    """What is known only from what it emits is an error of the answer."""
    with pytest.raises(TypeError, match=why):
        list(each(HELLO.pipe(operator)("Hi")))


def test_a_function_is_a_model_with_pipe_by_as_model():
    """`as_model` decorates a function, which can then be pickled by its name."""
    made = decorated.pipe(shouted)

    assert "HI" == said(made)
    assert "as_model(decorated).pipe(shouted)" == repr(made)
    assert decorated is pickle.loads(pickle.dumps(decorated))
    assert Request.of("Hi") == Request.of("Hi")


@as_model
def decorated(request):
    """Repeat what is said."""
    return request.messages[-1].text
