"""Eager code: what runs, and what the model reads of it, does not depend on the reply's pace."""

import asyncio

import pytest

from rxagent import CodeAgent, each, tool
from rxagent import operators as ops
from rxagent.events import (
    FinalAnswer,
    Finish,
    StepFailed,
    TextDelta,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from rxagent.models import as_model

WATCHDOG = 60

CODES = {
    "prints": ["print(1)", "print(2)", "print(3)"],
    "calls": ["a = weather('P')", "print(a)", "b = [weather(x) for x in 'ab']", "print(b)"],
    "values": ["x = 1", "x + 1", "x + 2", "x = 3"],
    "compound": ["# one", "def f(x):", "    return x", "", "if f(0):", "    1", "else:", "    2"],
    "fails": ["print(1)", "print(2)", "x = 1 / 0", "print(3)"],
    "no Python": ["print(1)", "print(2)", "print(3) 4", "print(5)"],
    "answers": ["print(1)", "final_answer(7)", "print(2)"],
    "a team": ["a = helper('P')", "b = helper('P')", "print(a + b)"],
    "awaits": ["a = slow('P')", "print(1)", "print(await a)"],
    "fences": ["```python", "print(1)", "x = 2", "```", "and", "```python", "print(x)", "```"],
    "a mark": ["print(1)  # no </code> here", "print(2)", "print(3)"],
}
SIZES = {"by sign": 1, "in pieces": 7, "whole": 10_000}


@tool
def weather(city: str) -> str:
    """Return the weather."""
    return f"sunny in {city}"


@tool
async def slow(city: str) -> str:
    """Return the weather, a little later."""
    return f"cloudy in {city}"


class Paced:
    """Writes the code in pieces, patiently after each one; then gives the answer."""

    def __init__(self, lines, size, *, patient, end="\n</code>"):
        self.events, self.asked = [], []
        text = "Thought\n<code>\n" + "\n".join(lines) + end
        self._pieces = [text[at : at + size] for at in range(0, len(text), size)]
        self._patient = patient
        self._reason = "stop" if "</" in end else "length"
        self.model = as_model(self._answer)

    async def _answer(self, request):
        self.asked.append(request)
        if len(self.asked) > 1:
            yield "<code>\nfinal_answer(9)\n</code>"
            return
        for piece in self._pieces:
            yield TextDelta(piece)
            while self._patient and self._is_busy:
                await asyncio.sleep(0)
        yield Finish(self._reason)

    @property
    def _is_busy(self):
        ends = of((ToolCompleted, ToolFailed), self.events)
        return len(of(ToolStarted, self.events)) > len(ends)

    def played(self, model=None):
        """Return the events of a run with this model, or with another one."""
        helper = CodeAgent(as_model(help_out), name="helper", description="Helps.")
        agent = CodeAgent(model or self.model, [weather, slow, helper], eager=True)
        run = agent.start("How is it?")
        self.events.clear()
        run.subscribe(self.events.append)
        run.result(WATCHDOG)
        return list(each(run))


async def help_out(request):
    """Answer as a helper."""
    yield "<code>\nfinal_answer('fine')\n</code>"


def of(kind, events):
    """Return the events of a type."""
    return [event for event in events if isinstance(event, kind)]


def done(events):
    """Return what ran, with its outcome, and how the steps ended."""
    events = of((ToolStarted, ToolCompleted, ToolFailed, StepFailed, FinalAnswer), events)
    return [
        (event.call.id, event.call.arguments) if isinstance(event, ToolStarted) else event
        for event in events
    ]


@pytest.mark.parametrize("lines", CODES.values(), ids=CODES.keys())
@pytest.mark.parametrize("end", ["\n</code>", "</code>", "\n", ""])
def test_the_pace_changes_nothing(lines, end):
    """The calls, their outcomes and the next request are those of a model that waits for each."""
    first, *others = (
        Paced(lines, size, patient=patient, end=end)
        for patient in (True, False)
        for size in SIZES.values()
    )
    said = done(first.played())

    assert [ending for ending in said if not isinstance(ending, tuple)]
    for other in others:
        assert said == done(other.played())
        assert [each.messages for each in first.asked] == [each.messages for each in other.asked]


@pytest.mark.parametrize("lines", CODES.values(), ids=CODES.keys())
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_a_recording_plays_back(lines, size, tmp_path):
    """All at once, as what was recorded slowly."""
    path = tmp_path / "run.jsonl"
    recorded = Paced(lines, size, patient=True)
    said = done(recorded.played(recorded.model.pipe(ops.record(path))))

    assert said == done(recorded.played(ops.recorded(path)))


def test_many_statements_may_wait():
    """After one that has failed, none of them runs, however many there are."""
    count = 2_000
    events = Paced(["x = 1 / 0", *["print(1)"] * count], 100_000, patient=False).played()

    assert 2 == len(of(ToolStarted, events))
    assert not of(ToolOutput, events)
