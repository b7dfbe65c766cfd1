"""Schemas that a provider makes a model keep to strictly, and those that are a hint."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest

from rxagent.agents.output import Output
from rxagent.messages import Request
from rxagent.models.openai_chat.request import chat_body
from rxagent.models.openai_responses.request import response_body
from rxagent.models.strict import is_strict

from ..ids import shown


@dataclass
class Part:
    """A part."""

    kind: Literal["a", "b"]
    day: date | None


@dataclass
class Whole:
    """A whole."""

    name: str
    parts: list[Part]


@dataclass
class Loose:
    """A whole with a field that may be left out."""

    name: str = ""


@dataclass
class Open:
    """A whole with a field that may be anything."""

    value: Any


@pytest.mark.parametrize(
    ("kind", "strict"),
    [
        (Whole, True),
        (list[Whole], True),
        (Literal["a"], True),
        (Loose, False),
        (list[Loose], False),
        (dict[str, int], False),
        (tuple[int, str], False),
        (Any, False),
        (list, False),
        (Open, False),
    ],
    ids=shown,
)
def test_a_schema_is_strict_where_it_can_be(kind, strict):
    """Each object names all its fields and requires them; both protocols say so."""
    schema = Output.of(kind).schema
    request = Request("Hi", output=schema)
    chat = chat_body("m", request)["response_format"]["json_schema"]
    responses = response_body("m", request, ())["text"]["format"]

    assert strict is is_strict(schema)
    assert strict == ("strict" in chat) == ("strict" in responses)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}, "required": []},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"type": "string", "format": "uri"},
        {"type": "string", "default": "a"},
        {"oneOf": [{"type": "string"}]},
        {"type": "array", "items": {"type": "object"}},
        {"anyOf": [{"type": "string", "minLength": 1}]},
        {"$ref": "#/$defs/A", "$defs": {"A": {"not": {}, "type": "string"}}},
        {},
        {"description": "Anything."},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"anyOf": [{"type": "string"}, {}]},
    ],
    ids=shown,
)
def test_another_schema_is_a_hint(schema):
    """What is open, or has a keyword that is not known to be accepted, is not strict."""
    assert not is_strict(schema)
