import json

import pytest

from rxagent.errors import UnknownTool
from rxagent.tools import FINAL_ANSWER, Toolbox, tool


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def search(query: str) -> str:
    """Search."""
    return query


def test_a_toolbox_makes_tools():
    """Functions become tools, and the order is kept."""
    box = Toolbox([add, search])

    assert ["add", "search"] == [spec.name for spec in box.specs] == [tool.name for tool in box]
    assert add is box.find("add")
    assert 2 == len(box)
    assert "search" in box
    assert "find" not in box


def test_an_empty_toolbox_is_fine():
    """An agent may have no tools."""
    assert () == Toolbox().specs


def test_two_tools_of_one_name_are_refused():
    """A call could mean either, so the error names it, and the way out."""
    with pytest.raises(ValueError, match=r"Two tools are named add.*name="):
        Toolbox([add, search, tool(search, name="add")])


def test_the_answer_s_name_is_taken():
    """`final_answer` is what the loop understands."""
    with pytest.raises(ValueError, match=r"final_answer is the tool by which every agent.*name="):
        Toolbox([tool(search, name="final_answer")])


def test_what_cannot_be_described_is_no_tool():
    """The refusal is the tool's own."""
    with pytest.raises(TypeError, match="lambda"):
        Toolbox([add, lambda: 1])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("serach", "Did you mean search? "),
        ("final_anser", "Did you mean final_answer? "),
        ("", ""),
        ("weather", ""),
    ],
)
def test_an_unknown_tool_lists_those_there_are(name, meant):
    """The sentence names the nearest one, if one is near."""
    with pytest.raises(UnknownTool) as refused:
        Toolbox([add, search]).find(name)

    assert (
        f"There is no tool named {name!r}. {meant}The tools are: add, search, final_answer."
    ) == str(refused.value)
    assert name == refused.value.tool


def test_the_answer_may_be_anything():
    """The built-in tool can be sent as JSON, and says nothing of the answer's type."""
    parameters = json.loads(json.dumps(FINAL_ANSWER.parameters))

    assert ["answer"] == parameters["required"] == list(parameters["properties"])
    assert "type" not in parameters["properties"]["answer"]
