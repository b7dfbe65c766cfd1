"""Marble tests in Python: the block fails unless everything is as drawn."""

import asyncio
import inspect

import pytest
import reactivex as rx
from reactivex import operators as rxo

from rxagent import each, testing
from rxagent import operators as ops
from rxagent.errors import MarbleSyntaxError, ModelTimeout
from rxagent.events import ReasoningDelta, TextDelta
from rxagent.streams import from_async
from rxagent.testing.marbles import attempts, marbles, model_of, request


def test_text_keeps_what_is_said():
    """Only text passes `text()`, at its own time."""
    with marbles(
        r=ReasoningDelta("hm"), a=TextDelta("He"), b=TextDelta("llo"), x="He", y="llo"
    ) as m:
        said = m.cold("-r-a--b-|").pipe(ops.text())
        m.expect(said).to_be("---x--y-|")


def fails(block):
    """Return the error of a block of marbles that fails."""
    with (
        pytest.raises(AssertionError) as raised,
        marbles(x=1, y=2, error=ModelTimeout("late")) as m,
    ):
        block(m)
    return str(raised.value)


def test_what_differs_is_drawn():
    """A false expectation is reported with its place, in marbles and in words."""

    def block(m):
        m.expect(m.cold("-x-y")).to_be("-x-|")

    place = f"tests/testing/marbles/test_stage.py:{block.__code__.co_firstlineno + 1}"

    assert (
        f"{place}: The stream is not as drawn.\n"
        "expected: -x-|\n"
        "actual:   -x-y\n"
        "At 3ms completion was expected, but 2 came."
    ) == fails(block)


def test_every_failure_is_reported():
    """One failure does not hide another."""

    def block(m):
        m.expect(m.cold("-x")).to_be("-y")
        m.expect(m.cold("-#")).to_be("-|")

    assert 2 == fails(block).count("was expected")


def test_subscriptions_are_expected():
    """The times of each subscription and disposal are checked."""
    with marbles(x=1) as m:
        source = m.cold("-x-x-x")
        m.expect(rx.concat(source.pipe(rxo.take(2)), source.pipe(rxo.take(1)))).to_be("-x-x(x|)")
        m.expect(source).to_be_subscribed("^--!", "---^!")


def test_a_subscription_that_differs_is_drawn():
    """A false expectation about subscriptions is reported in marbles."""

    def block(m):
        source = m.cold("-x-|")
        m.expect(source).to_be("-x-|")
        m.expect(source).to_be_subscribed("^-!")

    assert fails(block).endswith(
        ": The stream is not subscribed as drawn.\nexpected 1: ^-!\nactual 1:   ^--!"
    )


def test_a_viewer_may_come_late_and_leave_early():
    """A row says when the stream is subscribed and disposed."""
    with marbles(x=1, y=2) as m:
        bell = m.hot("x-x-y-y-|")
        m.expect(bell).to_be("----y", subscribed="---^-!")
        m.expect(bell).to_be_subscribed("---^-!")


def test_blanks_before_a_cold_row_are_no_time():
    """A cold row may be indented, to the column where it begins."""
    with marbles(x=1) as m:
        m.expect(m.cold("   -x|")).to_be("-x|")


def test_a_tick_is_as_long_as_one_says():
    """The clock moves by `tick` for each column."""
    with marbles(tick="10s", x=0) as m:
        m.expect(rx.timer(20.0)).to_be("--(x|)")


def test_models_and_attempts_play_rows():
    """The n-th call of a model, and the n-th subscription of attempts, play the n-th row."""
    with marbles(x=1, y=2) as m:
        model = model_of(m.cold("-x|"), m.cold("-y|"))
        tries = attempts(m.cold("-x|"), m.cold("-y|"))
        m.expect(rx.concat(model(request), model(request))).to_be("-x-y|")
        m.expect(tries.pipe(rxo.repeat(2))).to_be("-x-y|")


def test_a_row_too_few_is_an_error():
    """A model that is called once more than it has rows fails with a sentence."""
    model = model_of()

    with pytest.raises(AssertionError, match="The model was called more often than it has rows: 0"):
        model(request)


def test_async_code_runs_in_virtual_time():
    """The sleep of a generator takes columns, and no real time."""

    async def count():
        for number in (1, 2):
            await asyncio.sleep(3600)
            yield number

    with marbles(tick="1h", x=1, y=2) as m:
        m.expect(from_async(count)).to_be("-x(y|)")


@pytest.mark.parametrize(
    ("block", "error", "what"),
    [
        (lambda m: None, ValueError, "Nothing is expected"),
        (lambda m: m.expect(m.cold("-")), ValueError, "alone expects nothing"),
        (lambda m: m.cold("-z"), MarbleSyntaxError, "marbles:1:2: Nothing is bound to 'z'"),
        (
            lambda m: m.expect(rx.never()).to_be_subscribed("^"),
            TypeError,
            "record their subscriptions",
        ),
        (lambda m: 1 / 0, ZeroDivisionError, "division"),
        (lambda m: next(iter(each(m.cold("-")))), RuntimeError, r"by `m\.expect\(stream\)"),
    ],
)
def test_a_mistaken_test_is_refused(block, error, what):
    """A test that could not fail, or that is written wrongly, fails."""
    with pytest.raises(error, match=what), marbles() as m:
        block(m)


@pytest.mark.parametrize(
    ("settings", "error", "what"),
    [
        ({"tick": "soon"}, ValueError, "tick is a time such as \"10ms\", not 'soon'"),
        ({"tick": 10}, TypeError, 'tick must be a time such as "10ms", not 10'),
        ({"xy": 1}, TypeError, "Only single letters are bound"),
    ],
)
def test_mistaken_settings_are_refused(settings, error, what):
    """A tick that is no time, and a name that is no letter, are refused."""
    with pytest.raises(error, match=what), marbles(**settings):
        pass


def test_time_begins_with_the_block():
    """A stream outside a block is refused; the error says how to write one."""
    with pytest.raises(RuntimeError, match=r"write `with marbles\(\.\.\.\) as m:`"):
        marbles().cold("-")


def test_what_waits_in_real_time_is_reported():
    """A delay without the virtual scheduler is reported."""

    def careless(source):
        return rx.create(lambda observer, scheduler: source.subscribe(observer))

    def block(m):
        m.expect(m.cold("-x|").pipe(rxo.delay(60), careless)).to_be("-")

    assert fails(block).endswith(
        "\nSomething waits in real time: does an operator not pass on its scheduler?"
    )


def test_the_module_can_be_called():
    """`from rxagent.testing import marbles` can be called, like the function in it."""
    room = inspect.getmodule(marbles).__package__

    with testing.marbles(x=1) as m:
        m.expect(m.cold("-x|")).to_be("-x|")
    assert testing.marbles.__name__ == room
