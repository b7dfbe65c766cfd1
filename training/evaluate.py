"""Evaluate the shipped model through the ordinary agents: `python -m training.evaluate`.

It needs rxagent with the extra `builtin`. The questions come from another seed than those of the
training, and none is asked that its last stretches have seen; those off the subject and the tools
with unseen names are written by hand. With --card, the table is written into the model's card.
"""

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from rxagent import Agent, CodeAgent
from rxagent.models import BuiltinModel
from rxagent.models.builtin import UNSURE

from .example import Example, chosen
from .fresh_tools import FRESH
from .kinds.all import STAGES, examples
from .kinds.arithmetic import arithmetic
from .kinds.calculators import calculators
from .kinds.dates import dates
from .kinds.percentages import percentages
from .kinds.phrases import CANNOT, NO_TOOL
from .kinds.shapes import shapes
from .kinds.talk import TALK, talk
from .kinds.tools import tools
from .kinds.unfit import unfit
from .kinds.units import units
from .recording import recording, recording_of
from .unseen_tools import UNSEEN

__all__ = ["main"]

_SEED = 20_261_128
_SEEN = {
    "sums": {"1": 10_000, "1001": 10_000},
    "tools": {"1": 10_000, "1001": 10_000},
    "all": {
        "51": 13_000,
        "1051": 13_000,
        "52": 24_000,
        "1052": 24_000,
        "53": 117_000,
        "1053": 117_000,
    },
    "more": {"61": 58_000, "1061": 58_000},
    "last": {"62": 102_000, "1062": 102_000},
    "end": {"63": 28_000, "1063": 28_000},
}
"""How many examples of each mixture and seed were seen, at most: of "sums" and "tools" by a
training by its defaults, of the others by the last six stretches of the shipped weights."""
_CARD = Path(__file__).parents[1] / "rxagent" / "models" / "tiny" / "CARD.md"
_MARKS = "<!-- accuracy -->\n", "<!-- end of accuracy -->\n"
_HONEST = (CANNOT, NO_TOOL, UNSURE, *TALK)


@define
class Row:
    """One kind of question: how many were asked, and what went wrong.

    Attributes:
        bar: How many percent have to be right.
        tools: Of each question, how many tools the chat template showed.
    """

    name: str
    bar: float
    asked: int = 0
    wrong: list[str] = field(factory=list)
    tools: list[int] = field(factory=list)

    def note(self, question: str, got: Any, is_right: bool) -> None:
        """Note an answer."""
        self.asked += 1
        if not is_right:
            self.wrong.append(f"{question!r} -> {got!r}")

    @property
    def percent(self) -> float:
        """How many percent were right."""
        return 100 * (self.asked - len(self.wrong)) / max(1, self.asked)


def main() -> int:
    """Evaluate as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--part", type=float, default=1.0, help="Which part of the questions to ask."
    )
    parser.add_argument(
        "--wrong", type=int, default=0, help="How many wrong answers to show a kind."
    )
    parser.add_argument("--card", action="store_true", help="Write the table into the card.")
    given = parser.parse_args()
    seen = {
        example.question
        for stage, seeds in _SEEN.items()
        for seed, count in seeds.items()
        for example in islice(examples(f"{seed} {stage}", STAGES[stage]), count)
    }
    model = BuiltinModel()
    rows = []
    for row in _rows(model, seen, given.part):
        rows.append(row)
        print(f"{row.name}: {row.percent:.1f} % of {row.asked}", flush=True)
        for wrong in row.wrong[: given.wrong]:
            print(f"    {wrong}", flush=True)
    table = _table(rows, given.part)
    print(table)
    if given.card:
        text = _CARD.read_text("utf-8")
        before, rest = text.split(_MARKS[0])
        _CARD.write_text(before + _MARKS[0] + table + _MARKS[1] + rest.split(_MARKS[1])[1], "utf-8")
    return int(any(row.percent < row.bar for row in rows))


def _rows(model: Any, seen: set[str], part: float) -> Iterator[Row]:
    for name, kind, count, bar in (
        ("arithmetic", arithmetic, 500, 98),
        ("percentages", percentages, 200, 95),
        ("unit conversions", units, 300, 97),
        ("dates", dates, 200, 95),
    ):
        row = Row(name, bar)
        for example in _unseen(kind, seen, int(count * part)):
            got = _answer(CodeAgent(model), example.question)
            row.note(example.question, got, _is_right(example, got))
        yield row
    row = Row("greetings and questions about itself", 95)
    for example in _unseen(talk, set(), int(100 * part)):
        agent = CodeAgent(model) if example.is_code else Agent(model)
        got = _answer(agent, example.question)
        row.note(example.question, got, got == example.answer)
    yield row
    yield _generated(
        "one or two of up to four tools, made-up names", tools, model, seen, int(300 * part), 85
    )
    yield _generated("the same, asked in many more ways", shapes, model, seen, int(200 * part), 85)
    yield _generated(
        "sums by a calculator, as calls", calculators, model, seen, int(100 * part), 85
    )
    yield from _by_hand("one of four tools with unseen names", UNSEEN, model, part)
    yield from _by_hand("the same, with tools written after the training", FRESH, model, part)
    yield _off_subject(model, part)
    yield _unfit(model, seen, int(200 * part))
    yield _fixing(model, int(100 * part))


def _unseen(kind: Callable[[Random], Example], seen: set[str], count: int) -> Iterator[Example]:
    random = Random(f"{_SEED} {kind.__name__}")
    made = (kind(random) for _ in iter(int, 1))
    return islice((example for example in made if example.question not in seen), count)


def _answer(agent: Agent, question: str) -> Any:
    try:
        return agent.run(question, timeout=60)
    except Exception as error:
        return error


def _is_right(example: Example, got: Any) -> bool:
    wanted = example.answer
    if example.kind == "dates":
        return bool(got == _day(wanted))
    try:
        if example.kind == "units":
            python, unit = wanted
            return bool(got == f"{eval(python):.10g} {unit}")
        value = eval(wanted)
    except ZeroDivisionError:
        return bool(got == "Division by zero is not defined.")
    if isinstance(value, complex) or not isinstance(got, int | float):
        return False
    return math.isclose(got, round(value, 10), rel_tol=1e-9, abs_tol=1e-9)


def _day(wanted: Any) -> Any:
    today = datetime.now(UTC).date()
    match wanted:
        case "today":
            return str(today)
        case "weekday":
            return f"{today:%A}"
        case ("until", day):
            return (date.fromisoformat(day) - today).days
        case ("since", day):
            return (today - date.fromisoformat(day)).days
    return wanted


def _generated(name: str, kind: Any, model: Any, seen: set[str], count: int, bar: float) -> Row:
    row = Row(name, bar)
    for example in _unseen(kind, seen, count):
        if example.kind not in ("tools", "calculator"):
            continue
        calls: list[tuple[str, dict[str, Any]]] = []
        offered = [recording(tool, calls) for tool in example.tools]
        row.tools.append(len(chosen([tool.line for tool in example.tools], example.question)))
        kind_of_agent = CodeAgent if example.is_code else Agent
        got = _answer(kind_of_agent(model, offered), example.question)
        row.note(
            example.question,
            calls or got,
            sorted(calls, key=str) == sorted(example.answer, key=str),
        )
    return row


def _by_hand(what: str, tools: Any, model: Any, part: float) -> Iterator[Row]:
    random = Random(_SEED)
    for kind, name in ((CodeAgent, "by code"), (Agent, "by calls")):
        row = Row(f"{what}, {name}", 85)
        for signature, description, requests in tools[: max(1, int(len(tools) * part))]:
            others = random.sample([each for each in tools if each[0] != signature], 3)
            for request, arguments in requests:
                calls: list[tuple[str, dict[str, Any]]] = []
                listed = [(signature, description), *((a, b) for a, b, _ in others)]
                random.shuffle(listed)
                offered = [recording_of(*each, calls) for each in listed]
                row.tools.append(len(chosen([f"{a} {b}\n" for a, b in listed], request)))
                got = _answer(kind(model, offered), request)
                wanted = [(re.split(r"\(", signature)[0], arguments)]
                row.note(request, calls or got, calls == wanted)
        yield row


def _off_subject(model: Any, part: float) -> Row:
    row = Row("says what it can do, off the subject", 85)
    questions = Path(__file__).with_name("off_subject.txt").read_text("utf-8").splitlines()
    for question in questions[: int(len(questions) * part)]:
        got = _answer(CodeAgent(model), question)
        row.note(question, got, got in _HONEST)
    return row


def _unfit(model: Any, seen: set[str], count: int) -> Row:
    row = Row("says so where no tool fits", 85)
    for example in _unseen(unfit, seen, count):
        calls: list[tuple[str, dict[str, Any]]] = []
        offered = [recording(tool, calls) for tool in example.tools]
        got = _answer((CodeAgent if example.is_code else Agent)(model, offered), example.question)
        row.note(example.question, calls or got, not calls and got in _HONEST)
    return row


def _fixing(model: Any, count: int) -> Row:
    """Ask for a tool that fails once; the model has to read the error and say so, or to fix it."""
    row = Row("says why a tool failed", 85)
    random = Random(_SEED)
    failing = partial(_failing, random)
    for example in islice((e for e in _unseen(tools, set(), 10**9) if len(e.answer) == 1), count):
        reason, tool = failing(example)
        kind = CodeAgent if example.is_code else Agent
        got = _answer(kind(model, [tool]), example.question)
        row.note(example.question, got, got == f"The tool failed: {reason}")
    return row


def _failing(random: Random, example: Example) -> tuple[str, Any]:
    name, arguments = example.answer[0]
    value = next(iter(arguments.values()), name)
    reason = random.choice(
        (f"There is no {value}.", f"{value} was not found.", "The server does not answer.")
    )
    (offered,) = [tool for tool in example.tools if tool.name == name]
    return reason, recording(offered, [], fails=reason)


def _table(rows: list[Row], part: float) -> str:
    today = datetime.now(UTC).date()
    lines = [
        f"Measured on {today} by `python -m training.evaluate --part {part:g} --card`.",
        "",
        "| what | asked | right | bar |",
        "|---|---:|---:|---:|",
        *(f"| {row.name} | {row.asked} | {row.percent:.1f} % | {row.bar:g} % |" for row in rows),
        "",
        _of_template([count for row in rows for count in row.tools]),
    ]
    return "\n".join(lines) + "\n"


def _of_template(shown: list[int]) -> str:
    return (
        f"Of the {len(shown)} questions in the rows about tools and calculators, the chat template "
        f"showed the model a single tool in {shown.count(1)}: there the template chose, and the "
        "model wrote the call."
    )


if __name__ == "__main__":
    sys.exit(main())
