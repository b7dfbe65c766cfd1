"""The grammar of runs, as a check: what `rxagent.events` draws, on the events of one run."""

import re

from rxagent.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Delta,
    Event,
    FinalAnswer,
    MessageCompleted,
    MessageReceived,
    Planned,
    PlanStarted,
    RunCompleted,
    RunStarted,
    StepFailed,
    StepLimitReached,
    StepStarted,
    Summarised,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.messages import INTERPRETER

_LETTERS = {
    RunStarted: "r",
    MessageReceived: "M",
    PlanStarted: "p",
    Planned: "P",
    Summarised: "S",
    StepStarted: "s",
    MessageCompleted: "m",
    StepFailed: "f",
    StepLimitReached: "l",
    FinalAnswer: "a",
    RunCompleted: "c",
    Delta: "d",
    ApprovalAsked | ApprovalAnswered: "t",
    ToolStarted | ToolOutput | ToolCompleted | ToolFailed: "t",
}
_LEG = r"(d|S|pd*mP|s[dt]*m[dt]*f?)*(l[dS]*s[dt]*m[dt]*f?)?"
_RUN = re.compile(rf"r{_LEG}ac")
_STEERED = re.compile(rf"r({_LEG})*ac")


def assert_run(events):
    """Check that events are those of a whole run, and so are those of each run inside it."""
    letters = "".join(
        next(letter for kind, letter in _LETTERS.items() if isinstance(event, kind))
        for event in events
    )
    is_steered = "M" in letters
    assert (_STEERED if is_steered else _RUN).fullmatch(letters.replace("M", "")), letters
    assert re.search(r"s[^M]*$", letters), letters  # the model has read all that was said
    assert all("M" in leg for leg in re.findall(r"l[^l]*(?=l)", letters)), letters
    numbers = [event.number for event in events if isinstance(event, StepStarted)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert_calls(events)


def assert_calls(events):
    """Check that each call starts once, ends once, and emits nothing before or after."""
    calls, inner, code = {}, {}, set()
    for event in events:
        match event:
            case ApprovalAsked(call):
                calls[call.id] = calls.get(call.id, "") + "q"
            case ApprovalAnswered(call_id):
                calls[call_id] = calls.get(call_id, "") + "a"
            case ToolStarted(call):
                if call.name == INTERPRETER:
                    code.add(call.id)
                calls[call.id] = calls.get(call.id, "") + "s"
            case ToolOutput(call_id, value):
                calls[call_id] = calls.get(call_id, "") + "o"
                if isinstance(value, Event):
                    inner.setdefault(call_id, []).append(value)
            case ToolCompleted(call_id) | ToolFailed(call_id):
                calls[call_id] = calls.get(call_id, "") + "e"
    for call_id, letters in calls.items():
        assert re.fullmatch(r"(qa)?(so*)?e|qe", letters), (call_id, letters)
    ended = {event.call_id for event in events if isinstance(event, ToolCompleted)}
    for call_id, run in inner.items():
        if call_id in code:
            assert_calls_of_code(call_id, run)
        elif call_id in ended:
            assert_run(run)
        else:  # it was cut off
            assert isinstance(run[0], RunStarted)
            assert_calls(run)


def assert_calls_of_code(call_id, events):
    """Check the calls that code makes: numbered from 1, each as any other."""
    started = [event.call.id for event in events if isinstance(event, ToolStarted)]
    seen = {event.call.id if isinstance(event, ToolStarted) else event.call_id for event in events}
    assert {*started} <= {f"{call_id}.{number + 1}" for number in range(len(seen))}
    assert_calls(events)
