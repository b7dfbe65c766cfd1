import enum
import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from rxagent.errors import InvalidArguments
from rxagent.tools import tool
from rxagent.tools.argument_errors import expected

from ..ids import shown


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


class Place(BaseModel):
    name: str
    height: float = 0


@dataclass
class Tree:
    kind: str
    branches: list["Tree"]


def even(number: int) -> int:
    """Check that a number is even."""
    if number % 2:
        raise ValueError("it is odd")
    return number


def takes(kind):
    """Return a tool whose one parameter `x` is of a type."""

    def take(x):
        """Take it."""

    take.__annotations__["x"] = kind
    return tool(take)


def wrong(kind, value):
    """Return what the model reads when `x` has this value."""
    with pytest.raises(InvalidArguments) as refused:
        takes(kind).read(json.dumps({"x": value}))
    return str(refused.value).partition(" take takes ")[0]


TYPES = [
    (int, "3", "string", "integer"),
    (int, True, "boolean", "integer"),
    (int, 2.5, "number", "integer"),
    (int, None, "null", "integer"),
    (int, [1], "array", "integer"),
    (float, "3", "string", "number"),
    (str, 3, "integer", "string"),
    (bool, "b", "string", "boolean"),
    (bool, 1, "integer", "boolean"),
    (list, "a", "string", "array"),
    (list[str], {"a": 1}, "object", "array of string"),
    (list[int | str], 1, "integer", "array of (integer or string)"),
    (dict, [], "array", "object"),
    (dict[str, int], 1, "integer", "object of integer"),
    (tuple[int, str], "a", "string", "[integer, string]"),
    (str | int, True, "boolean", "string or integer"),
    (str | int, None, "null", "string or integer"),
    (int | None, "3", "string", "integer or null"),
    (date, 3, "integer", "string (date)"),
    (Place, "Lima", "string", "object"),
    (list[Tree], {}, "object", "array of object"),
]


@pytest.mark.parametrize(("kind", "value", "actual", "should"), TYPES, ids=shown)
def test_a_wrong_type_is_named_with_the_right_one(kind, value, actual, should):
    """The sentence names the argument, the type it has, and the type it should have."""
    assert f"Argument x has type '{actual}' but should be '{should}'." == wrong(kind, value)


VALUES = [
    (Unit, "K", "is \"K\" but should be 'C' or 'F'."),
    (Literal["a", 3], "b", "is \"b\" but should be 'a' or 3."),
    (Annotated[int, Field(ge=1)], 0, "is 0 but should be greater than or equal to 1."),
    (Annotated[float, Field(lt=1)], 2, "is 2 but should be less than 1."),
    (Annotated[int, AfterValidator(even)], 3, "is 3: Value error, it is odd."),
    (
        int | Place,
        {"height": 1},
        'is {"height": 1} but should be integer or {"name": string, "height"?: number}.',
    ),
    (
        Annotated[str, Field(pattern="b")],
        "a" * 100,
        f"is \"{'a' * 78}…: String should match pattern 'b'.",
    ),
]


@pytest.mark.parametrize(("kind", "value", "text"), VALUES, ids=shown)
def test_a_wrong_value_is_shown_with_what_it_should_be(kind, value, text):
    """Where the type is right, the sentence shows the value, cut when it is long."""
    assert f"Argument x {text}" == wrong(kind, value)


PLACES = [
    (Place, {"name": 3}, "Argument x.name has type 'integer' but should be 'string'."),
    (Place, {}, "Argument x.name is missing."),
    (Place | None, {"name": 3}, "Argument x.name has type 'integer' but should be 'string'."),
    (list[int], [1, "2"], "Argument x[1] has type 'string' but should be 'integer'."),
    (tuple[int, str], [1], "Argument x[1] is missing."),
    (tuple[int, str], [1, 2], "Argument x[1] has type 'integer' but should be 'string'."),
    (
        Tree,
        {"kind": "oak", "branches": [{"kind": 1, "branches": [], "leaf": 1}]},
        "Argument x.branches[0].kind has type 'integer' but should be 'string'. "
        "Argument x.branches[0].leaf is unknown.",
    ),
    (dict[str, int], {"a": "b"}, "Argument x.a has type 'string' but should be 'integer'."),
    (
        dict[int, int],
        {"a": 1},
        "Argument x has the key 'a': Input should be a valid integer, "
        "unable to parse string as an integer.",
    ),
]


@pytest.mark.parametrize(("kind", "value", "text"), PLACES, ids=shown)
def test_what_is_wrong_inside_is_named_by_its_path(kind, value, text):
    """The sentence leads to the part of an argument that is wrong."""
    assert text == wrong(kind, value)


FORMS = [
    (Any, "anything"),
    (int, "integer"),
    (int | None, "integer or null"),
    (Unit, '"C" or "F"'),
    (Literal["a"], '"a"'),
    (list[list[int]], "array of array of integer"),
    (Annotated[Any, WithJsonSchema({"type": ["integer", "null"]})], "integer or null"),
    (Place, '{"name": string, "height"?: number}'),
    (
        Tree,
        '{"kind": string, "branches": array of {"kind": string, "branches": array of object}}',
    ),
]


@pytest.mark.parametrize(("kind", "form"), FORMS, ids=shown)
def test_the_expected_form_is_short_and_ends(kind, form):
    """A type is shown in one line, also one that holds itself."""
    assert f'{{"x": {form}}}' == expected(takes(kind).parameters)
