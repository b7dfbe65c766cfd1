"""Limits: time-outs to the microsecond, stops however the text is cut."""

from datetime import timedelta
from itertools import count

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as rxo
from reactivex.subject import Subject

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
from rxagent.streams.open_work import open_work
from rxagent.testing.clock import VirtualScheduler
from rxagent.testing.marbles import marbles

from ..meanwhile import meanwhile

gaps = st.lists(st.integers(1, 5_000_000).map(lambda micros: micros / 1_000_000), max_size=12)


@given(gaps, st.floats(0.1, 5))
def test_idle_ends_the_first_silence_that_is_too_long(gaps, idle):
    """The error comes exactly `idle` seconds after the last item before such a silence."""
    told = []
    with VirtualScheduler() as scheduler:
        source = rx.concat(*(rx.timer(gap) for gap in gaps))
        source.pipe(ops.timeout(idle=idle)).subscribe(
            lambda _: told.append(scheduler.clock),
            lambda error: told.append((scheduler.clock, error)),
            scheduler=scheduler,
        )
        scheduler.run()

    heard = 0.0
    expected = []
    for gap in gaps:
        if gap > idle + 1e-6:
            expected.append(round(heard + idle, 6))
            assert told[-1][0] == pytest.approx(expected[-1], abs=2e-6)
            assert isinstance(told[-1][1], ModelTimeout)
            break
        heard = round(heard + gap, 6)
        expected.append(heard)
    assert len(expected) == len(told)


def test_a_stream_costs_one_timer():
    """However many items come, one timer is open, and none when the stream has ended."""
    counts = []
    with VirtualScheduler() as scheduler:
        source = rx.subject.Subject()
        source.pipe(ops.timeout(idle=10, first=20, total=1000)).subscribe(scheduler=scheduler)
        for second in range(1, 100):
            scheduler.advance_to(second)
            source.on_next(second)
            counts.append([work.name for work in open_work()].count("timer"))
        source.on_completed()

        assert "timer" not in [work.name for work in open_work()]
    assert [1] * 99 == counts


def test_the_first_limit_gives_way_to_the_idle_one():
    """After the first item the shorter silence counts at once, not when the first limit is over."""
    error = ModelTimeout("The model has been silent for 2 s.")
    with marbles(tick="1s", x=1, error=error) as m:
        m.expect(m.cold("-x").pipe(ops.timeout(first=60, idle=2))).to_be("-x-#")


@pytest.mark.parametrize("delta", [Usage(1, 0), StepRetried(1, "...")])
def test_what_is_no_beginning_does_not_end_the_first_limit(delta):
    """Neither usage nor a retraction is the first item of an answer."""
    error = ModelTimeout("The model has not begun after 4 s.")
    with marbles(tick="1s", x=delta, error=error) as m:
        m.expect(m.cold("-x").pipe(ops.timeout(first=4))).to_be("-x--#")


def test_time_stands_still_while_the_run_is_held():
    """A paused run is not timed out, by whichever limit; afterwards the rest of it counts."""
    told = []
    with VirtualScheduler() as scheduler:
        rx.concat(rx.timer(1.0), rx.never()).pipe(ops.timeout(idle=5, total=8)).subscribe(
            on_error=lambda _: told.append(scheduler.clock), scheduler=scheduler
        )
        for start, end in ((2.0, 50.0), (51.0, 80.0)):
            scheduler.advance_to(start)
            hold = scheduler.hold()
            scheduler.advance_to(end)
            hold.dispose()
        scheduler.run()

    assert [1.0 + 5 + 48 + 29] == told


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({}, r"No time is given: write timeout\(idle=20\)"),
        ({"idle": -1}, "idle must be a number of seconds, above 0, not -1"),
        ({"first": 0}, "first must be a number of seconds, above 0, not 0"),
        ({"total": "3"}, "total must be a number of seconds, above 0, not '3'"),
        (
            {"idle": timedelta(seconds=1)},
            "idle must be a number .*not datetime.timedelta",
        ),
    ],
)
def test_a_limit_is_a_time(limits, sentence):
    """A time-out without any time, or with one that is none, is refused when it is made."""
    with pytest.raises((TypeError, ValueError), match=sentence):
        ops.timeout(**limits)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (ops.timeout(idle=3), [TextDelta("a."), "disposed", ModelTimeout]),
        (ops.stop_at(["."]), ["disposed", TextDelta("a"), Finish("stop"), "completed"]),
    ],
)
def test_the_model_is_hung_up_on_before_anybody_is_told(limit, expected):
    """The source is disposed before the end is told, and before what is left of its text."""
    order, model = [], Subject()
    source = model.pipe(rxo.finally_action(lambda: order.append("disposed")), limit)

    def ask():
        source.subscribe(
            order.append,
            lambda error: order.append(type(error)),
            lambda: order.append("completed"),
            scheduler=scheduler,
        )
        model.on_next(TextDelta("a."))

    with VirtualScheduler() as scheduler:
        scheduler.run_serialized(ask)
        scheduler.run()

    assert expected == order


def test_a_timed_out_stream_is_hung_up_on():
    """The source is disposed at the moment when its time is over."""
    with marbles(tick="1s", error=ModelTimeout("...")) as m:
        source = m.cold("-")
        m.expect(source.pipe(ops.timeout(idle=3))).to_be("---#")
        m.expect(source).to_be_subscribed("^--!")


def played(deltas, words):
    """Return what `stop_at` makes of deltas, and how many of them were read."""
    read, told = [], []
    source = rx.from_iterable(deltas).pipe(rxo.do_action(read.append), ops.stop_at(words))
    with VirtualScheduler() as scheduler:
        scheduler.run_serialized(lambda: source.subscribe(told.append, scheduler=scheduler))
        scheduler.run()
    return told, len(read)


def said(deltas):
    """Return the whole text of deltas."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


pieces = st.lists(st.text("ab.", max_size=4), max_size=8)
stops = st.lists(st.text("ab.", min_size=1, max_size=4), max_size=4)


@given(pieces, stops)
def test_a_stop_cuts_the_same_however_the_text_is_cut(pieces, words):
    """The text ends where the word begins that is complete first, as if read sign by sign."""
    text = "".join(pieces)
    ends = [
        (end, -len(word))
        for end in range(len(text) + 1)
        for word in words
        if text[:end].endswith(word)
    ]
    kept = text[: sum(min(ends))] if ends else text

    told, _ = played(map(TextDelta, pieces), words)
    by_sign, _ = played(map(TextDelta, text), words)

    assert kept == said(told) == said(by_sign)
    assert bool(ends) is (Finish("stop") in told)


others = st.sampled_from(
    [ReasoningDelta("r"), RefusalDelta("n"), ToolCallDelta(0, "c"), Usage(1, 1)]
)
texts = st.text("ab.", min_size=1, max_size=3).map(TextDelta)


@given(st.lists(texts | others, max_size=12), stops)
def test_other_deltas_pass_in_their_order(deltas, words):
    """Every other delta that was read passes, behind the text it came after."""
    told, read = played(deltas, words)
    rest = [delta for delta in told if delta != Finish("stop")]

    assert [one for one in deltas[:read] if not isinstance(one, TextDelta)] == [
        one for one in rest if not isinstance(one, TextDelta)
    ]
    heard = seen = ""
    before = {}
    for number, delta in enumerate(deltas[:read]):
        heard += delta.text if isinstance(delta, TextDelta) else ""
        before[number] = heard
    numbers = iter([n for n, one in enumerate(deltas) if not isinstance(one, TextDelta)])
    for delta in rest:
        if isinstance(delta, TextDelta):
            seen += delta.text
        else:
            expected = before[next(numbers)]
            assert seen == expected[: len(seen)]
            assert len(expected) - len(seen) == 0 or Finish("stop") in told


@given(st.lists(texts | others, max_size=12), stops)
def test_no_more_waits_than_must(deltas, words):
    """After each delta what waits is the start of a word; all else has passed at once."""
    told = []
    source = rx.subject.Subject()
    source.pipe(ops.stop_at(words)).subscribe(told.append)
    sent = []
    for delta in deltas:
        source.on_next(delta)
        sent.append(delta)
        if Finish("stop") in told:
            return
        waiting = said(sent)[len(said(told)) :]
        assert not waiting or any(word.startswith(waiting) for word in words)


def test_a_finish_brings_all_that_waited():
    """The model's own finish comes behind the text."""
    deltas = [TextDelta("one st"), Usage(1, 1), Finish("length")]

    told, _ = played(deltas, ["stop"])

    assert [TextDelta("one "), TextDelta("st"), Usage(1, 1), Finish("length")] == told


def test_an_error_brings_all_that_waited():
    """What a broken answer had said is not lost."""
    with marbles(
        a=TextDelta("one st"),
        x=TextDelta("one "),
        y=TextDelta("st"),
        error=ModelUnavailable("It broke off."),
    ) as m:
        m.expect(m.cold("a--#").pipe(ops.stop_at(["stop"]))).to_be("x--(y#)")


def test_a_retraction_makes_waiting_text_void():
    """A new attempt begins without the text that waited; usage that waited passes."""
    deltas = [TextDelta("st"), Usage(1, 1), StepRetried(1, "..."), TextDelta("op!")]

    told, _ = played(deltas, ["stop"])

    assert [Usage(1, 1), StepRetried(1, "..."), TextDelta("op!")] == told


def test_a_cut_turn_is_read_no_further():
    """At the stop the model is hung up on, in the midst of what it sends at once."""
    told, read = played(map(TextDelta, ["a", "b", "c", "d"]), ["bc"])

    assert [TextDelta("a"), Finish("stop")] == told
    assert 3 == read


def test_disposal_in_the_midst_of_a_stop():
    """Whenever others dispose while the text is cut, the model is hung up on, and none harmed."""
    for step in count(1):
        model, told = Subject(), []
        subscription = model.pipe(ops.stop_at(["."])).subscribe(told.append)
        met = meanwhile(
            lambda model=model: model.on_next(TextDelta("a.")), step, subscription.dispose
        )
        assert [TextDelta("a"), Finish("stop")][: len(told)] == told
        assert [] == model.observers
        if not met:
            break
    assert step > 1


def test_one_word_may_stand_alone():
    """A single text is one word to stop at, not its signs."""
    told, _ = played([TextDelta("top stop")], "stop")

    assert [TextDelta("top "), Finish("stop")] == told


def test_an_empty_word_is_refused():
    """A word that is everywhere is no place to stop at."""
    with pytest.raises(ValueError, match="empty text"):
        ops.stop_at(["", "x"])
