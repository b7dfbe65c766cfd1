"""Runs in files: the events of a run, read from lines of JSON, with their times."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ...arguments import plural
from ...errors import RxAgentError
from ...events import Event, Stamped, UnknownEvent
from ...wire import loads

__all__ = ["Moment", "NoRun", "read_run"]

_TICK = 0.001


class NoRun(RxAgentError, ValueError):
    """A file holds no run, or several; the message says where, and what to do."""


@frozen
class Moment:
    """An event, and its seconds since the run began."""

    at: float
    event: Event


def read_run(text: str, file: str, run: str | None = None) -> list[Moment]:
    """Return the events of a run, with times in whole milliseconds.

    Events that are not stamped have no time; each comes a millisecond after the one before it.

    Args:
        text: Lines of events, as `rxagent run --json` writes them, or of stamped events.
        file: Where they are from, for errors.
        run: The run to read, if there are several.

    Raises:
        NoRun: A line cannot be read, or there is no run, or more than one.
    """
    found = [_read(line, f"{file}:{number}") for number, line in _lines(text)]
    runs = list(dict.fromkeys(item.run for item in found if isinstance(item, Stamped)))
    if run is not None:
        found = [item for item in found if isinstance(item, Stamped) and item.run == run]
        if not found:
            raise NoRun(f"{file} holds no run {run!r}; it holds {', '.join(runs) or 'none'}.")
    elif len(runs) > 1:
        raise NoRun(
            f"{file} holds {plural(len(runs), 'run')}: {', '.join(runs)}. Choose one by "
            f"`--run {runs[-1]}`."
        )
    if not found:
        raise NoRun(f"{file} holds no event.")
    return _timed(found)


def _lines(text: str) -> Iterable[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _read(line: str, where: str) -> Event | Stamped:
    try:
        item = loads(line)
    except RxAgentError as error:
        raise NoRun(f"{where}: {error}") from None
    if isinstance(item, UnknownEvent) and "request" in item.fields:
        raise NoRun(f"{where}: This is a recording of a model, which ops.recorded(path) plays.")
    if not isinstance(item, Event | Stamped):
        raise NoRun(f"{where}: This is a {type(item).__name__} and no event.")
    return item


def _timed(found: list[Event | Stamped]) -> list[Moment]:
    began = next((item.at for item in found if isinstance(item, Stamped)), 0.0)
    moments: list[Moment] = []
    for item in found:
        last = moments[-1].at if moments else -_TICK
        if isinstance(item, Stamped):
            at = max(last, round(item.at - began, 3), 0.0)
            moments.append(Moment(at, item.event))
        else:
            moments.append(Moment(round(last + _TICK, 3), item))
    return moments
