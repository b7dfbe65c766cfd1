"""An event log gives back its events, in little memory, from any event on."""

import threading
import tracemalloc
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.coalescing import channel
from rxagent.errors import ModelUnavailable
from rxagent.events import (
    FinalAnswer,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    RunFailed,
    RunStarted,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
    Usage,
)
from rxagent.runs.buffers import buffer_for
from rxagent.runs.event_log import EventLog, PackedDeltas
from rxagent.state import State, fold_all
from rxagent.streams.each import EMPTY

from ..meanwhile import meanwhile
from .watching import EVENTS, WATCHDOG, joined

pytestmark = pytest.mark.slow

TEXTS = st.one_of(st.text(max_size=4), st.text("é€𝄞", max_size=2), st.just("x" * 300))
PIECES = st.recursive(
    st.one_of(
        TEXTS.map(TextDelta),
        TEXTS.map(ReasoningDelta),
        TEXTS.map(RefusalDelta),
        st.builds(ToolCallDelta, st.integers(0, 2), arguments=TEXTS),
    ),
    lambda inner: st.builds(ToolOutput, st.sampled_from(["call_1", "call_2"]), inner),
    max_leaves=2,
)
OTHERS = st.one_of(
    st.builds(StepStarted, st.integers(1, 3)),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.builds(StepRetried, st.integers(1, 3), st.just("again")),
    st.just(Finish("stop")),
    st.just(ToolCallDelta(0, "call_1", "add", "")),
    st.just(ToolCallDelta(0)),
    st.just(ToolOutput("call_1", "printed")),
    st.just(ToolOutput("call_1", Usage(1, 1))),
)
RUNS = st.lists(st.one_of(PIECES, PIECES, PIECES, OTHERS), max_size=40)


def recorded(events, keep="merged"):
    """Return an event log of some events."""
    record = EventLog(State(), keep)
    for event in events:
        record.add(event)
    return record


def received(record, seq=0):
    """Return what a log replays from an event on."""
    return [event for event, _ in record.since(seq)]


@given(st.lists(PIECES, min_size=1, max_size=30))
def test_packing_loses_nothing(pieces):
    """Packed pieces can be separated again, and joined they are what `joined` holds."""
    packed = PackedDeltas(pieces, list(map(channel, pieces)))

    assert pieces == list(packed.pieces())
    assert joined(pieces) == list(packed.joined)
    assert len(pieces) == packed.count


@given(RUNS)
def test_everything_is_kept_as_it_was(events):
    """A log that keeps everything replays each event, with its number, from any event on."""
    record = recorded(events, "everything")

    for seq in range(len(events) + 1):
        assert list(zip(events[seq:], range(seq + 1, len(events) + 1), strict=True)) == list(
            record.since(seq)
        )


@given(RUNS, st.integers(1, 7))
def test_merged_is_the_same_when_joined(events, size):
    """A log that merges replays, from any event on, events that join to the joined rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rxagent.runs.event_log._PACK", size)
        record = recorded(events)

    for seq in range(len(events) + 1):
        assert joined(events[seq:]) == joined(received(record, seq))


@given(RUNS, st.integers(0, 40))
def test_going_on_from_a_number(events, since):
    """Where the number moves on, what was replayed so far and the rest are all events."""
    record = recorded(events)
    numbered = list(record.since(min(since, len(events))))

    before = since
    for at, (_, seq) in enumerate(numbered, 1):
        if seq != before:
            first = [event for event, _ in numbered[:at]]
            assert joined(events[since:]) == joined([*first, *received(record, seq)])
        before = seq


@given(st.lists(st.integers(1, 300), min_size=1, max_size=4), st.integers(0, 300))
def test_texts_that_follow_each_other_are_counted(lengths, since):
    """The number moves on with each of them, in a replay and in a buffer without room."""
    kinds = ReasoningDelta, TextDelta, partial(ToolCallDelta, 1, None, None), RefusalDelta
    events = [
        kind(f"{n} ") for kind, length in zip(kinds, lengths, strict=False) for n in range(length)
    ]
    since = min(since, len(events))
    record = recorded(events)
    full = buffer_for("merge", 1, None)
    for event in events:
        full.put(event)
    taken = taken_from(full)

    assert len(taken) == len({seq for _, seq in taken})
    replayed = list(record.since(since))
    assert len(replayed) == len({seq for _, seq in replayed})
    for at, (_, seq) in enumerate(replayed, 1):
        first = [event for event, _ in replayed[:at]]
        assert joined(events[since:]) == joined([*first, *received(record, seq)])


def taken_from(buffer):
    """Take all events of a buffer, each with the number then."""
    taken = []
    while (event := buffer.take()) is not EMPTY:
        taken.append((event, buffer.seq))
    return taken


@given(RUNS)
def test_pieces_are_joined_as_far_as_they_go(events):
    """A log never replays more events than joining alone leaves."""
    assert len(joined(events)) == len(received(recorded(events)))


@pytest.mark.parametrize("keep", ["everything", "merged", "nothing"])
@given(events=RUNS)
def test_the_state_is_a_fold(keep, events):
    """However much is kept, and whenever it was read, the state is the fold of all events."""
    record = EventLog(State(), keep)
    for number, event in enumerate(events):
        record.add(event)
        if number % 3 == 0:
            assert fold_all(State(), events[: number + 1]) == record.state

    assert fold_all(State(), events) == record.state


def test_nothing_is_kept_but_the_state():
    """A log that keeps nothing replays nothing, counts all, and drops what it has folded."""
    record = recorded(EVENTS * 20, "nothing")

    assert ([], len(EVENTS) * 20) == (received(record), len(record))
    assert fold_all(State(), EVENTS * 20) == record.state
    assert len(record._page.entries) < 64


def test_a_failure_is_in_the_state():
    """Why a run failed is in its state, and is emitted by `on_error` alone."""
    record = recorded(EVENTS[:20])
    record.fail(ModelUnavailable("gone"))

    failed = RunFailed("ModelUnavailable", "ModelUnavailable: gone")
    assert fold_all(State(), [*EVENTS[:20], failed]) == record.state
    assert joined(EVENTS[:20]) == joined(received(record))


@pytest.mark.parametrize("keep", ["everything", "merged"])
def test_a_long_answer_takes_little_room(keep):
    """A hundred thousand pieces, and their state too, take at most thrice the bytes of the text."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        record = recorded((TextDelta(f"{number % 10_000} ") for number in range(100_000)), keep)
        text = record.state.text
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 3 * len(text)


@pytest.mark.parametrize("keep", ["everything", "merged", "nothing"])
def test_whenever_it_is_read(keep):
    """Between any two steps of adding, the state and the replay are a prefix of the run."""
    events = [StepStarted(1), TextDelta("a"), TextDelta("b"), TextDelta("c"), StepStarted(2)]
    numbers = set()

    def look(record, before):
        read = record.state, received(record), len(record)
        seen = read[2] - before
        assert fold_all(State(), past + events[:seen]) == read[0]
        if keep != "nothing":
            assert joined(past + events[:seen]) == joined(read[1])
        numbers.add(seen)

    past = [StepStarted(0)] * 3
    step, met = 0, True
    while met:
        step += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rxagent.runs.event_log._PACK", 2)
            patch.setattr("rxagent.runs.event_log._FORGET", 2)
            record = recorded(past, keep)
            before = len(record)
            met = meanwhile(
                lambda record=record: [record.add(event) for event in events],
                step,
                lambda record=record, before=before: look(record, before),
            )
        assert fold_all(State(), past + events) == record.state
    assert {0, 1, 2, 3, 4, 5} == numbers


@pytest.mark.parametrize("keep", ["everything", "merged", "nothing"])
def test_whatever_happens_while_it_is_read(keep):
    """Between any two steps of reading, more may be added and read; no read is wrong after it."""
    past = [StepStarted(0), TextDelta("a"), TextDelta("b"), StepStarted(1), TextDelta("c")]
    more = [TextDelta("d"), TextDelta("e"), StepStarted(2), StepStarted(3), TextDelta("f")]
    beginnings = [fold_all(State(), [*past, *more[:count]]) for count in range(len(more) + 1)]

    step, met = 0, True
    while met:
        step += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rxagent.runs.event_log._PACK", 2)
            patch.setattr("rxagent.runs.event_log._FORGET", 2)
            record, read, known = recorded(past, keep), [], []

            def go_on(record=record, read=read, known=known):
                for event in more:
                    record.add(event)
                read.append(record.state)
                known.append(record._known[1])

            met = meanwhile(lambda record=record, read=read: read.append(record.state), step, go_on)
            known.append(record._known[1])
        assert all(state in beginnings for state in read)
        assert known == sorted(known)
        if met:
            assert beginnings[-1] == read[0] == record.state


def test_a_failure_comes_after_all_events():
    """Whenever a run fails while its state is read, a state with its error has all its events."""
    past, last = [StepStarted(1), TextDelta("a")], TextDelta("b")
    failed = RunFailed("ModelUnavailable", "ModelUnavailable: gone")
    right = [fold_all(State(), past), fold_all(State(), [*past, last, failed])]

    step, met = 0, True
    while met:
        step += 1
        record, read = recorded(past), []

        def fail(record=record):
            record.add(last)
            record.fail(ModelUnavailable("gone"))

        met = meanwhile(lambda record=record, read=read: read.append(record.state), step, fail)

        assert read[0] in [*right, fold_all(State(), [*past, last])]
    assert right[1] == record.state or not met


def test_adding_waits_for_no_reader():
    """Adding goes on wherever a reader stops."""
    step, met = 0, True
    while met:
        step += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rxagent.runs.event_log._PACK", 2)
            patch.setattr("rxagent.runs.event_log._FORGET", 2)
            record = recorded([StepStarted(1), TextDelta("a")], "nothing")
            adding = threading.Thread(target=lambda record=record: [*map(record.add, EVENTS)])

            def stand_still(adding=adding):
                adding.start()
                adding.join(WATCHDOG)
                assert not adding.is_alive()

            met = meanwhile(lambda record=record: record.state, step, stand_still)
    assert step > 10


def test_reading_while_it_is_written():
    """Readers on other threads always see a beginning of what happened, whole."""
    record = EventLog(State(), "merged")
    wrong = []
    done = threading.Event()
    events = [StepStarted(1), *(TextDelta(f"{number} ") for number in range(3_000))]
    texts = [event.text for event in events[1:]]

    def read():
        while not done.is_set():
            pieces = received(record)
            text = "".join(event.text for event in pieces if isinstance(event, TextDelta))
            if text != "".join(texts[: text.count(" ")]):
                wrong.append(text)
            if not "".join(texts).startswith(record.state.text):
                wrong.append(record.state)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for event in events:
        record.add(event)
    done.set()
    for reader in readers:
        reader.join(WATCHDOG)

    assert [] == wrong
    assert "".join(texts) == record.state.text


ANSWERS = st.one_of(
    st.builds(FinalAnswer, st.integers()),
    st.just(RunStarted("task", "agent")),
    st.builds(ToolOutput, st.just("call_1"), st.builds(FinalAnswer, st.integers())),
)


@given(
    st.lists(st.one_of(PIECES, OTHERS, ANSWERS), max_size=100),
    st.sampled_from(["everything", "merged", "nothing"]),
)
def test_the_answer_is_that_of_the_state(events, keep):
    """The answer needs no folding, and is the same, whatever has been forgotten."""
    record = recorded([RunStarted("task", "agent"), *events], keep)

    assert record.state.answer == record.answer
