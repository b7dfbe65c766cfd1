"""Schemas of answers, as Anthropic takes them: each answer of the type fits, or none is sent."""

from typing import Any, Literal, NotRequired

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from rxagent.agents.output import Output
from rxagent.models.anthropic_messages.output_schema import Inexpressible, output_schema

from ...laws import examples

# Types, each with a value of it.


@frozen
class Typed:
    """A type, one of its values as JSON, and whether an object of any fields may be in it."""

    kind: Any
    value: Any
    is_open: bool = False


numbers = st.integers(-9, 9).map(lambda value: Typed(int, value))
words = st.text("ab é", max_size=3).map(lambda value: Typed(str, value))
choices = st.sampled_from(["red", 2]).map(lambda value: Typed(Literal["red", 2], value))
anything = st.sampled_from([3, "a", {"a": 1}]).map(lambda value: Typed(Any, value, True))


def combined(inner):
    """Return types that hold others."""

    def record(fields):
        names = [f"field_{at}" for at in range(len(fields))]
        kinds = [NotRequired[each.kind] if at % 2 else each.kind for at, each in enumerate(fields)]
        value = {name: each.value for name, each in zip(names, fields, strict=True)}
        types = dict(zip(names, kinds, strict=True))
        return Typed(TypedDict("Record", types), value, any(each.is_open for each in fields))

    return st.one_of(
        inner.map(lambda each: Typed(list[each.kind], [each.value] * 2, each.is_open)),
        inner.map(lambda each: Typed(each.kind | None, None, each.is_open)),
        inner.map(lambda each: Typed(dict[str, each.kind], {"a": each.value}, True)),
        st.lists(inner, min_size=1, max_size=3).map(record),
    )


kinds = st.recursive(numbers | words | choices | anything, combined, max_leaves=5)

# Schemas.


def fits(value, schema, defs):
    """Return whether a value fits to a schema in Anthropic's form."""
    if "$ref" in schema:
        return fits(value, defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return any(fits(value, variant, defs) for variant in schema["anyOf"])
    if listed := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return value in listed
    match schema["type"]:
        case "object":
            fields = schema["properties"]
            assert schema["additionalProperties"] is False
            return (
                isinstance(value, dict)
                and value.keys() <= fields.keys()
                and value.keys() >= set(schema.get("required", ()))
                and all(fits(each, fields[name], defs) for name, each in value.items())
            )
        case "array":
            items = schema.get("items")
            return isinstance(value, list) and (
                items is None or all(fits(each, items, defs) for each in value)
            )
    types = {"string": str, "integer": int, "number": int | float, "boolean": bool}
    return value is None if schema["type"] == "null" else isinstance(value, types[schema["type"]])


@examples(60)
@given(kinds)
def test_each_answer_of_a_type_fits(typed):
    """The schema of a type allows its values, unless there is none."""
    schema = Output.of(typed.kind).schema
    value = typed.value if "answer" not in schema.get("properties", ()) else {"answer": typed.value}
    try:
        sent = output_schema(schema)
    except Inexpressible:
        assert typed.is_open
        return
    assert not typed.is_open
    assert fits(value, sent, sent.get("$defs", {}))


def test_several_types():
    """A list of types is a choice among them."""
    sent = output_schema({"type": ["string", "null"], "minLength": 2, "title": "A"})

    assert {"anyOf", "title"} == sent.keys()
    described = {"type": "string", "description": '{"minLength": 2}'}
    assert [described, {"type": "null"}] == sent["anyOf"]


def test_constraints_become_descriptions():
    """What Anthropic does not know stands in the description, and what it knows does not."""
    number = {"type": "integer", "minimum": 1, "description": "A size."}
    listed = {"type": "array", "items": number, "minItems": 1, "maxItems": 3}
    when = {"type": "string", "format": "date"}
    code = {"type": "string", "format": "uri-template"}

    assert {
        "type": "array",
        "minItems": 1,
        "items": {"type": "integer", "description": 'A size.\n\n{"minimum": 1}'},
        "description": '{"maxItems": 3}',
    } == output_schema(listed)
    assert when == output_schema(when)
    assert '{"format": "uri-template"}' == output_schema(code)["description"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "null"}}, "patternProperties": {"b": {}}},
        {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["b"]},
        {"enum": [[1], [2]]},
        {"allOf": [{"type": "object"}]},
        {"type": "list"},
        {"type": "array", "items": {}},
        {"anyOf": [{"type": "null"}, {}]},
        {"properties": 5, "type": "object"},
        {},
    ],
)
def test_schemas_without_a_form(schema):
    """A schema is never sent so that it allows less than it says."""
    with pytest.raises(Inexpressible):
        output_schema(schema)


def test_an_object_without_fields():
    """An object that has no fields by its own word has none."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    assert schema == output_schema(schema)
