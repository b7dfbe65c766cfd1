import logging

import pytest

from rxagent.events import (
    ApprovalAsked,
    FinalAnswer,
    Finish,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepRetried,
    StepStarted,
    Summarised,
    TextDelta,
    ToolCallDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
    UnknownEvent,
    Usage,
)
from rxagent.messages import Message, ToolCall
from rxagent.subscribers import Log

CALL = ToolCall("call_1", "add", '{"a": 2, "b": 3}')

LINES = [
    (RunStarted("2 + 3?", "agent"), "INFO", "run of agent started: 2 + 3?"),
    (MessageReceived(Message("user", "Go\non.")), "INFO", "message received: Go on."),
    (StepStarted(1), "INFO", "step 1 started"),
    (StepRetried(2, "ModelTimeout: x"), "WARNING", "step retried, attempt 2: ModelTimeout: x"),
    (StepFailed("ParseError: x"), "WARNING", "step failed: ParseError: x"),
    (StepLimitReached(5), "WARNING", "step limit of 5 reached"),
    (PlanStarted(), "INFO", "PlanStarted"),
    (Planned("1 add\n2 say"), "INFO", "planned: 1 add 2 say"),
    (Summarised("It was\nwarm.", 2), "INFO", "2 steps summarised: It was warm."),
    (
        MessageCompleted(Message("assistant", "Hi", [CALL])),
        "INFO",
        "message completed: 2 characters, 1 call",
    ),
    (ToolStarted(CALL), "INFO", "tool started: call_1 add(a=2, b=3)"),
    (ToolCompleted("call_1", "5", 5), "INFO", "tool completed: call_1 5"),
    (ToolFailed("call_1", "ToolTimeout: x"), "WARNING", "tool failed: call_1 ToolTimeout: x"),
    (FinalAnswer({"sum": 5}), "INFO", 'answered: {"sum": 5}'),
    (RunCompleted(Usage(1204, 388)), "INFO", "run completed, 1 204 in / 388 out"),
    (RunCompleted(), "INFO", "run completed, usage unknown"),
    (RunFailed("NoAnswer", "NoAnswer: none"), "ERROR", "run failed: NoAnswer: none"),
    (
        RunFailed("RunCancelled", "RunCancelled: The run was cancelled: stop"),
        "INFO",
        "The run was cancelled: stop",
    ),
    (UnknownEvent("Applauded", {"by": 1}), "INFO", "Applauded by=1"),
    (ToolOutput("call_1", StepStarted(1)), "INFO", "call_1 › step 1 started"),
    (
        ToolOutput("call_1", ToolOutput("call_2", StepFailed("ParseError: x"))),
        "WARNING",
        "call_1 › call_2 › step failed: ParseError: x",
    ),
]


@pytest.fixture
def logged(caplog):
    """Return a function that logs events and returns the records."""

    def logged(*events, **options):
        caplog.set_level(logging.DEBUG, "rxagent")
        log = Log(**options)
        for event in events:
            log.on_next(event)
        return caplog.records

    return logged


@pytest.mark.parametrize(
    ("event", "level", "line"), LINES, ids=[type(line[0]).__name__ for line in LINES]
)
def test_each_thing_that_begins_or_ends_is_a_line(logged, event, level, line):
    """A lifecycle event is one record of one line, at the level of what it means."""
    (record,) = logged(event)

    assert ("rxagent", level, line) == (record.name, record.levelname, record.getMessage())


@pytest.mark.parametrize(
    "event",
    [
        TextDelta("a"),
        ReasoningDelta("a"),
        RefusalDelta("a"),
        ToolCallDelta(0),
        Usage(1, 2),
        Finish("stop"),
        ToolOutput("call_1", "printed"),
        ToolOutput("call_1", TextDelta("a")),
    ],
    ids=repr,
)
def test_pieces_are_never_logged(logged, event):
    """Neither a model's nor a tool's pieces make lines, also of inner agents."""
    assert [] == logged(event)


def test_an_error_is_logged_as_a_failed_run(caplog):
    """What travels by on_error is the run's last line; completion adds none."""
    log = Log()
    log.on_completed()
    log.on_error(ValueError("no\nway"))

    assert [("rxagent", logging.ERROR, "run failed: ValueError: no way")] == caplog.record_tuples


def test_it_is_one_line_whatever_is_said(logged):
    """No text can forge a line of the log, or colour it, and long texts are cut."""
    forged = RunStarted("x\nERROR \x1b[31mforged\r\n" + "y" * 500, "agent")
    line = logged(forged)[0].getMessage()

    assert line.startswith("run of agent started: x ERROR ␛[31mforged y")
    assert (200, "…") == (len(line), line[-1])


def test_logger_and_level_can_be_chosen(logged):
    """What went well is logged at the level asked for, to the logger asked for."""
    logger = logging.getLogger("rxagent.test")
    records = logged(StepStarted(1), StepFailed("x"), logger=logger, level=logging.DEBUG)

    assert [("rxagent.test", "DEBUG"), ("rxagent.test", "WARNING")] == [
        (record.name, record.levelname) for record in records
    ]


def test_a_disabled_level_is_not_written(caplog):
    """An event below the logger's level costs no record."""
    caplog.set_level(logging.WARNING, "rxagent")
    Log().on_next(StepStarted(1))

    assert [] == caplog.records


def test_the_record_carries_the_event(logged):
    """A handler finds the event itself, of an inner agent the inner one."""
    asked = ApprovalAsked(CALL)

    assert [asked, asked] == [record.event for record in logged(asked, ToolOutput("c", asked))]


def test_runs_can_be_distinguished(logged):
    """What a run is called stands before each of its lines, and in its records."""
    records = logged(StepStarted(1), ToolOutput("call_1", StepStarted(2)), run="7f3a")

    assert [("7f3a", "7f3a › step 1 started"), ("7f3a", "7f3a › call_1 › step 2 started")] == [
        (record.run, record.getMessage()) for record in records
    ]
