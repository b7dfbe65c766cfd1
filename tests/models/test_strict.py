"""Schemas that a provider makes a model keep to strictly, and those that are a hint."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from rxagent.agents.output import Output
from rxagent.messages import Request
from rxagent.models.openai_chat.request import chat_body
from rxagent.models.openai_responses.request import response_body
from rxagent.models.strict import answer_format, is_strict

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


class Home(BaseModel):
    """A place."""

    model_config = ConfigDict(extra="forbid")
    street: str


class Person(BaseModel):
    """Someone with described parts, of which one is another person."""

    model_config = ConfigDict(extra="forbid")
    home: Home = Field(description="Where they live.")
    work: Home
    friend: "Person | None" = Field(description="Their friend.")
    mother: "Person" = Field(description="Their mother.")


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
        (Person, True),
        (list[Person], True),
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
    chat = chat_body("m", request, keeps_both=True)["response_format"]["json_schema"]
    responses = response_body("m", request, ())["text"]["format"]

    assert strict == ("strict" in chat) == ("strict" in responses)
    assert chat["schema"] == responses["schema"]
    assert is_strict(chat["schema"]) is strict


def test_a_reference_of_a_strict_schema_stands_alone():
    """OpenAI refuses words beside it; what it means has them instead, but within itself."""
    schema = answer_format(Output.of(Person).schema)["schema"]
    home, friend = schema["properties"]["home"], schema["properties"]["friend"]

    assert "Where they live." == home["description"]
    assert ["street"] == home["required"]
    assert {"$ref": "#/$defs/Home"} == schema["properties"]["work"]
    assert "Their friend." == friend["description"]
    assert all(len(part) == 1 for part in parts_of(schema) if "$ref" in part)


def parts_of(schema):
    """Yield a schema and all that it consists of."""
    if isinstance(schema, list):
        for part in schema:
            yield from parts_of(part)
    elif isinstance(schema, dict):
        yield schema
        yield from parts_of([*schema.values()])


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
