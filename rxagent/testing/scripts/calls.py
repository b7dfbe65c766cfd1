"""Scripts that call tools, in all the ways in which servers send calls."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, cycle, islice, zip_longest
from typing import Any, NamedTuple

from ..frames import Body, call_chunk, call_chunks, said_by, saying, task, text_chunk
from ..scenarios import Item, paced, scenario, scripted
from .answers import plain, results

__all__ = ["FittingCall", "fitting_calls", "using"]


class FittingCall(NamedTuple):
    """A tool call that a model could make in answer to a request."""

    id: str
    name: str
    arguments: str


def fitting_calls(body: Body) -> tuple[FittingCall, FittingCall] | None:
    """Return two calls of the offered tools; None if there are no tools or already results.

    Numbers in the arguments are those of the task, in their order; texts are the task itself.
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


def using(
    body: Body,
    fragments: Callable[[FittingCall, FittingCall], Iterable[Item]],
    reason: str = "tool_calls",
) -> Iterable[Item]:
    """Call offered tools at first, and then answer with their results."""
    calls = fitting_calls(body)
    return saying(body, fragments(*calls), reason) if calls else results(body)


def _calling(
    name: str,
    what: str,
    fragments: Callable[[FittingCall, FittingCall], Iterable[Item]],
    reason: str = "tool_calls",
) -> Callable[[Body], Iterable[Item]]:
    """Register a scenario that calls tools by these fragments."""

    def script(body: Body) -> Iterable[Item]:
        return using(body, fragments, reason)

    script.__doc__ = what
    return scenario(name)(script)


def _interleaved(first: FittingCall, second: FittingCall) -> Iterable[Item]:
    lanes = zip_longest(call_chunks(0, *first), call_chunks(1, *second))
    return [fragment for fragment in chain.from_iterable(lanes) if fragment is not None]


def _name_in_pieces(call: FittingCall, _: FittingCall) -> Iterable[Item]:
    yield call_chunk(0, call.id, call.name[:2])
    yield call_chunk(0, name=call.name[2:])
    yield call_chunk(0, arguments=call.arguments)


def _name_repeated(call: FittingCall, _: FittingCall) -> Iterable[Item]:
    for at in range(0, len(call.arguments), 6):
        yield call_chunk(0, call.id, call.name, call.arguments[at : at + 6])


_tools = _calling(
    "tools",
    "Call the first tool, then answer with its result.",
    lambda call, _: call_chunks(0, *call),
)
_calling("parallel", "Call two tools, their fragments interleaved.", _interleaved)
_calling(
    "same-index-other-id",
    "Call two tools on one index, with different ids.",
    lambda a, b: [*call_chunks(0, *a), *call_chunks(0, *b)],
)
_calling(
    "no-id",
    "Call two tools, without ids.",
    lambda a, b: [*call_chunks(0, None, *a[1:]), *call_chunks(1, None, *b[1:])],
)
_calling(
    "none-index",
    "Call two tools, with null for an index.",
    lambda a, b: [call_chunk(None, *a), call_chunk(None, *b)],
)
_calling("name-in-pieces", "Call a tool, its name in two fragments.", _name_in_pieces)
_calling("name-repeated", "Call a tool, its id and name in every fragment.", _name_repeated)
_calling(
    "length",
    "Call a tool, cut short by the length limit.",
    lambda call, _: call_chunks(0, *call)[:-1],
    "length",
)
_calling(
    "bad-arguments",
    "Call a tool with invalid JSON as arguments.",
    lambda call, _: [call_chunk(0, call.id, call.name, '{"a": ')],
)
_calling(
    "unknown-tool",
    "Call a tool that does not exist.",
    lambda call, _: [call_chunk(0, call.id, "no_such_tool", "{}")],
)
_calling(
    "stall-in-call",
    "Begin to call a tool, then say nothing.",
    lambda call, _: [*call_chunks(0, *call)[:2], math.inf],
)


@scenario("demo")
def _demo(body: Body) -> Iterable[Item]:
    """Do as `tools`, with a pause of 30 ms before each chunk."""
    return paced(_tools(body), 0.03)


# Final answers.

_final_answer = scripted(
    "final-answer",
    'Call the tool `final_answer` with "hi".',
    call_chunks(0, "call_1", "final_answer", '{"answer": "hi"}'),
    "tool_calls",
)


@scenario("final-with-company")
def _final_with_company(body: Body) -> Iterable[Item]:
    """Call a tool and `final_answer` in one turn."""
    final = call_chunks(1, "call_9", "final_answer", '{"answer": "hi"}')
    if fitting_calls(body):
        return using(body, lambda call, _: [*call_chunks(0, *call), *final])
    return _final_answer(body)


_FINAL = 'Action: {"name": "final_answer", "arguments": {"answer": '

scripted("text-json", "Write a call of `final_answer` as text.", [text_chunk(_FINAL + '"hi"}}')])
scripted(
    "text-json-pieces",
    "Write a call of `final_answer` as text, in two pieces.",
    [text_chunk(_FINAL), text_chunk("5}}")],
)


@scenario("text-json-twice")
def _text_json_twice(body: Body) -> Iterable[Item]:
    """Write the same call as text twice, and once in answer to the second request."""
    one = [text_chunk(_FINAL + '"hi"}}\n')]
    return saying(body, one if said_by(body, "assistant") else one * 2)


@scenario("text-json-broken")
def _text_json_broken(body: Body) -> Iterable[Item]:
    """Write an incomplete call as text."""
    broken = 'Action: {"name": "final_answer", "arguments": {'
    return saying(body, [text_chunk(broken)]) if body.get("tools") else plain(body)
