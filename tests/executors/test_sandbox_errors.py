"""Error texts of the sandbox: what failed, in which line, and what to do instead."""

import pytest

from rxagent.executors import SandboxExecutor
from rxagent.executors.sandbox_language import PARTS

from .coding import Ran, add, functions_of

EXECUTOR = SandboxExecutor()

TEXTS = {
    "a syntax error": (
        "x = 1\ny = (",
        "SyntaxError: unexpected EOF while parsing. Nothing of this code was run.\n  in line 2: y",
    ),
    "an undefined name": (
        "x = 1\nnope",
        "NameError: name 'nope' is not defined.\n  in line 2: nope",
    ),
    "a misspelt tool": (
        "addd(1, 2)",
        "NameError: name 'addd' is not defined. Did you mean add?\n  in line 1: addd(1, 2)",
    ),
    "a misspelt answer": (
        "final_anwser(1)",
        "NameError: name 'final_anwser' is not defined. Did you mean final_answer?",
    ),
    "a module that was not imported": (
        "math.sqrt(2)",
        "NameError: name 'math' is not defined. Write `import math` first.\n  in line 1",
    ),
    "calls in calls": (
        "def f(a):\n  return 1 / a\ndef g():\n  return f(0)\ng()",
        "ZeroDivisionError: division by zero.\n"
        "  in line 2 of f: return 1 / a\n  in line 4 of g: return f(0)\n  in line 5: g()",
    ),
    "an error of one's own": ("raise ValueError('a: b')", "ValueError: a: b.\n  in line 1: raise"),
    "an error without text": ("raise ValueError", "ValueError\n  in line 1: raise ValueError"),
    "an assertion": ("assert 1 == 2", "AssertionError: assert 1 == 2.\n  in line 1"),
    "inheritance": (
        "class E(Exception):\n    pass",
        "SyntaxError: this Python has no inheritance, not even from Exception. Write functions, "
        'dicts or a dataclass instead; to report an error, raise ValueError("..."). Nothing of '
        "this code was run.\n  in line 1: class E(Exception):",
    ),
    "yield": (
        "def f():\n    yield 1",
        "SyntaxError: this Python has no yield. Collect the items in a list and return it, or "
        "write a generator expression. Nothing of this code was run.\n  in line 2: yield 1",
    ),
    "del": ("x = 1\ndel x", "SyntaxError: this Python has no del. Assign None"),
    "property": (
        "class A:\n    @property\n    def x(self): return 1",
        "SyntaxError: this Python has no property, classmethod or staticmethod. Write ordinary",
    ),
    "staticmethod": (
        "class A:\n    @staticmethod\n    def x(): return 1",
        "SyntaxError: this Python has no property, classmethod or staticmethod.",
    ),
    "except*": (
        "try:\n    pass\nexcept* ValueError: pass",
        "SyntaxError: this Python has no except*",
    ),
    "a type alias": (
        "type X = int",
        "SyntaxError: this Python has no type statement. Leave it out.",
    ),
    "async for": (
        "async def f():\n    async for x in y: pass",
        "SyntaxError: this Python has no `async",
    ),
    "import *": (
        "from math import *",
        "SyntaxError: this Python has no `import *`. Import the names",
    ),
    "a missing module": (
        "import numpy as np",
        "ModuleNotFoundError: No module named 'numpy'. The sandbox has these modules: asyncio, ",
    ),
    "a part of a module": (
        "from collections import OrderedDict",
        "ImportError: cannot import name 'OrderedDict' from 'collections' (unknown location). Of "
        "collections, the sandbox has only Counter, defaultdict, deque, namedtuple.\n  in line 1",
    ),
    "a file": (
        "open('data.csv')",
        "PermissionError: Permission denied: '/data.csv'. The sandbox has no files, no environment "
        "variables, no processes and no network.",
    ),
    "a part of asyncio": (
        "import asyncio\nasyncio.create_task(1)",
        "AttributeError: module 'asyncio' has no attribute 'create_task'. Of asyncio, the sandbox "
        "has only gather, run, sleep.\n  in line 2: asyncio.create_task(1)",
    ),
    "a part of re": (
        "import re\nre.sre_parse",
        "AttributeError: module 're' has no attribute 'sre_parse'. The sandbox has only a part of",
    ),
    "a part of os": (
        "import os\nos.system('ls')",
        "AttributeError: module 'os' has no attribute 'system'. The sandbox has no files, no",
    ),
    "async with": ("async with a: pass", "SyntaxError: this Python has no `async with`. Await"),
    "a class in a class": (
        "class A:\n    class B: pass",
        "SyntaxError: this Python has only methods and plain variables in classes. Write the rest",
    ),
    "input": (
        "input('?')",
        "NameError: name 'input' is not defined. The sandbox does not have it. There is no user to",
    ),
    "globals": (
        "globals()",
        "NameError: name 'globals' is not defined. The sandbox does not have it.",
    ),
    "super": (
        "super()",
        "NameError: name 'super' is not defined. The sandbox does not have it. Cla",
    ),
    "a tool in map": (
        "list(map(add, [1], [2]))",
        "NotImplementedError: external function 'add' cannot suspend in this synchronous context. "
        "Call it in a for loop or in a comprehension",
    ),
    "a tool that is none any more": (
        "add = 1\nadd(1, 2)",
        "TypeError: 'int' object is not callable. If this was a tool, your code has given its name",
    ),
    "recursion": (
        "def f(): f()\nf()",
        "RecursionError: maximum recursion depth exceeded. Write a loop",
    ),
    "a big number as text": ("str(10**5000)", "ValueError: Exceeds the limit (4300 digits)"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_it_says_what_to_do(name):
    """The model reads the error, the line with its text, and what to do."""
    code, text = TEXTS[name]
    session = EXECUTOR.open({})
    try:
        error = Ran(session, code, functions_of(add)).error
        assert error.startswith(text), error
        assert "monty" not in error
    finally:
        session.close()


def test_a_deep_traceback_is_short():
    """Of many calls, the innermost and the outermost are shown."""
    session = EXECUTOR.open({})
    error = Ran(session, "def f(n):\n  return 1 / n if n == 0 else f(n - 1)\nf(100)").error
    session.close()
    line = "  in line 2 of f: return 1 / n if n == 0 else f(n - 1)"
    lines = ["ZeroDivisionError: division by zero.", *[line] * 4, "  ... 97 more calls"]
    assert [*lines, "  in line 3: f(100)"] == error.split("\n")


def test_a_line_of_earlier_code_is_named():
    """A function that earlier code defined is said to be of earlier code."""
    session = EXECUTOR.open({})
    Ran(session, "def f():\n    return 1 / 0")
    error = Ran(session, "f()").error
    session.close()
    assert "\n  in line 2 of f (of earlier code): return 1 / 0\n  in line 1: f()" in error


def test_nothing_of_code_with_a_lacking_statement_is_run():
    """What the error says is so: a statement that the language lacks stops the code beforehand."""
    session = EXECUTOR.open({})
    ran = Ran(session, "print('a')\nx = 1\ndef f():\n    yield 1")
    assert "" == ran.printed
    assert "name 'x' is not defined" in Ran(session, "x").error
    session.close()


def test_the_language_names_what_the_errors_name():
    """The prompt says beforehand what the errors say afterwards."""
    for word in (
        "inherit",
        "yield",
        "del",
        "property",
        "staticmethod",
        "async for",
        "async with",
        "except*",
    ):
        assert word in EXECUTOR.language
    assert "import *" in EXECUTOR.language
    assert "await" in EXECUTOR.language


def test_the_parts_of_modules_are_what_is_there():
    """The names that an error lists can be imported."""
    session = EXECUTOR.open({})
    for module, names in PARTS.items():
        assert Ran(session, f"from {module} import {names}").error is None
    session.close()
