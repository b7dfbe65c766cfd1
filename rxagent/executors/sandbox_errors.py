"""Error texts of the sandbox, for the model: what failed, in which line, and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from ..arguments import did_you_mean
from ..errors import CodeError
from .process_worker.unawaited import advice_on
from .protocol import Functions, Limits
from .sandbox_language import LACKING_NAMES, LACKING_SYNTAX, MODULES, PARTS

__all__ = ["call_error", "error_of", "is_limit", "is_of_code", "limit_error", "undefined"]

_TIME = re.compile(r"^TimeoutError: feed time limit exceeded: \d")
_MEMORY = re.compile(r"^MemoryError: (memory limit exceeded: \d|the worker exceeded its memory)")
_LACKS = "The monty syntax parser does not yet support "
_NO_MODULE = re.compile(r"^No module named '([\w.]+)'")
_UNDEFINED = re.compile(r"^name '(\w+)' is not defined$")
_NO_PART = re.compile(
    r"^(?:cannot import name '\w+' from|module) '(\w+)'(?: has no attribute| \(unknown location\))"
)
_OUTSIDE = " The sandbox has no files, no environment variables, no processes and no network."

_FRAMES = 5
"""How many lines of a traceback are shown."""


def is_limit(error: BaseException) -> bool:
    """Return whether code met a limit of time or memory, or its process died.

    Its session is of no use any more then.
    """
    text = str(error)
    return _is_crash(error) or bool(_TIME.match(text) or _MEMORY.match(text))


def is_of_code(error: BaseException) -> bool:
    """Return whether the code raised an error, or could not be read."""
    return hasattr(error, "display")


def _is_crash(error: BaseException) -> bool:
    return type(error).__name__ == "MontyCrashedError"


def limit_error(error: BaseException, limits: Limits) -> str:
    """Return what happened to code that met a limit."""
    text = str(error)
    if _TIME.match(text) or getattr(error, "timed_out", False):
        return time_error(limits)
    if _MEMORY.match(text):
        return (
            f"MemoryError: the code held more than {limits.memory / 2**20:g} MiB, and was stopped. "
            f"Work on smaller parts, and keep only what you need.{_frames(error)}"
        )
    return (
        f"RuntimeError: the sandbox's process ended while the code ran ({text}). Perhaps it is "
        "nested too deeply: write it in another way."
    )


def time_error(limits: Limits) -> str:
    """Return the error of code that ran too long."""
    return (
        f"TimeoutError: the code ran longer than {limits.seconds:g} s, without the time of its "
        "tools, and was stopped. Look for an endless loop, or do less at once."
    )


def error_of(error: Any, functions: Functions, unawaited: Collection[str] = ()) -> CodeError:
    """Return the CodeError of what code raised, or of code that cannot be run.

    Args:
        error: The error.
        functions: The functions that the code may call.
        unawaited: The names of the asynchronous ones that it has called and not awaited.
    """
    inner = error.exception()
    kind, message = type(inner).__name__, str(inner)
    headline, _, _ = error.display("type-msg").partition(":")
    kind = headline.strip() or kind
    advice = ""
    if kind == "SyntaxError":
        advice = " Nothing of this code was run."
    elif message.startswith((_LACKS, "Wildcard imports")):
        kind, message = "SyntaxError", f"this Python has {_lack(message)}"
        advice = " Nothing of this code was run."
    else:
        advice = _advice(kind, message, functions) or advice_on(message, unawaited)
    text = f"{kind}: {_ended(message)}" if message else kind
    return CodeError(f"{text}{advice}{_frames(error)}")


def _ended(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _lack(message: str) -> str:
    for words, instead in LACKING_SYNTAX:
        if words in message:
            return instead
    return f"no support for {message.removeprefix(_LACKS)}. Write it in another way"


def _advice(kind: str, message: str, functions: Functions) -> str:
    if (missing := _NO_MODULE.match(message)) is not None:
        return no_module(missing[1])
    if (unknown := _UNDEFINED.match(message)) is not None:
        return undefined(unknown[1], functions)
    if (part := _NO_PART.match(message)) is not None:
        return _no_part(part[1])
    if "cannot suspend in this synchronous context" in message:
        return (
            " Call it in a for loop or in a comprehension, not through map, filter, or a key "
            "or method that other functions call."
        )
    if kind == "PermissionError" or "is not supported in this environment" in message:
        return _OUTSIDE
    if kind == "RecursionError":
        return " Write a loop instead, or look for the end that is never reached."
    if "object is not callable" in message and functions.names:
        return " If this was a tool, your code has given its name to another value."
    return ""


def no_module(name: str) -> str:
    """Return what to do without a module."""
    listed = ", ".join(MODULES)
    return f" The sandbox has these modules: {listed}. Write what you need yourself, or use a tool."


def _no_part(module: str) -> str:
    if module in ("os", "sys", "pathlib"):
        return _OUTSIDE
    if module in PARTS:
        return f" Of {module}, the sandbox has only {PARTS[module]}."
    return f" The sandbox has only a part of {module}. Write what you need yourself."


def undefined(name: str, functions: Functions) -> str:
    """Return what to do about a name that is not defined, with a space before it."""
    if name in LACKING_NAMES:
        return f" The sandbox does not have it. {LACKING_NAMES[name]}"
    if name in MODULES:
        return f" Write `import {name}` first."
    return did_you_mean(name, [*functions.names, "final_answer"])


def call_error(text: str) -> dict[str, str]:
    """Return the error of a tool as the sandbox raises it in the code that called it."""
    kind, colon, message = text.partition(": ")
    kind = _OURS.get(kind, kind)
    if not colon or kind not in _RAISED:
        return {"exc_type": "RuntimeError", "message": text}
    return {"exc_type": kind, "message": message}


_OURS = {"InvalidArguments": "TypeError", "ToolTimeout": "TimeoutError", "UnknownTool": "NameError"}

_RAISED = frozenset(
    (
        *("ArithmeticError", "AssertionError", "AttributeError", "Exception", "FileNotFoundError"),
        *("IndexError", "KeyError", "LookupError", "NameError", "NotImplementedError", "OSError"),
        *("OverflowError", "PermissionError", "RuntimeError", "TimeoutError", "TypeError"),
        *("ValueError", "ZeroDivisionError"),
    )
)


def _frames(error: Any) -> str:
    """Return a line for each frame, the innermost first."""
    frames = error.traceback() if hasattr(error, "traceback") else []
    if not frames:
        return ""
    here = frames[0].filename
    shown = frames[::-1]
    lines = [_frame(frame, here) for frame in shown[:_FRAMES]]
    if len(shown) > _FRAMES:
        lines[-1:] = [f"  ... {len(shown) - _FRAMES} more calls", _frame(shown[-1], here)]
    return "\n" + "\n".join(lines)


def _frame(frame: Any, here: str) -> str:
    name = frame.function_name
    inside = f" of {name}" if name and name != "<module>" else ""
    earlier = "" if frame.filename == here else " (of earlier code)"
    line = (frame.source_line or "").strip()
    return f"  in line {frame.line}{inside}{earlier}{f': {line}' if line else ''}"
