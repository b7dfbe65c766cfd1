"""Diagrams of runs that happened: what a run said and did, as the text of a marble file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from ...arguments import plural, shorten
from ...errors import MarbleSyntaxError
from ...events import RunCompleted, RunFailed, RunStarted
from ...executors import CodeResult
from .constructors import constructed
from .diagram import Note
from .performance import perform
from .reading import parse
from .replay import Played, replay_of
from .report import is_same, report
from .rows import Kind
from .run_file import Moment
from .writing import Signs, WrittenRow, binding, lay_out, signs_of

__all__ = ["diagram_of"]

_TICK = 0.001
_MARGIN = 88


def diagram_of(moments: Sequence[Moment], prose: str = "") -> str:
    """Return a marble diagram of a run, which holds as it stands.

    If the run can be performed again from what its models and tools said, the diagram does that;
    otherwise it emits the events of the run. It has been performed before it is returned.

    Args:
        moments: The events of the run.
        prose: A sentence for below the title.

    Raises:
        MarbleSyntaxError: An event cannot be written.
    """
    title = _title(moments)
    notes = _notes(moments)
    for played in (replay_of(moments), Played({"run": (0.0, notes)}, "run", notes)):
        text = None if played is None else _true(title, prose, played)
        if text is not None:
            return text
    raise MarbleSyntaxError(
        "These events cannot be written as a diagram: what comes differs from what is written."
    )


def _true(title: str, prose: str, played: Played) -> str | None:
    """Return the text of a diagram as it is performed; None if other events come."""
    try:
        diagram = parse(_written(title, prose, played))
        outcome = perform(diagram)
        if not _are_same(played.out, outcome.notes) or outcome.is_astray:
            return None
        # Nothing takes time here but the rows, so they begin earlier than they did.
        rows = {
            name: (outcome.subscriptions[name][0].subscribed, notes)
            for name, (_, notes) in played.rows.items()
            if outcome.subscriptions[name]
        }
        text = _written(title, prose, evolve(played, rows=rows, out=outcome.notes))
        diagram = parse(text)
        return None if report(diagram, perform(diagram)) else text
    except MarbleSyntaxError:
        return None


def _are_same(one: Sequence[Note], other: Sequence[Note]) -> bool:
    """Return whether notes are the same, whenever they come."""
    return len(one) == len(other) and all(map(is_same, one, other))


def _title(moments: Sequence[Moment]) -> str:
    for moment in moments:
        if isinstance(moment.event, RunStarted):
            task = " ".join(moment.event.task.split())
            return f"A run of {moment.event.agent!r}: {shorten(task, _MARGIN)}"
    return f"A run: {plural(len(moments), 'event')}."


def _notes(moments: Sequence[Moment]) -> list[Note]:
    notes = [Note(moment.at, Kind.NEXT, moment.event) for moment in moments]
    if moments and isinstance(moments[-1].event, RunCompleted | RunFailed):
        notes.append(Note(moments[-1].at, Kind.COMPLETED))
    return notes


def _written(title: str, prose: str, played: Played) -> str:
    signs = Signs({})
    rows = [
        *(
            WrittenRow(f"{name}:", signs_of(notes, signs.of, begun), begun)
            for name, (begun, notes) in played.rows.items()
        ),
        *([WrittenRow("said~", signs_of(played.said, signs.of))] if played.said else []),
        WrittenRow("out:", signs_of(played.out, signs.of)),
    ]
    pipeline = f"> {played.pipeline}"
    margin = max(len(row.head) for row in rows) + 1
    ruler, lines = lay_out(rows, _TICK, max(margin, 6))
    bindings = [_bound(letter, value) for letter, value in signs.added.items()]
    imports = [f"from {_room(each)} import {each.__name__}" for each in played.imports]
    if _has_opaque(signs.added):
        imports.append("from rxagent.wire import Opaque")
    return "\n".join(
        [
            *(f"# {line}" for line in (title, prose) if line),
            "",
            *imports,
            *([""] if imports else []),
            *([ruler] if ruler else []),
            *lines[:-1],
            pipeline,
            lines[-1],
            "",
            *bindings,
            "",
        ]
    )


def _bound(letter: str, value: object) -> str:
    if isinstance(value, Exception):
        return binding(letter, value)
    return f"{letter} = {constructed(value)}"


def _room(value: Any) -> str:
    """Return the public module that has something which a replay imports."""
    return "rxagent.executors" if value is CodeResult else "rxagent.agents.approval"


def _has_opaque(bindings: Mapping[str, object]) -> bool:
    return any("Opaque(" in repr(value) for value in bindings.values())
