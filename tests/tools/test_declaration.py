"""A tool is declared as the Python function that code calls."""

import ast
import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

import attrs
import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from rxagent import Agent, Given, tool
from rxagent.testing import ScriptedModel


class Place(BaseModel):
    """A place."""

    name: str


@tool
def search(
    query: str,
    limit: Annotated[int, "How many results."] = 5,
    kind: Literal["web", "news"] = "web",
    near: Place | None = None,
    key: Given[str] = "",
) -> list[str]:
    """Search the web.

    It takes "quotes" and \\ as they are.

    Args:
        query: What to look for.
    """
    return [query] * limit


@tool
async def wait(seconds: float = Field(default=1.0, description="How long.")) -> None:
    """Wait."""


@tool
def now():
    """Tell the time; never \"\"\"quoted\"\"\"."""


EXPECTED = '''\
def search(query: str, limit: int = 5, kind: Literal['web', 'news'] = 'web', \
near: Place | None = None) -> list[str]:
    """Search the web.

    It takes "quotes" and \\\\ as they are.

    Args:
        query: What to look for.
        limit: How many results.
        near: {"name": string} or null

    Objects are dicts here: write {"name": ...}, read value["name"].
    """'''


def test_a_declaration_has_all_that_code_needs():
    """Names, types, defaults and descriptions; what the run gives is left out."""
    assert EXPECTED == search.declaration


@pytest.mark.parametrize(
    "made",
    [search, wait, now, Agent(ScriptedModel([]), description="Helps.").as_tool()],
    ids=lambda made: made.name,
)
def test_a_declaration_is_python(made):
    """It parses, and its docstring is the tool's description."""
    (function,) = ast.parse(made.declaration).body

    assert made.name == function.name
    assert ast.get_docstring(function).startswith(made.description.rstrip())
    assert (made is wait) == isinstance(function, ast.AsyncFunctionDef)


def test_what_the_run_gives_is_known():
    """The names of those parameters."""
    assert ("key",) == search.given
    assert () == now.given


class Unit(enum.Enum):
    """A unit."""

    C = "celsius"
    F = "fahrenheit"


@dataclass
class Dish:
    """A dish."""

    name: str
    price: float
    on: date | None = None
    tags: list["Unit"] = field(default_factory=list)


class Item(BaseModel):
    """An item, whose fields have other names in JSON."""

    sku: str = Field(alias="SKU")
    parts: list["Item"] = []


@attrs.frozen
class Point:
    """A point."""

    x: int


class Pair(NamedTuple):
    """A pair."""

    one: int
    unit: Unit


class Part(TypedDict, total=False):
    """Part of something."""

    size: int


class Table:
    """Nothing that JSON knows."""


DISH = '{"name": string, "price": number, "on"?: string (date) or null, '
DISH += '"tags"?: array of ("celsius" or "fahrenheit")}'
HELD = '{"name": string, "price": number, "on": date or null, '
HELD += '"tags": array of ("celsius" or "fahrenheit")}'

CLASSES = [
    (Dish, DISH, HELD),
    (list[Dish], f"array of ({DISH})", f"array of ({HELD})"),
    (Unit, '"celsius" or "fahrenheit"', '"celsius" or "fahrenheit"'),
    (Literal[Unit.C], '"celsius"', '"celsius"'),
    (
        Item,
        '{"SKU": string, "parts"?: array of {"SKU": string, "parts"?: array of object}}',
        '{"sku": string, "parts": array of {"sku": string, "parts": array of object}}',
    ),
    (Point | None, '{"x": integer} or null', '{"x": integer} or null'),
    (Pair, '[integer, "celsius" or "fahrenheit"]', '[integer, "celsius" or "fahrenheit"]'),
    (dict[str, Part], 'object of {"size"?: integer}', 'object of {"size"?: integer}'),
]


@pytest.mark.parametrize(("kind", "given", "got"), CLASSES, ids=range(len(CLASSES)))
def test_a_class_is_declared_with_its_form(kind, given, got):
    """The code has no classes: it gives and gets dicts, and the values of an enum."""

    def use(it: kind) -> kind:
        """Use it.

        Args:
            it: What to use.
        """

    declared = tool(use).declaration
    (function,) = ast.parse(declared).body
    lines = ast.get_docstring(function).splitlines()

    assert ["Use it.", "", "Args:", "    it: What to use.", f"        {given}"] == lines[:5]
    assert ["", f"Result: {got}"] == lines[5:7]
    assert ("{" in given) == lines[-1].startswith("Objects are dicts here: ")
    assert __name__ not in declared


def streamed(kind):
    """Return a tool whose result has a type."""

    def use() -> kind:
        """Use it."""

    return tool(use)


@pytest.mark.parametrize("kind", [Iterator[Point], AsyncIterator[Point]])
def test_a_tool_that_yields_has_the_form_of_its_last_value(kind):
    """Which is what the code gets."""
    assert '\n    Result: {"x": integer}\n' in streamed(kind).declaration


def test_a_note_of_a_type_is_no_part_of_its_form():
    """As of a parameter."""
    head, *_, form, _, _, _ = streamed(Annotated[Point, "it"]).declaration.splitlines()

    assert "def use() -> Point:" == head
    assert '    Result: {"x": integer}' == form


@pytest.mark.parametrize("kind", [Table, list[Table], dict[str, Table | Dish], Any, date, Iterator])
def test_a_result_without_a_form_has_none(kind):
    """Nothing is said of what JSON cannot express, and of what has no class in it."""
    assert "Result" not in streamed(kind).declaration


DEFAULTS = [
    (Unit, Unit.F, "'fahrenheit'"),
    (Unit, Field(default=Unit.F), "'fahrenheit'"),
    (Unit | None, None, "None"),
    (str, Unit.C, "'celsius'"),
    (Point, Point(1), "..."),
    (Dish, Dish("tea", 2.5), "{'name': 'tea', 'price': 2.5, 'on': None, 'tags': []}"),
    (Dish, Field(default_factory=lambda: Dish("tea", 2.5)), "..."),
    (list[Unit], [Unit.C, Unit.F], "['celsius', 'fahrenheit']"),
]


@pytest.mark.parametrize(("kind", "default", "shown"), DEFAULTS, ids=range(len(DEFAULTS)))
def test_a_default_is_written_as_code_writes_it(kind, default, shown):
    """No instance of a class, which the code does not have."""

    def use(it: kind = default) -> None:
        """Use it."""

    head = tool(use).declaration.splitlines()[0]

    assert head.endswith(f" = {shown}) -> None:")


def test_without_a_class_there_is_no_form():
    """What the signature says is enough; JSON's own types would only repeat it."""

    def plan(
        on: date,
        sizes: dict[str, list[int]] | None = None,
        kind: Literal["a", "b"] = "a",
        rest: Any = (1, 2),
        more: float = Field(default=1.0),
    ) -> tuple[date, Any]:
        """Plan."""

    expected = (
        "def plan(on: date, sizes: dict[str, list[int]] | None = None, "
        "kind: Literal['a', 'b'] = 'a', rest: Any = (1, 2), more: float = ...) "
        '-> tuple[datetime.date, typing.Any]:\n    """Plan."""'
    )
    assert expected == tool(plan).declaration
