"""The executors: each is public, has a name, and is in the reference."""

import re
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import iter_modules

import pytest

from rxagent import CodeAgent, executors
from rxagent.executors.named import EXECUTORS
from rxagent.testing import ScriptedModel

MODEL = ScriptedModel([])
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "executors.md"


def found():
    """Return the classes in the modules of the package that are executors."""
    modules = [
        import_module(f"{executors.__name__}.{module.name}")
        for module in iter_modules(executors.__path__)
    ]
    protocol = ("limits", "language", "open")
    return {
        kind
        for module in modules
        for _, kind in getmembers(module, isclass)
        if kind is not executors.Executor and all(hasattr(kind, name) for name in protocol)
    }


def test_each_executor_is_public_and_has_a_name():
    """The package offers each executor, and an agent takes each by a name."""
    named = {type(CodeAgent(MODEL, executor=name).executor) for name in EXECUTORS}

    assert found() == named
    assert {kind.__name__ for kind in named} <= set(executors.__all__)


def test_the_page_has_each_executor_by_its_name():
    """The table of the reference shows what each name stands for, and describes its class."""
    page = PAGE.read_text("utf-8")
    rows = dict(re.findall(r'^\| `"(\w+)"`.*? \| `(\w+)\(\)` \|', page, re.MULTILINE))

    assert rows == {
        name: type(CodeAgent(MODEL, executor=name).executor).__name__ for name in EXECUTORS
    }
    assert set(rows.values()) <= set(re.findall(r"autoclass:: rxagent\.executors\.(\w+)", page))


def test_an_unknown_name_is_refused():
    """The error lists the names."""
    with pytest.raises(ValueError, match=r"executor must be 'sandbox'.* not 'docker'"):
        CodeAgent(MODEL, executor="docker")
