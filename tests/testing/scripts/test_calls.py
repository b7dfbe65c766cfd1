"""The calls that fit a request."""

import json
from typing import Any

import pytest

from rxagent.testing.frames import task
from rxagent.testing.scripts.calls import fitting_calls


def asking(text: Any, properties: dict[str, Any], **schema: Any) -> dict[str, Any]:
    """Return a request that offers one tool with these properties."""
    parameters = {"type": "object", "properties": properties, **schema}
    tool = {"type": "function", "function": {"name": "do", "parameters": parameters}}
    final = {"type": "function", "function": {"name": "final_answer", "parameters": {}}}
    return {"messages": [{"role": "user", "content": text}], "tools": [final, tool]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, -2),
        ({"type": "number"}, -2),
        ({"type": "string"}, "From -2 to 0.5 in 007 steps"),
        ({}, "From -2 to 0.5 in 007 steps"),
        ({"type": "string", "enum": ["km", "mile"]}, "km"),
        ({"type": "boolean"}, True),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "object"}, {}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, -2),
    ],
)
def test_values_fit(schema: dict[str, Any], value: Any) -> None:
    """An argument has the type that its schema says."""
    calls = fitting_calls(asking("From -2 to 0.5 in 007 steps", {"x": schema}))

    assert calls is not None
    assert ("call_1", "do", {"x": value}) == (*calls[0][:2], json.loads(calls[0].arguments))


def test_numbers_in_order() -> None:
    """Numbers are used in their order, through both calls, then a default."""
    number = {"type": "number"}
    calls = fitting_calls(asking("3-4 is not -1.5", {"a": number, "b": number}))

    assert calls is not None
    assert [{"a": 3, "b": 4}, {"a": -1.5, "b": 1.5}] == [json.loads(c.arguments) for c in calls]


def test_optional_left_out() -> None:
    """Only required arguments are filled in."""
    calls = fitting_calls(asking("1", {"a": {"type": "integer"}, "b": {}}, required=["a"]))

    assert calls is not None
    assert '{"a": 1}' == calls[0].arguments


def test_parts_are_read() -> None:
    """A message in parts is read for its texts."""
    parts = [{"type": "text", "text": "What is "}, {"type": "image_url"}, {"text": "this?"}]

    assert "What is this?" == task(asking(parts, {}))


def test_nothing_to_call() -> None:
    """There is nothing to call without tools, or with results."""
    request = asking("1", {})
    answered = {**request, "messages": [*request["messages"], {"role": "tool", "content": "2"}]}

    assert fitting_calls(answered) is None
    assert fitting_calls({**request, "tools": request["tools"][:1]}) is None
    assert fitting_calls({"messages": []}) is None
