import pytest

from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    PlanStarted,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    Usage,
)
from rxagent.messages import Message, ToolCall
from rxagent.subscribers import Metrics, Snapshot, ToolTimes

SAID = Message("assistant", "Hi")


@pytest.fixture
def measure():
    """Return a function that measures events at their times, and the metrics it fills."""
    now = 0.0
    metrics = Metrics(clock=lambda: now)

    def measure(*timed):
        nonlocal now
        for at, event in timed:
            now = at
            metrics.on_next(event)
        return metrics

    def end(at, error=None):
        nonlocal now
        now = at
        metrics.on_completed() if error is None else metrics.on_error(error)
        now = 1_000_000.0
        return metrics.snapshot()

    measure.end = end
    return measure


def test_nothing_measured_is_nothing_known():
    """Before a run begins there are no times, and unknown usage is not zero."""
    assert Snapshot() == Metrics().snapshot()


def test_time_to_first_token_counts_from_the_run_s_start(measure):
    """The first piece of anything the model says ends the wait, also its reasoning."""
    measure((10, RunStarted("x", "agent")), (11, StepStarted(1)), (12.5, ReasoningDelta("hm")))
    measure((14, TextDelta("Hi")))

    assert 2.5 == measure().snapshot().first_token


def test_tokens_per_second_counts_the_time_the_model_spoke(measure):
    """Waiting for a model or a tool does not make it slow; turns add up."""
    measure(
        (0, RunStarted("x", "agent")),
        (0, StepStarted(1)),
        (5, TextDelta("a")),
        (7, Usage(9, 60)),
        (7, MessageCompleted(SAID)),
        (20, StepStarted(2)),
        (30, TextDelta("b")),
        (31, StepRetried(2, "ModelTimeout: silent")),
        (40, TextDelta("c")),
        (41, Usage(9, 60)),
        (41, MessageCompleted(SAID)),
    )

    assert 120 / (2 + 1 + 1) == measure().snapshot().tokens_per_second


def test_tokens_of_a_summary_do_not_count_as_speed(measure):
    """A summary is not seen being written, so its tokens count, but not its speed."""
    measure(
        (0, RunStarted("x", "agent")),
        (1, Usage(50, 1000)),
        (1, Summarised("It was warm.", 3)),
        (2, StepStarted(1)),
        (5, TextDelta("a")),
        (7, Usage(9, 60)),
        (7, MessageCompleted(SAID)),
        (9, Usage(50, 1000)),
    )

    assert 60 / 2 == measure().snapshot().tokens_per_second
    assert Usage(109, 2060) == measure().snapshot().usage


def test_tokens_per_second_is_unknown_without_a_report(measure):
    """No usage, or a reply that came in one piece, has no pace."""
    measure((0, StepStarted(1)), (1, TextDelta("a")), (2, MessageCompleted(SAID)))
    assert None is measure().snapshot().tokens_per_second

    whole = Metrics(clock=lambda: 1.0)
    for event in (StepStarted(1), TextDelta("a"), Usage(1, 1), MessageCompleted(SAID)):
        whole.on_next(event)
    assert None is whole.snapshot().tokens_per_second


def test_tools_are_timed_by_name(measure):
    """Runs of one tool, also side by side, are counted together; the longest is kept."""
    measure(
        (1, ToolStarted(ToolCall("a", "search"))),
        (2, ToolStarted(ToolCall("b", "search"))),
        (2, ToolStarted(ToolCall("c", "add"))),
        (2.5, ToolCompleted("c", "5")),
        (3, ToolCompleted("a", "found")),
        (7, ToolFailed("b", "ToolTimeout: too long")),
    )

    assert {
        "search": ToolTimes(runs=2, failures=1, seconds=7, longest=5),
        "add": ToolTimes(runs=1, failures=0, seconds=0.5, longest=0.5),
    } == measure().snapshot().tools
    assert 3.5 == measure().snapshot().tools["search"].mean
    assert 0.0 == ToolTimes().mean


def test_a_call_that_never_ran_has_no_time(measure):
    """ToolFailed without ToolStarted counts as a failure, not as a run."""
    measure((1, ToolFailed("a", "UnknownTool: there is no tool x")))

    assert {} == measure().snapshot().tools
    assert {"UnknownTool": 1} == measure().snapshot().failures


def test_failures_are_counted_by_kind(measure):
    """The type at the beginning of an error's text is its kind, whatever event holds it."""
    measure(
        (1, StepFailed("ParseError: no")),
        (1, StepFailed("ParseError: again")),
        (1, StepRetried(2, "ModelTimeout: silent: 20 s")),
        (1, ToolFailed("a", "InvalidArguments")),
    )

    counts = {"ParseError": 2, "ModelTimeout": 1, "InvalidArguments": 1}
    assert counts == measure().snapshot().failures
    assert {**counts, "ValueError": 1} == measure.end(2, ValueError("no")).failures


def test_a_settled_failure_counts_as_one(measure):
    """RunFailed is counted like the error it stands for."""
    measure((1, RunFailed("NoAnswer", "NoAnswer: none")))

    assert {"NoAnswer": 1} == measure.end(2).failures


def test_events_are_counted_by_kind(measure):
    """Each event of the run itself counts, by its name."""
    inner = ToolOutput("a", TextDelta("inner"))
    measure((1, TextDelta("a")), (1, TextDelta("b")), (1, PlanStarted()), (1, inner))

    counted = {"TextDelta": 2, "PlanStarted": 1, "ToolOutput": 1}
    assert counted == measure().snapshot().events


def test_usage_of_inner_runs_is_added(measure):
    """Tokens of inner agents count in the whole, at any depth, but not in the pace."""
    measure(
        (0, StepStarted(1)),
        (1, TextDelta("a")),
        (1, Usage(1, 10)),
        (1, ToolOutput("a", Usage(2, 20))),
        (1, ToolOutput("a", ToolOutput("b", Usage(3, 30)))),
        (2, MessageCompleted(SAID)),
    )

    assert (Usage(6, 60), 10.0) == (
        measure().snapshot().usage,
        measure().snapshot().tokens_per_second,
    )


def test_usage_is_counted_by_model(measure):
    """Each model has its tokens, those in inner runs too."""
    measure(
        (0, Usage(1, 10, model="big")),
        (0, ToolOutput("a", Usage(2, 20, model="small"))),
        (0, ToolOutput("a", Usage(3, 30, model="big"))),
        (0, Usage(4, 40)),
    )
    counted = measure().snapshot()

    assert Usage(10, 100) == counted.usage
    assert {
        "big": Usage(4, 40, model="big"),
        "small": Usage(2, 20, model="small"),
        "": Usage(4, 40),
    } == counted.usage_by_model


def test_the_clock_stops_with_the_run(measure):
    """`seconds` grows while the run goes on, and stands when it has ended."""
    measure((10, RunStarted("x", "agent")), (12, FinalAnswer("y")))
    assert 2.0 == measure().snapshot().seconds

    measure((13, RunCompleted()))
    assert 4.0 == measure.end(14).seconds


def test_a_snapshot_does_not_change(measure):
    """What was measured later is in later snapshots."""
    earlier = measure((1, TextDelta("a"))).snapshot()
    measure((2, TextDelta("b")), (2, StepFailed("ParseError: no")))

    assert ({"TextDelta": 1}, {}) == (earlier.events, earlier.failures)


def test_a_second_run_is_refused():
    """Two runs would be measured as one, so the second is refused."""
    metrics = Metrics()
    metrics.on_next(RunStarted("x", "agent"))

    with pytest.raises(RuntimeError, match="Create one for each run"):
        metrics.on_next(RunStarted("y", "agent"))
