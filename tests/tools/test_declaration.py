"""A tool is declared as the Python function that code calls."""

import ast
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

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
    """'''


def test_a_declaration_has_all_that_code_needs():
    """Names, types, defaults and descriptions; what the run gives is left out."""
    assert EXPECTED.replace("Place | None", declared_type()) == search.declaration


def declared_type():
    """Return how the optional place is written."""
    return "tests.tools.test_declaration.Place | None".replace(
        "tests.tools.test_declaration", Place.__module__
    )


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
