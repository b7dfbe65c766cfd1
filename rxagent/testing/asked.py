"""Asked: what a request holds, and which tool calls would fit it."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any, NamedTuple

from rxagent.testing.frames import Body

__all__ = ["FittingCall", "fitting_calls", "said_by", "task"]


class FittingCall(NamedTuple):
    """A tool call that a model could make in answer to a request."""

    id: str
    name: str
    arguments: str


def said_by(body: Body, role: str) -> list[str]:
    """Return the texts of the messages of that role."""
    return [_text(message) for message in body.get("messages", ()) if message["role"] == role]


def task(body: Body) -> str:
    """Return what the user said last."""
    return next(reversed(said_by(body, "user")), "")


def fitting_calls(body: Body) -> tuple[FittingCall, FittingCall] | None:
    """Return two calls of the offered tools; None when there are none, or results already.

    Numbers among the arguments are those of the task, in their order; texts are the task itself.
    The tool `final_answer` is never called.
    """
    functions = [tool["function"] for tool in body.get("tools") or ()]
    tools = [function for function in functions if function["name"] != "final_answer"]
    if not tools or said_by(body, "tool"):
        return None
    text = task(body)
    numbers = map(json.loads, re.findall(r"(?:(?<!\w)-)?(?:0|[1-9]\d*)(?:\.\d+)?", text))
    first, second = (
        FittingCall(f"call_{at}", tool["name"], _arguments(tool, numbers, text))
        for at, tool in enumerate(islice(cycle(tools), 2), 1)
    )
    return first, second


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _arguments(tool: Mapping[str, Any], numbers: Iterator[float], text: str) -> str:
    schema = tool.get("parameters") or {}
    properties = schema.get("properties", {})
    required = schema.get("required", list(properties))
    return json.dumps({name: _value(properties.get(name, {}), numbers, text) for name in required})


def _value(schema: Mapping[str, Any], numbers: Iterator[float], text: str) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], numbers, text)
    match schema.get("type"):
        case "integer":
            return int(next(numbers, 1))
        case "number":
            return next(numbers, 1.5)
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return {}
        case _:
            return text
