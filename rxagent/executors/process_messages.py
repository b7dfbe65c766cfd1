"""The messages of the process: text that anything may have written, checked before use."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from attrs import frozen

from ..arguments import shorten

__all__ = [
    "Called",
    "Cancelled",
    "Exceeded",
    "Failed",
    "Foreign",
    "Message",
    "Printed",
    "Ready",
    "Resulted",
    "read",
]

_LONGEST = 20_000


@frozen
class Ready:
    """The process can run code; what is kept from it, what is not, and why."""

    kept: tuple[str, ...]
    open: tuple[str, ...]
    failed: dict[str, str]


@frozen
class Printed:
    """The code printed a text."""

    run: int
    text: str


@frozen
class Exceeded:
    """The code printed so many characters more than it may."""

    run: int
    count: int


@frozen
class Called:
    """The code called a function."""

    run: int
    number: int
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@frozen
class Cancelled:
    """The code no longer waits for a call."""

    run: int
    number: int


@frozen
class Resulted:
    """The code ended with a value."""

    run: int
    value: Any
    is_final: bool


@frozen
class Failed:
    """The code raised; after a fatal error the process cannot go on."""

    run: int
    text: str
    is_fatal: bool


class Foreign(ValueError):
    """A frame is no message."""


Message: TypeAlias = Ready | Printed | Exceeded | Called | Cancelled | Resulted | Failed


def read(line: bytes) -> Message | None:
    """Return the message of a frame; None if it belongs to no piece of code.

    Raises:
        Foreign: It is no message.
    """
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Foreign(f"{shorten(repr(line))} ({type(error).__name__})") from None
    message = _message(frame)
    if message is None and not (isinstance(frame, dict) and frame.get("run", 0) is None):
        raise Foreign(shorten(repr(line)))
    return message


def _message(frame: Any) -> Message | None:
    match frame:
        case {"run": None, "ready": {"kept": [*kept], "open": [*opened], "failed": {**failed}}}:
            return Ready(_texts(kept), _texts(opened), {str(k): str(v) for k, v in failed.items()})
        case {"run": int(run), "out": str(text)}:
            return Printed(run, sendable(text))
        case {"run": int(run), "more": int(count)} if 0 <= count < 2**40:
            return Exceeded(run, count)
        case {
            "run": int(run),
            "call": int(number),
            "name": str(name),
            "args": [*args],
            "kwargs": {**kwargs},
        }:
            return Called(run, number, name, tuple(args), {str(k): v for k, v in kwargs.items()})
        case {"run": int(run), "cancel": int(number)}:
            return Cancelled(run, number)
        case {"run": int(run), "result": value, "is_final": bool(is_final)}:
            return Resulted(run, value, is_final)
        case {"run": int(run), "error": str(text), "is_fatal": bool(is_fatal)}:
            return Failed(run, sendable(text[:_LONGEST]), is_fatal)
    return None


def _texts(items: list[Any]) -> tuple[str, ...]:
    return tuple(map(str, items))


def sendable(text: str) -> str:
    """Escape lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode()
