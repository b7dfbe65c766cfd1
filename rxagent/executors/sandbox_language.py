"""The language of the sandbox: what it has, what it lacks, and what to write instead."""

from __future__ import annotations

__all__ = ["LACKING_NAMES", "LACKING_SYNTAX", "LANGUAGE", "MODULES", "PARTS"]

MODULES = (
    *("asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses"),
    *("datetime", "decimal", "functools", "hashlib", "itertools", "json", "math", "os", "pathlib"),
    *("posixpath", "random", "re", "sys", "time", "tomllib", "typing", "unicodedata"),
)
"""The modules of pydantic-monty 1.4, tried one by one on 2026-11-28."""

PARTS = {
    "asyncio": "gather, run, sleep",
    "collections": "Counter, defaultdict, deque, namedtuple",
    "copy": "copy, deepcopy",
    "dataclasses": "dataclass, field, is_dataclass",
    "datetime": "date, datetime, time, timedelta, timezone",
    "functools": "cache, lru_cache, partial, reduce",
    "json": "JSONDecodeError, dumps, loads",
}
"""What there is of modules of which little is there; tried name by name on the same day."""

_USABLE = ", ".join(name for name in MODULES if name not in ("os", "pathlib", "posixpath", "sys"))

LANGUAGE = f"""\
The code runs in a sandbox: Python without files, environment variables, processes and network.
- Modules: {_USABLE}. No others can be imported.
- Classes cannot inherit, not even from Exception: write functions, dicts, dataclasses, or raise ValueError("...").
- There is no yield, del, property, staticmethod, classmethod, `async for`, `async with`, `except*`, or `import *`: build a list instead of a generator; assign None instead of del; call a method instead of a property. A generator expression is a list.
- Call tools by name in a loop or a comprehension, not through map, filter or sorted(key=...).
- Tools that are asynchronous are awaited: `x = await search("a")`; several at once with `await asyncio.gather(search("a"), search("b"))` after `import asyncio`, which has only gather, run and sleep. `await` works at the top level.
- Variables are kept from one piece of code to the next."""  # noqa: E501  # it is one paragraph an item

LACKING_SYNTAX = (
    (
        "class inheritance",
        "no inheritance, not even from Exception. Write functions, dicts or a dataclass instead; "
        'to report an error, raise ValueError("...").',
    ),
    (
        "method decorators",
        "no property, classmethod or staticmethod. Write ordinary methods and functions.",
    ),
    (
        "yield",
        "no yield. Collect the items in a list and return it, or write a generator expression.",
    ),
    ("'del'", "no del. Assign None, or use list.pop, dict.pop or a comprehension."),
    ("exception groups", "no except*. Use except."),
    ("type aliases", "no type statement. Leave it out."),
    ("async for", "no `async for`. Write `for` over a list."),
    ("async comprehensions", "no `async for`. Write `for` over a list."),
    ("async context managers", "no `async with`. Await calls one by one, or gather them."),
    ("template strings", "no t-strings. Use f-strings."),
    ("class bodies", "only methods and plain variables in classes. Write the rest outside."),
    ("starred expressions", "no `*` here. Use a loop, or list.extend."),
    ("Wildcard imports", "no `import *`. Import the names that you need."),
)
"""What the parser's refusals mention, and what to tell the model."""

LACKING_NAMES = {
    "__import__": "Use an import statement.",
    "breakpoint": "There is no debugger. Print what you need to see.",
    "bytearray": "Use bytes or a list of ints.",
    "callable": "Use hasattr or try to call it.",
    "classmethod": "Write an ordinary function.",
    "compile": "Use eval or exec.",
    "delattr": "Assign None instead.",
    "dir": "Use locals().",
    "exit": "To end with an answer, call final_answer(answer).",
    "globals": "Use locals(), or a dict of your own.",
    "input": "There is no user to ask. Decide yourself, or end with final_answer.",
    "issubclass": "Classes cannot inherit here; use isinstance.",
    "memoryview": "Use bytes.",
    "property": "Write an ordinary method.",
    "quit": "To end with an answer, call final_answer(answer).",
    "staticmethod": "Write an ordinary function.",
    "super": "Classes cannot inherit here.",
    "vars": "Use locals(), or a dict of your own.",
}
"""Names of Python that the sandbox lacks, and what to do instead."""
