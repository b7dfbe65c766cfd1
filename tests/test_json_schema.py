"""What a JSON Schema allows, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.json_schema import kind_of, kinds_of, options_of, part_of, resolved, values_of

KINDS = ["string", "number", "integer", "boolean", "object", "array", "null"]
FLAT = st.sampled_from(KINDS).map(lambda kind: {"type": kind}) | st.sampled_from(
    [{}, {"enum": ["a", 1, None]}, {"const": True}]
)


@st.composite
def wrapped(draw, inner, defs):
    """Draw a schema that allows what these allow, in another form."""
    form = draw(st.sampled_from(["anyOf", "oneOf", "allOf", "$ref", "list"]))
    around = draw(st.sampled_from([{}, {"description": "A value."}]))
    if form == "list" and all(one.keys() == {"type"} for one in inner):
        return {"type": [one["type"] for one in inner], **around}
    if len(inner) > 1:
        many = form if form != "allOf" else "anyOf"
        return {many if many in ("anyOf", "oneOf") else "anyOf": inner, **around}
    if form == "$ref":
        name = f"D{len(defs)}"
        defs[name] = inner[0]
        return {"$ref": f"#/$defs/{name}", **around}
    return {"allOf" if form == "list" else form: inner, **around}


@given(st.data(), st.lists(FLAT, min_size=1, max_size=4))
def test_the_form_of_a_schema_makes_no_difference(data, flat):
    """References, alternatives and lists of types, at any depth, allow what is in them."""
    defs, schemas = {}, list(flat)
    for _ in range(data.draw(st.integers(0, 4))):
        cut = data.draw(st.integers(1, len(schemas)))
        schemas = [data.draw(wrapped(schemas[:cut], defs)), *schemas[cut:]]
    options = list(options_of({"anyOf": schemas}, {"$defs": defs}))

    described = [{k: v for k, v in one.items() if k != "description"} for one in options]
    assert flat == described


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/no"}, True, None, {}])
def test_what_names_nothing_restricts_nothing(schema):
    """A circle of references, one that leads nowhere, and no schema at all end."""
    root = {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}

    assert not frozenset().union(*map(kinds_of, options_of(schema, root)))
    if isinstance(schema, dict):
        assert {} == resolved(schema, root)


def test_a_value_that_keeps_to_several_schemas():
    """It has the fields of all of them."""
    schema = {
        "allOf": [
            {"$ref": "#/$defs/Named"},
            {"type": "object", "properties": {"size": {"type": "integer"}}},
        ]
    }
    root = {"$defs": {"Named": {"properties": {"name": {"type": "string"}}}}}
    (option,) = options_of(schema, root)

    assert {"name", "size"} == option["properties"].keys()
    assert {"object"} == kinds_of(option)


@pytest.mark.parametrize(
    ("option", "key", "part"),
    [
        ({"properties": {"a": 1}, "additionalProperties": 2}, "a", 1),
        ({"properties": {"a": 1}, "additionalProperties": 2}, "b", 2),
        ({"prefixItems": [1, 2], "items": 3}, 1, 2),
        ({"prefixItems": [1, 2], "items": 3}, 2, 3),
        ({"prefixItems": [1], "items": False}, 1, False),
        ({}, "a", None),
        ({}, 0, None),
    ],
)
def test_a_part_has_a_schema(option, key, part):
    """The schema of a field or an item is that which names it, or that of all others."""
    assert part == part_of(option, key)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "boolean"),
        (1, "integer"),
        (1.0, "number"),
        ("a", "string"),
        ([1], "array"),
        ({}, "object"),
        (None, "null"),
    ],
)
def test_kinds(value, name):
    """A value has a kind, and so have the values that a schema lists."""
    assert name == kind_of(value)
    assert {name} == kinds_of({"const": value}) == kinds_of({"enum": [value], "type": "object"})
    assert [value] == values_of({"const": value}) == values_of({"enum": [value]})
