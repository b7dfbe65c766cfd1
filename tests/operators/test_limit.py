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
from rxagent.testing.marbles import marbles, model_of

from ..meanwhile import meanwhile

gaps = st.lists(st.integers(1, 5_000_000).map(lambda micros: micros / 1_000_000), max_size=12)


@given(gaps, st.floats(0.1, 5))
def test_idle_ends_the_first_silence_that_is_too_long(gaps, idle):
    """The error comes exactly `idle` seconds after the last item before such a silence."""
    received = []
    with VirtualScheduler() as scheduler:
        source = rx.concat(*(rx.timer(gap) for gap in gaps))
        source.pipe(ops.timeout(idle=idle)).subscribe(
            lambda _: received.append(scheduler.clock),
            lambda error: received.append((scheduler.clock, error)),
            scheduler=scheduler,
        )
        scheduler.run()

    observed = 0.0
    expected = []
    for gap in gaps:
        if gap > idle + 1e-6:
            expected.append(round(observed + idle, 6))
            assert received[-1][0] == pytest.approx(expected[-1], abs=2e-6)
            assert isinstance(received[-1][1], ModelTimeout)
            break
        observed = round(observed + gap, 6)
        expected.append(observed)
    assert len(expected) == len(received)


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


def test_time_stops_while_the_run_is_held():
    """A paused run is not timed out, by whichever limit; afterwards the rest of it counts."""
    received = []
    with VirtualScheduler() as scheduler:
        rx.concat(rx.timer(1.0), rx.never()).pipe(ops.timeout(idle=5, total=8)).subscribe(
            on_error=lambda _: received.append(scheduler.clock), scheduler=scheduler
        )
        for start, end in ((2.0, 50.0), (51.0, 80.0)):
            scheduler.advance_to(start)
            hold = scheduler.hold()
            scheduler.advance_to(end)
            hold.dispose()
        scheduler.run()

    assert [1.0 + 5 + 48 + 29] == received


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
def test_the_request_is_closed_before_the_end_is_emitted(limit, expected):
    """The source is disposed before the end is emitted, and before the rest of its text."""
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


def test_a_timed_out_stream_is_closed():
    """The source is disposed at the moment when its time is over."""
    with marbles(tick="1s", error=ModelTimeout("...")) as m:
        source = m.cold("-")
        m.expect(source.pipe(ops.timeout(idle=3))).to_be("---#")
        m.expect(source).to_be_subscribed("^--!")


def played(deltas, words):
    """Return what `stop_at` makes of deltas, and how many of them were read."""
    read, received = [], []
    source = rx.from_iterable(deltas).pipe(rxo.do_action(read.append), ops.stop_at(words))
    with VirtualScheduler() as scheduler:
        scheduler.run_serialized(lambda: source.subscribe(received.append, scheduler=scheduler))
        scheduler.run()
    return received, len(read)


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

    received, _ = played(map(TextDelta, pieces), words)
    by_sign, _ = played(map(TextDelta, text), words)

    assert kept == said(received) == said(by_sign)
    assert bool(ends) is (Finish("stop") in received)


others = st.sampled_from(
    [ReasoningDelta("r"), RefusalDelta("n"), ToolCallDelta(0, "c"), Usage(1, 1)]
)
texts = st.text("ab.", min_size=1, max_size=3).map(TextDelta)


@given(st.lists(texts | others, max_size=12), stops)
def test_other_deltas_pass_in_their_order(deltas, words):
    """Every other delta that was read passes, behind the text it came after."""
    received, read = played(deltas, words)
    rest = [delta for delta in received if delta != Finish("stop")]

    assert [one for one in deltas[:read] if not isinstance(one, TextDelta)] == [
        one for one in rest if not isinstance(one, TextDelta)
    ]
    observed = seen = ""
    before = {}
    for number, delta in enumerate(deltas[:read]):
        observed += delta.text if isinstance(delta, TextDelta) else ""
        before[number] = observed
    numbers = iter([n for n, one in enumerate(deltas) if not isinstance(one, TextDelta)])
    for delta in rest:
        if isinstance(delta, TextDelta):
            seen += delta.text
        else:
            expected = before[next(numbers)]
            assert seen == expected[: len(seen)]
            assert len(expected) - len(seen) == 0 or Finish("stop") in received


@given(st.lists(texts | others, max_size=12), stops)
def test_no_more_waits_than_must(deltas, words):
    """After each delta what waits is the start of a word; all else has passed at once."""
    received = []
    source = rx.subject.Subject()
    source.pipe(ops.stop_at(words)).subscribe(received.append)
    sent = []
    for delta in deltas:
        source.on_next(delta)
        sent.append(delta)
        if Finish("stop") in received:
            return
        waiting = said(sent)[len(said(received)) :]
        assert not waiting or any(word.startswith(waiting) for word in words)


def test_a_finish_brings_all_that_waited():
    """The model's own finish comes behind the text."""
    deltas = [TextDelta("one st"), Usage(1, 1), Finish("length")]

    received, _ = played(deltas, ["stop"])

    assert [TextDelta("one "), TextDelta("st"), Usage(1, 1), Finish("length")] == received


def test_an_error_brings_all_that_waited():
    """What a broken answer had said is not lost."""
    with marbles(
        a=TextDelta("one st"),
        x=TextDelta("one "),
        y=TextDelta("st"),
        error=ModelUnavailable("It broke off."),
    ) as m:
        m.expect(m.cold("a--#").pipe(ops.stop_at(["stop"]))).to_be("x--(y#)")


def test_a_retraction_drops_waiting_text():
    """A new attempt begins without the text that waited; usage that waited passes."""
    deltas = [TextDelta("st"), Usage(1, 1), StepRetried(1, "..."), TextDelta("op!")]

    received, _ = played(deltas, ["stop"])

    assert [Usage(1, 1), StepRetried(1, "..."), TextDelta("op!")] == received


def test_a_cut_turn_is_read_no_further():
    """At the stop the request is closed, also while the model emits at once."""
    received, read = played(map(TextDelta, ["a", "b", "c", "d"]), ["bc"])

    assert [TextDelta("a"), Finish("stop")] == received
    assert 3 == read


def test_disposal_within_a_stop():
    """Another thread may dispose at any step of the cut; the request is closed."""
    for step in count(1):
        model, received = Subject(), []
        subscription = model.pipe(ops.stop_at(["."])).subscribe(received.append)
        met = meanwhile(
            lambda model=model: model.on_next(TextDelta("a.")), step, subscription.dispose
        )
        assert [TextDelta("a"), Finish("stop")][: len(received)] == received
        assert [] == model.observers
        if not met:
            break
    assert step > 1


def test_one_word_may_stand_alone():
    """A single text is one word to stop at, not its signs."""
    received, _ = played([TextDelta("top stop")], "stop")

    assert [TextDelta("top "), Finish("stop")] == received


def test_an_empty_word_is_refused():
    """An empty word is refused."""
    with pytest.raises(ValueError, match="texts that are not empty"):
        ops.stop_at(["", "x"])


def test_a_request_that_waits_stops_no_other_clock():
    """The silence of one request is noticed while another one waits for its place."""
    with marbles(tick="1s", a=TextDelta("a"), error=ModelTimeout("...")) as m:
        silent, other = m.cold("a-----------"), m.cold("a|")
        limit = ops.concurrency(1)
        both = [ops.timeout(idle=2)(limit(model_of(row))("Hi")) for row in (silent, other)]
        settled = [each.pipe(ops.settle()) for each in both]
        m.expect(rx.merge(*settled).pipe(ops.of_type(TextDelta))).to_be("a-a|")
