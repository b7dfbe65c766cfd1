"""`rxagent draw --marble`: a recorded run as a marble diagram."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import RxAgentError
from ..events import Event

__all__ = ["marble_of"]


def marble_of(text: str, file: str, run: str | None, predicate: str | None) -> str:
    """Return the marble file of a run, or of its fewest events for which a predicate holds.

    Raises:
        RxAgentError: The file holds no run, or it cannot be written as a diagram.
        click.BadParameter: The predicate cannot be used.
    """
    from ..testing.marbles.run_diagram import diagram_of
    from ..testing.marbles.run_file import read_run
    from ..testing.shrinking import shrink

    moments = read_run(text, file, run)
    if predicate is None:
        return diagram_of(moments)
    holds = _predicate(predicate)
    events = [moment.event for moment in moments]
    try:
        is_met = holds(events)
    except RxAgentError:
        raise
    except Exception as error:
        raise _refused(f"It raises {type(error).__name__}: {error}") from error
    if not is_met:
        raise _refused("It does not hold for the whole run.")
    fewest = shrink(moments, lambda some: holds([moment.event for moment in some]))
    one_line = " ".join(predicate.split())
    return diagram_of(fewest, f"The fewest events for which this holds: {one_line}")


def _predicate(text: str) -> Callable[[list[Event]], Any]:
    """Return the predicate of an expression about `events` and their `state`."""
    from .. import errors, events, operators
    from ..state import State, fold

    names = {name: getattr(events, name) for name in events.__all__}
    names |= {name: getattr(errors, name) for name in errors.__all__}
    try:
        code = compile(text, "--shrink", "eval")
    except (SyntaxError, ValueError) as error:
        raise _refused(f"It is not a Python expression: {error}.") from None
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # for modules of the user's that it imports

    def holds(some: list[Event]) -> Any:
        state = State()
        for event in some:
            state = fold(state, event)
        scope = {**names, "events": some, "state": state, "ops": operators}
        value = eval(code, scope)
        return value(some) if callable(value) else value

    return holds


def _refused(what: str) -> click.BadParameter:
    return click.BadParameter(
        f"{what} Write an expression about `events`, a list, or `state`, as "
        "'any(isinstance(event, ToolFailed) for event in events)'.",
        param_hint="'--shrink'",
    )
