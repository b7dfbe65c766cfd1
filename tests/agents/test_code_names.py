"""Names of functions, which code must not set."""

import pytest

from rxagent import CodeAgent, tool
from rxagent.agents.code_names import check_names
from rxagent.errors import CodeError
from rxagent.events import ToolFailed
from rxagent.executors import ProcessExecutor, SandboxExecutor
from rxagent.testing import ScriptedModel

SETTING = {
    "assignment": "price = 1",
    "augmented": "price += 1",
    "annotated": "price: int = 1",
    "unpacking": "a, (price, *b) = 1, (2, 3)",
    "walrus": "print(price := 1)",
    "walrus in a comprehension": "[price := x for x in [1]]",
    "loop": "for price in [1]: pass",
    "with": "with open('x') as price: pass",
    "error": "try: pass\nexcept ValueError as price: pass",
    "function": "def price(): pass",
    "class": "class price: pass",
    "import": "import price",
    "import as": "import json as price",
    "import from": "from json import loads as price",
    "deletion": "del price",
    "global": "def f():\n    global price\n    price = 1",
    "match": "match 1:\n    case price: pass",
}

USING = {
    "call": "x = price('tea')",
    "parameter": "def f(price): return price",
    "local": "def f():\n    price = 1\n    return price",
    "comprehension": "[price for price in [1]]",
    "attribute": "x.price = 1",
    "key": "x['price'] = 1",
    "named argument": "f(price=1)",
    "method": "class A:\n    def price(self): pass",
    "no Python": "price = (",
    "await": "x = await price('tea')",
}


@tool
def price(item: str) -> float:
    """Return the price of an item."""
    return 3.5


@pytest.mark.parametrize("way", SETTING)
def test_a_function_keeps_its_name(way):
    """Whatever sets the name of a function for later code is an error."""
    with pytest.raises(CodeError, match="`price` is a function that you can call"):
        check_names(SETTING[way], {"price", "other"})
    check_names(SETTING[way], {"other"})


@pytest.mark.parametrize("way", USING)
def test_other_uses_of_a_name_are_allowed(way):
    """A function is called, and what is local may have its name."""
    check_names(USING[way], {"price"})


def test_final_answer_is_called():
    """Code that sets the answer as a variable reads how it is given."""
    with pytest.raises(CodeError, match=r"Call final_answer\(\.\.\.\) with the answer"):
        check_names("final_answer = 42", {"final_answer"})


@pytest.mark.parametrize("executor", [SandboxExecutor, ProcessExecutor])
@pytest.mark.parametrize("eager", [False, True])
def test_the_model_reads_it(executor, eager):
    """Nothing of the code runs, and the next code has its functions."""
    model = ScriptedModel(
        [
            "<code>\nprice = price('tea')\nprint(price)\n</code>",
            "<code>\nfinal_answer(price('tea'))\n</code>",
        ]
    )
    run = CodeAgent(model, [price], executor=executor(), eager=eager).start("What does tea cost?")

    assert 3.5 == run.result(60)
    (failed,) = (event for event in run.state.events() if isinstance(event, ToolFailed))
    assert "so the code must not set this name, and nothing was run" in failed.error
