"""Recordings: the lines of a file that keeps requests to a model and their answers.

.. code-block:: text

    {"v":4,"type":"Request","run":"3f2a","at":1764360000.1,"request":{"messages":[...]}}
    {"after":0.31,"event":{"type":"TextDelta","text":"Hi"}}
    {"after":0.32,"event":{"type":"Finish","reason":"stop"}}
    {"after":0.33,"end":"completed"}

The lines of one request follow one another, whatever was asked at the same time. `v` is the
version of the wire, `run` tells the runs apart, `at` is when the request was sent, in Unix seconds,
and `after` is in seconds since then. The request of an inner agent has a `path`, the ids of the
calls within which it was sent. An answer ends as `completed`, as `failed` with its `error`, or as
`closed` by who asked.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from .. import errors
from ..arguments import shorten, shown
from ..errors import ModelError, RxAgentError, describe
from ..events import Delta, FinalAnswer
from ..messages import Request
from ..wire import VERSION, MalformedLine, decode, encode

__all__ = [
    "CLOSED",
    "COMPLETED",
    "FAILED",
    "Exchange",
    "dumped",
    "error_of",
    "fields_of_error",
    "fields_of_request",
    "key_of",
    "path_of",
    "read_recording",
]

COMPLETED, FAILED, CLOSED = "completed", "failed", "closed"

_MOST_SECONDS = 1e10
_NUMBERS = {"status", "retry_after"}
"""The fields of an error with which operators count."""

_SHOWN = 60


@define
class Exchange:
    """A request and its answer, as a recording keeps them.

    Attributes:
        line: The number of its first line.
        run: The run that it belongs to.
        at: When the request was sent, in Unix seconds.
        request: The request, as JSON.
        path: The ids of the calls within which it was sent, the outermost first.
        deltas: The deltas of the answer, each with its seconds since the request.
        end: How the answer ended.
        after: When it ended, in seconds since the request.
        error: The error with which it failed, as JSON.
    """

    line: int
    run: str
    at: float
    request: dict[str, Any]
    path: tuple[str, ...] = ()
    deltas: list[tuple[float, Delta]] = field(factory=list)
    end: str = ""
    after: float = 0.0
    error: dict[str, Any] | None = None


def path_of(path: Any) -> Path:
    """Return the path of a file that is an argument."""
    if not isinstance(path, str | PathLike):
        raise TypeError(f"path must be the name of a file, not {shown(path)}.")
    return Path(path)


def dumped(line: dict[str, Any]) -> str:
    """Return a line of JSON in ASCII, with its newline."""
    return json.dumps(line, separators=(",", ":")) + "\n"


def key_of(request: dict[str, Any]) -> str:
    """Return a text that equal requests have in common; 1, 1.0 and True differ."""
    return json.dumps(request, sort_keys=True)


def fields_of_request(request: Request) -> dict[str, Any]:
    """Return a request as JSON, without what is empty."""
    fields = {
        "messages": [_without_version(encode(message)) for message in request.messages],
        "tools": [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in request.tools
        ],
        "stop": list(request.stop),
        "output": request.output,
        "options": request.options,
    }
    # An answer may be any value, of which its line holds what JSON can express.
    plain: dict[str, Any] = encode(FinalAnswer(fields))["value"]
    return {name: value for name, value in plain.items() if value not in ([], {}, None)}


def _without_version(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("v", "type")}


# Errors


def fields_of_error(error: Exception) -> dict[str, Any]:
    """Return an error as JSON: its type, its message, and the fields that JSON can express."""
    fields = {
        name: value
        for name in getattr(error, "fields", ())
        if isinstance(value := getattr(error, name), str | int | float)
    }
    return {"type": type(error).__name__, "message": _message_of(error), **fields}


def _message_of(error: Exception) -> str:
    match error.args:
        case [str(message)]:  # of which a KeyError shows the repr
            return message
    return describe(error).removeprefix(type(error).__name__).removeprefix(": ")


def error_of(fields: dict[str, Any]) -> Exception:
    """Return an error of the same type; a ModelError in place of one that only its program has."""
    name, message = str(fields.get("type", "")), str(fields.get("message", ""))
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RxAgentError):
        known = {name: fields[name] for name in kind.fields if name in fields}
        return kind(message, **known)
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(message)
        except TypeError:  # as UnicodeDecodeError, which takes more than a message
            pass
    return ModelError(f"{name}: {message}")


# Reading


@frozen
class _File:
    path: Path

    def flaw(self, line: int, what: str) -> MalformedLine:
        return MalformedLine(f"{self.path}:{line}: {what} Record it again with ops.record.")


def read_recording(path: Path) -> tuple[Exchange, ...]:
    """Return the exchanges of a file, in the order in which they were asked.

    Raises:
        MalformedLine: The file is no recording.
    """
    file, exchanges = _File(path), list[Exchange]()
    for number, line in _lines_of(file):
        if "request" in line:
            _refuse_open(file, exchanges)
            exchanges.append(_begun(file, number, line))
        elif not exchanges or exchanges[-1].end:
            raise file.flaw(number, "This line belongs to no request.")
        else:
            _add(file, number, exchanges[-1], line)
    _refuse_open(file, exchanges)
    return tuple(sorted(exchanges, key=lambda exchange: exchange.at))


def _lines_of(file: _File) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not the lines of a text, which also end at characters that a text may hold.
    for number, text in enumerate(file.path.read_bytes().split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text.decode())
        except ValueError as error:
            raise file.flaw(number, f"This line is not JSON: {error}.") from None
        except RecursionError:
            raise file.flaw(number, "This line is nested too deeply.") from None
        if not isinstance(line, dict):
            raise file.flaw(number, "This line is no object.")
        yield number, line


def _begun(file: _File, number: int, line: dict[str, Any]) -> Exchange:
    match line:
        case {"v": int(version), "run": str(run), "at": at, "request": dict(request)}:
            if not 1 <= version <= VERSION:
                known = f"versions 1 to {VERSION} can be read"
                raise file.flaw(number, f"The version of this request is {version}; {known}.")
            path = line.get("path") or ()
            if not (isinstance(path, list | tuple) and all(isinstance(id, str) for id in path)):
                raise file.flaw(number, "The path of this request is no list of texts.")
            sent_at = _seconds(file, number, "at", at)
            return Exchange(number, run, sent_at, request, tuple(path))
    raise file.flaw(number, "This request lacks one of v, run, at and request.")


def _add(file: _File, number: int, exchange: Exchange, line: dict[str, Any]) -> None:
    match line:
        case {"after": after, "event": dict(event)}:
            seconds = _seconds(file, number, "after", after)
            exchange.deltas.append((seconds, _delta(file, number, event)))
        case {"after": after, "end": "completed" | "failed" | "closed" as end}:
            exchange.after, exchange.end = _seconds(file, number, "after", after), end
            if end == FAILED:
                exchange.error = _error(file, number, line.get("error"))
        case _:
            raise file.flaw(number, "This line has no event and no end.")


def _seconds(file: _File, number: int, name: str, value: Any) -> float:
    # Longer than a century is no time; a run that plays it would not end.
    if type(value) in (int, float) and 0 <= value <= _MOST_SECONDS:
        return float(value)
    what = f"`{name}` should be a number of seconds, not {shorten(json.dumps(value), _SHOWN)}."
    raise file.flaw(number, what)


def _delta(file: _File, number: int, event: dict[str, Any]) -> Delta:
    try:
        delta = decode({"v": VERSION, **event})
    except MalformedLine as error:
        raise file.flaw(number, str(error)) from None
    if not isinstance(delta, Delta):
        raise file.flaw(number, f"A model says no {shorten(str(event['type']), _SHOWN)}.")
    return delta


def _error(file: _File, number: int, fields: Any) -> dict[str, Any]:
    match fields:
        case {"type": str(), "message": str()} if all(map(_is_plain, fields, fields.values())):
            return dict(fields)
    what = "The error of this end should have a type and a message as texts, and plain fields."
    raise file.flaw(number, what)


def _is_plain(name: str, value: Any) -> bool:
    return isinstance(value, int | float if name in _NUMBERS else str | int | float)


def _refuse_open(file: _File, exchanges: list[Exchange]) -> None:
    if exchanges and not exchanges[-1].end:
        raise file.flaw(exchanges[-1].line, "The answer to this request has no end.")
