"""Functions: the tools of an agent, as its code calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from keyword import iskeyword
from typing import Any

from pydantic_core import to_jsonable_python
from reactivex import Observable

from ..arguments import shown
from ..errors import InvalidArguments, describe
from ..events import Event, ToolFailed
from ..executors import Functions
from ..messages import ToolCall
from ..streams import operators as stream_ops
from ..streams.calls import is_async
from ..streams.workers import Workers
from ..tools import FINAL_ANSWER, Tool, Toolbox, run_call

__all__ = ["asynchronous_of", "check_names", "functions_of"]


def functions_of(
    tools: Toolbox, call_id: str, given: Mapping[str, Any], workers: Workers | None
) -> Functions:
    """Return the functions of one piece of code.

    Args:
        tools: The tools that it may call.
        call_id: The id of the code's own call; the calls from it are `call_id.1` and so on.
        given: The run's additional arguments, by name.
        workers: The threads that run plain functions.
    """
    numbers = count(1)

    def call(name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Observable[Event]:
        inner_id = f"{call_id}.{next(numbers)}"
        try:
            arguments = _as_json(tools.find(name), args, named)
        except Exception as error:
            return stream_ops.of(ToolFailed(inner_id, describe(error)))
        return run_call(tools, ToolCall(inner_id, name, arguments), given, workers=workers)

    return Functions(
        frozenset(tool.name for tool in tools),
        asynchronous_of(tools),
        call,
    )


def asynchronous_of(tools: Toolbox) -> frozenset[str]:
    """Return the names of the tools that code has to await."""
    return frozenset(tool.name for tool in tools if is_async(tool.function))


def _as_json(tool: Tool, args: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """Return the arguments of a call as JSON; positional ones get their names."""
    names = list(tool.parameters.get("properties", ()))
    if len(args) > len(names):
        raise InvalidArguments(
            f"{tool.name} takes {len(names)} arguments ({', '.join(names) or 'none'}), "
            f"but {len(args)} were given.",
            tool=tool.name,
        )
    twice = [name for name in names[: len(args)] if name in named]
    if twice:
        raise InvalidArguments(
            f"{tool.name} got {twice[0]!r} twice, by position and by name.", tool=tool.name
        )
    arguments = {**dict(zip(names, args, strict=False)), **named}
    try:
        return json.dumps(arguments, ensure_ascii=False, default=to_jsonable_python)
    except (TypeError, ValueError) as error:
        raise InvalidArguments(
            f"An argument of {tool.name} cannot be sent to it: {error}. "
            "Give texts, numbers, booleans, None, lists and dicts.",
            tool=tool.name,
        ) from None


def check_names(kind: str, names: Mapping[str, Any], taken: Mapping[str, Any]) -> None:
    """Check that names can be those of functions or variables in code.

    Args:
        kind: What they name, in words.
        names: The names.
        taken: Names that they may not have, with what has them.
    """
    for name in names:
        if not name.isidentifier() or iskeyword(name):
            raise ValueError(
                f"{shown(name)} cannot be the name of {kind} in code, because it is not a Python "
                "identifier. Give it a name of letters, digits and _."
            )
        if name in taken or name == FINAL_ANSWER.name:
            owner = taken.get(name, "the function that ends the task")
            raise ValueError(
                f"{name!r} cannot be the name of {kind} in code, because it is the name of {owner}."
            )
