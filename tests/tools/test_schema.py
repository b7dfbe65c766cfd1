import enum
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from pydantic_core import to_json
from typing_extensions import TypedDict

from rxagent.errors import InvalidArguments
from rxagent.tools import Given, tool
from rxagent.tools.anything import ANYTHING

from ..ids import shown


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


class Place(BaseModel):
    name: str
    height: float | None = None


@dataclass
class Point:
    x: int
    y: float


class Pair(NamedTuple):
    first: str
    second: int


class Options(TypedDict):
    loud: bool


@tool
def add(a: int, b: int = 3) -> int:
    """Return the sum.

    Args:
        a: The first number.
        b: The second.
    """
    return a + b


@tool
def ping() -> str:
    """Answer."""
    return "pong"


def takes(kind):
    """Return a tool whose one parameter `x` is of a type."""

    def take(x):
        """Take it."""

    take.__annotations__["x"] = kind
    return tool(take)


def test_a_schema_is_what_json_schema_means():
    """Types, descriptions, defaults and required names are in it; nothing else may be given."""
    assert {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "description": "The first number."},
            "b": {"type": "integer", "description": "The second.", "default": 3},
        },
        "required": ["a"],
        "additionalProperties": False,
    } == add.parameters


def test_a_tool_without_parameters_takes_an_empty_object():
    """Providers want an object, also when there is nothing in it."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    assert schema == ping.parameters


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, ANYTHING),
        (list[Any], {"type": "array", "items": ANYTHING}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Annotated[int, Field(description="how many", ge=1)],
            {"type": "integer", "description": "how many", "minimum": 1},
        ),
    ],
    ids=shown,
)
def test_each_type_has_its_schema(kind, schema):
    """An annotation is said in the words of JSON Schema."""
    assert schema == takes(kind).parameters["properties"]["x"]


@pytest.mark.parametrize("kind", [Unit, Place, Point, Options], ids=lambda kind: kind.__name__)
def test_a_type_with_a_name_is_referred_to(kind):
    """Enumerations, models, dataclasses and typed dicts stand in the schema once, by name."""
    schema = takes(kind).parameters

    assert {"$ref": f"#/$defs/{kind.__name__}"} == schema["properties"]["x"]
    assert [kind.__name__] == list(schema["$defs"])


def visit(places: list["Place"], first: "Place | None" = None) -> None:
    """Visit."""


def test_a_name_in_quotes_is_looked_up_where_the_function_is():
    """A forward reference is read in the function's module, also inside of a list."""
    read = tool(visit).read('{"places": [{"name": "Lima"}]}').arguments

    assert {"places": [Place(name="Lima")], "first": None} == read


def test_an_annotation_wins_over_the_docstring():
    """What stands beside the type is nearer than what stands in the docstring."""

    @tool
    def wait(seconds: Annotated[float, "at most 60"]) -> None:
        """Wait.

        Args:
            seconds: How long.
        """

    assert "at most 60" == wait.parameters["properties"]["seconds"]["description"]


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        (None, {"default": None}),
        (Unit.CELSIUS, {"default": "C"}),
        ([1], {"default": [1]}),
        (float("inf"), {}),
        (object(), {}),
    ],
    ids=shown,
)
def test_a_default_is_shown_where_json_can_say_it(default, shown):
    """A default that JSON cannot say only makes its parameter optional."""

    @tool
    def take(x: Any = default) -> None:
        """Take it."""

    assert {**shown, **ANYTHING} == take.parameters["properties"]["x"]
    assert "required" not in take.parameters


@pytest.mark.parametrize("name", ["schema", "copy", "json", "model_config", "_hidden", "self_"])
def test_any_name_can_be_a_parameter_s(name):
    """What pydantic keeps for itself is free for tools."""
    scope = {}
    exec(f"def take({name}: int):\n    'Take it.'\n    return {name}", scope)
    take = tool(scope["take"])

    assert {name: 1} == take.read(json.dumps({name: 1})).arguments


VALUES = {
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(st.characters(exclude_categories=("Cs",))),
    bool: st.booleans(),
    int | None: st.integers() | st.none(),
    str | int: st.text(max_size=3, alphabet="a1") | st.integers(),
    list[int]: st.lists(st.integers(0, 9)),
    dict[str, float]: st.dictionaries(st.text("abc"), st.floats(0, 1)),
    dict[int, str]: st.dictionaries(st.integers(0, 9), st.text("abc")),
    tuple[int, str]: st.tuples(st.integers(), st.text("abc")),
    set[int]: st.sets(st.integers(0, 9)),
    date: st.dates(),
    Literal["a", 3]: st.sampled_from(["a", 3]),
    Unit: st.sampled_from(Unit),
    Path: st.just(Path("a") / "b"),
    Place: st.builds(Place, name=st.text("abc"), height=st.none() | st.floats(0, 1)),
    Point: st.builds(Point, st.integers(), st.floats(0, 1)),
    Pair: st.builds(Pair, st.text("abc"), st.integers()),
    Options: st.fixed_dictionaries({"loud": st.booleans()}),
}

TOOLS = {kind: takes(kind) for kind in VALUES}


@given(st.data())
@pytest.mark.parametrize("kind", VALUES, ids=shown)
def test_what_was_written_is_read_back(kind, data):
    """A value, written as its type's JSON, is read as the same value of the same type."""
    value = data.draw(VALUES[kind])
    text = to_json({"x": value}).decode()
    read = TOOLS[kind].read(text).arguments["x"]

    assert value == read
    assert type(value) is type(read)


@given(st.data())
@pytest.mark.parametrize("kind", [int, float, str, bool, list[int], Place, Unit], ids=shown)
def test_a_value_of_no_fitting_type_is_refused_by_name(kind, data):
    """Nothing is converted: what is not of the type is refused, and the argument is named."""
    fitting = {
        int: int,
        float: (int, float),
        str: str,
        bool: bool,
        list[int]: list,
        Place: dict,
        Unit: (),
    }[kind]
    value = data.draw(
        (st.integers() | st.floats(0.1, 0.9) | st.text("1a") | st.booleans() | st.none()).filter(
            lambda value: (
                (isinstance(value, bool) and kind is not bool) or not isinstance(value, fitting)
            )
        )
    )

    with pytest.raises(InvalidArguments, match=r"^Argument x .* take takes "):
        TOOLS[kind].read(json.dumps({"x": value}))


def test_a_whole_number_is_an_integer():
    """1.0 is an integer wherever one is wanted, as JSON Schema says; 1.5 and "3" are none."""

    class Point(BaseModel):
        x: int
        y: float

    for kind, said, meant in [
        (int, 1.0, 1),
        (int | None, 2.0, 2),
        (int | str, 3.0, 3),
        (list[int], [1, 2.0], [1, 2]),
        (dict[str, int], {"a": 1.0}, {"a": 1}),
        (Point, {"x": 1.0, "y": 2.0}, Point(x=1, y=2.0)),
        (float, 1.0, 1.0),
        (Literal[1, 2], 2.0, 2),
    ]:
        read = takes(kind).read(json.dumps({"x": said})).arguments["x"]
        assert (meant, type(meant)) == (read, type(read))
    for wrong in (1.5, "3", "1.0", True, None, 1e400):
        with pytest.raises(InvalidArguments):
            takes(int).read(json.dumps({"x": wrong}))


def test_a_field_is_a_default():
    """A pydantic Field says default, description and limits, as a default or in Annotated."""

    @tool
    def search(
        limit: int = Field(default=3, gt=0, description="how many"),
        tags: list[str] = Field(default_factory=list, max_length=2),  # noqa: B008 as users write it
        page: Annotated[int, Field(default=1, ge=1, description="which")] = 2,
        sort: Annotated[str, Field(default="up")] = Field(default="down"),
        query: str = Field(description="what"),
    ) -> None:
        """Search."""

    properties = search.parameters["properties"]
    assert {
        "type": "integer",
        "description": "how many",
        "default": 3,
        "exclusiveMinimum": 0,
    } == properties["limit"]
    assert {"type": "array", "items": {"type": "string"}, "maxItems": 2} == properties["tags"]
    assert ("which", 2, 1) == tuple(
        properties["page"][key] for key in ("description", "default", "minimum")
    )
    assert ["query"] == search.parameters["required"]

    one, other = (search.read('{"query": "x"}').arguments for _ in range(2))

    assert (3, [], 2, "down", "x") == tuple(one.values())
    assert one["tags"] is not other["tags"]
    for wrong in ({"limit": 0}, {"tags": ["a", "b", "c"]}, {"page": 0}):
        with pytest.raises(InvalidArguments):
            search.read(json.dumps({"query": "x", **wrong}))


def test_an_integer_is_a_number():
    """A model that writes 3 where a number is asked for means 3.0."""
    read = takes(float).read('{"x": 3}').arguments["x"]

    assert (3.0, float) == (read, type(read))


@pytest.mark.parametrize("text", ["", "  \n", "null", "{}", '"{}"'], ids=shown)
def test_nothing_is_no_arguments(text):
    """Models write nothing in several ways."""
    assert {} == ping.read(text).arguments


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2}', ' {"b":2,\n"a":1} ', r'"{\"a\":1,\"b\":2}"'])
def test_an_object_is_read_as_it_was_meant(text):
    """White space, order and one encoding too many change nothing."""
    assert {"a": 1, "b": 2} == add.read(text).arguments


def test_a_default_is_filled_in():
    """What a model leaves out is the function's default."""
    assert {"a": 1, "b": 3} == add.read('{"a": 1}').arguments


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "3", 3),
        (str, '"3"', "3"),
        (str, '"{"', "{"),
        (list[int], "[1, 2]", [1, 2]),
        (bool, "true", True),
    ],
)
def test_one_parameter_may_be_given_bare(kind, text, value):
    """Where there is one parameter, a value that is no object can only mean that."""
    assert {"x": value} == takes(kind).read(text).arguments


TAKES = ' add takes {"a": integer, "b"?: integer}.'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3", "The arguments have type 'integer' but should be 'object'."),
        ('"3"', "The arguments have type 'string' but should be 'object'."),
        ("[1]", "The arguments have type 'array' but should be 'object'."),
        ("null", "Argument a is missing."),
        ("", "Argument a is missing."),
        ('{"a": null}', "Argument a has type 'null' but should be 'integer'."),
        ('{"a": "1"}', "Argument a has type 'string' but should be 'integer'."),
        ('{"a": 1, "c": 2}', "Argument c is unknown."),
        (
            '{"a": "1", "b": 1.5, "c": 2}',
            "Argument a has type 'string' but should be 'integer'. "
            "Argument b has type 'number' but should be 'integer'. Argument c is unknown.",
        ),
    ],
    ids=shown,
)
def test_each_kind_of_wrong_argument_has_its_error(text, said):
    """The sentence names everything that is wrong, then shows the whole form."""
    with pytest.raises(InvalidArguments) as refused:
        add.read(text)

    assert said + TAKES == str(refused.value)
    assert "add" == refused.value.tool


@pytest.mark.parametrize("text", ['"3"', '"three"', "2.5", "true"])
def test_a_bare_value_is_not_converted(text):
    """A text is no number, also where it is given bare."""
    with pytest.raises(InvalidArguments, match=r"^Argument x has type '[a-z]+' but should be 'int"):
        takes(int).read(text)


@pytest.mark.parametrize(
    "text", ['{"a": 1', "{'a': 1}", '{"a": 1,}', "a=1", '{"a": 1} and more', "\ud800", "[" * 5000]
)
def test_what_is_no_json_is_refused_with_the_form(text):
    """The sentence says where reading failed, and what would be right."""
    with pytest.raises(InvalidArguments) as refused:
        add.read(text)

    assert str(refused.value).startswith("The arguments are not JSON: ")
    assert str(refused.value).endswith(TAKES)


@given(st.text(st.characters(exclude_categories=())) | st.text('{}[]":,ab1 \\'))
def test_any_text_is_read_or_refused(text):
    """Whatever a model writes, there are arguments or a sentence, nothing else."""
    try:
        read = tuple(add.read(text).arguments)
    except InvalidArguments as error:
        read = str(error).endswith(TAKES)

    assert read in (("a", "b"), True)


@pytest.mark.parametrize("text", ["", "3", '{"x": 1', '"{\\"x\\": 1'])
def test_cut_arguments_differ_from_wrong_ones(text):
    """Where the model was cut short, what may be half an argument is not used."""
    with pytest.raises(InvalidArguments, match="length limit cut off this call"):
        takes(int).read(text, cut=True)


def test_a_call_that_was_complete_when_the_model_was_cut_is_read():
    """An object that is closed has lost nothing; what is wrong in it is the model's fault."""
    assert {"x": 1} == takes(int).read('{"x": 1}', cut=True).arguments
    with pytest.raises(InvalidArguments, match="Argument x has type"):
        takes(int).read('{"x": "1"}', cut=True)


@tool
def head(table: Given[list], rows: int = 2) -> list:
    """Show the first rows."""
    return table[:rows]


def test_what_is_given_is_hidden_from_the_model():
    """A parameter that the run fills in is in no schema, and a model cannot set it."""
    assert ["rows"] == list(head.parameters["properties"])
    with pytest.raises(InvalidArguments, match="Argument table is unknown"):
        head.read('{"table": []}', {"table": [1]})


def test_what_the_run_has_is_no_argument():
    """A parameter that is not `Given` is the model's to fill in, whatever the run has."""
    assert {"a": 1, "b": 3} == add.read('{"a": 1}', {"a": 5, "b": 6}).arguments


def test_what_is_given_arrives_as_it_is():
    """The run's value is neither copied nor checked, and others are not handed on."""
    table = object()
    read = head.read("{}", {"table": table, "other": 1}).arguments

    assert {"table": table, "rows": 2} == read
    assert table is read["table"]


def test_a_missing_given_value_is_requested_from_the_caller():
    """The sentence names what lacks, and says that no argument fixes it."""
    with pytest.raises(InvalidArguments) as refused:
        head.read("{}")

    assert (
        "head needs 'table', which a model cannot give. "
        "Start the run with additional_args={'table': ...}."
    ) == str(refused.value)


def test_a_default_stands_in_for_what_is_not_given():
    """A given parameter may have a default as any other."""

    @tool
    def shout(text: str, sign: Given[str] = "!") -> str:
        """Shout."""
        return text + sign

    assert {"text": "a", "sign": "!"} == shout.read('{"text": "a"}').arguments
    assert {"text": "a", "sign": "?"} == shout.read('{"text": "a"}', {"sign": "?"}).arguments


@attrs.frozen
class Spot:
    """A class of attrs."""

    x: int
    label: str = "spot"


def test_a_parameter_may_be_a_class_of_attrs():
    """Its fields are described, and the tool gets an instance."""

    @tool
    def mark(spots: list[Spot]) -> str:
        """Mark spots."""
        return repr(spots)

    items = mark.parameters["properties"]["spots"]["items"]
    assert ["x"] == items["required"]
    assert {"x", "label"} == items["properties"].keys()
    assert [Spot(1), Spot(2, "b")] == mark.read(
        '{"spots": [{"x": 1}, {"x": 2.0, "label": "b"}]}'
    ).arguments["spots"]
    with pytest.raises(InvalidArguments, match=r"Argument spots\[0\].x has type 'string'"):
        mark.read('{"spots": [{"x": "1"}]}')
