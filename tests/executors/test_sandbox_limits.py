"""Limits of the sandbox: code that would never end or never have enough ends, and all goes on."""

from time import monotonic

import pytest
from attrs import evolve

from rxagent.executors import Limits, SandboxExecutor

from .coding import Ran, add, functions_of

SECONDS = 0.25
LATE = 3.0
"""Seconds by which a busy machine may be late; the bench prints how late it is."""

LIMITS = Limits(seconds=SECONDS, memory=8 * 2**20, calls=5, output=1000)
EXECUTOR = SandboxExecutor(LIMITS)

TIME = "TimeoutError: the code ran longer than 0.25 s"
MEMORY = "MemoryError: the code held more than 8 MiB"

EITHER = (TIME, MEMORY)
"""The limits of which a fast machine meets one first, and a slow one the other."""

BAD = {
    "an endless loop": ("while True: pass", TIME),
    "an endless loop in a try": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        TIME,
    ),
    "an endless loop in a finally": ("try:\n    1/0\nfinally:\n    while True: pass", TIME),
    "a big text": ("x = 'a' * 10**10", MEMORY),
    "a caught big text": ("try:\n    x = 'a' * 10**10\nexcept MemoryError: pass", MEMORY),
    "a list that grows": ("x = []\nwhile True: x.append(len(x))", MEMORY),
    "a list in a list": ("x = []\nwhile True: x = [x, x]", MEMORY),
    "a dict that grows": ("x = {}\nwhile True: x[len(x)] = 'a' * 100", MEMORY),
    "a big list": ("x = [0] * 10**10", MEMORY),
    "a big power": ("10**10**8", MEMORY),
    "a bigger power": ("10**10**10", MEMORY),
    "a big shift": ("1 << 10**10", MEMORY),
    "a big format": ("'%1000000000d' % 1", MEMORY),
    "a big join": ("'x'.join(['a' * 1000] * 10**6)", MEMORY),
    "a product": ("import itertools\nlist(itertools.product(range(100), repeat=5))", None),
    "squares": ("x = 7\nfor i in range(100000): x = x * x", EITHER),
    "a factorial": ("import math\nmath.factorial(10**6)", TIME),
    "a long sum": ("sum(range(10**12))", TIME),
    "a regular expression": ("import re\nre.match('(a|aa)+$', 'a' * 50000 + 'b')", None),
    "infinite recursion": ("def f(): f()\nf()", "RecursionError: maximum recursion depth"),
    "mutual recursion": ("def f(): g()\ndef g(): f()\nf()", "RecursionError: maximum recursion"),
    "a recursion that doubles": (
        "def f():\n    try: f()\n    except RecursionError: f()\nf()",
        TIME,
    ),
    "a print flood": ("while True: print('abc')", TIME),
    "a long print": ("print('a' * 10**7)", None),
    "a sleep": ("import time\ntime.sleep(1000)", TIME),
    "many sleeps": ("import time\nwhile True: time.sleep(0.001)", TIME),
    "empty sleeps": ("import time\nwhile True: time.sleep(0)", TIME),
    "an endless sleep": ("import time\ntime.sleep(1e300)", None),
    "a sleep and a loop": ("import time\ntime.sleep(0.1)\nwhile True: pass", TIME),
    "an async sleep": ("import asyncio\nawait asyncio.sleep(1000)", TIME),
    "gathered sleeps": (
        "import asyncio\nawait asyncio.gather(asyncio.sleep(1000), asyncio.sleep(0.1))",
        TIME,
    ),
    "undefined names": (
        "while True:\n    try: nothing\n    except NameError: pass",
        TIME,
    ),
    "undefined calls": (
        "while True:\n    try: nothing()\n    except NameError: pass",
        TIME,
    ),
    "missing modules": (
        "while True:\n    try: import nothing\n    except ImportError: pass",
        TIME,
    ),
    "calls without end": ("while True: add(1, 2)", "RuntimeError: the code called more than 5"),
    "caught calls": (
        "while True:\n    try: add(1, 2)\n    except BaseException: pass",
        None,
    ),
    "deep brackets": ("(" * 5000 + ")" * 5000, None),
    "deep signs": ("-" * 50000 + "1", None),
    "deep lists": ("x = []\nfor i in range(100000): x = [x]\nx", None),
    "a long line": ("x = " + "+".join(["1"] * 20000), None),
    "a long program": ("x = 1\n" * 20000, None),
}


@pytest.mark.parametrize("name", BAD)
def test_it_ends_at_its_limit(name):
    """Each bad program ends, the model reads why, and the session goes on with its variables."""
    code, words = BAD[name]
    seconds = 20 if words is MEMORY else SECONDS  # a busy machine takes long to fill the memory
    session = SandboxExecutor(evolve(LIMITS, seconds=seconds)).open({})
    try:
        assert Ran(session, "kept = 'before'").error is None
        began = monotonic()
        ran = Ran(session, code, functions_of(add))
        assert monotonic() - began < seconds + LATE
        if words is not None:
            assert ran.error.startswith(words), ran.error
        assert len(ran.printed) < 1200
        if words in (TIME, MEMORY, EITHER):
            assert ran.error.endswith("\nThe variables are as they were before this code.")
        assert "before" == Ran(session, "kept").value
    finally:
        session.close()


def test_the_time_of_tools_does_not_count():
    """Code may wait for its tools for longer than it may run."""
    import asyncio

    async def slow() -> int:
        """Take longer than the code may."""
        await asyncio.sleep(SECONDS * 1.5)
        return 1

    session = EXECUTOR.open({})
    try:
        assert 1 == Ran(session, "await slow()", functions_of(slow)).value
        code = "import asyncio\n(await asyncio.gather(slow(), asyncio.sleep(0.1)))[0]"
        assert 1 == Ran(session, code, functions_of(slow)).value
    finally:
        session.close()


def test_calls_beyond_the_limit_keep_the_variables():
    """Code that calls too many tools ends, and what it assigned is there."""
    session = EXECUTOR.open({})
    try:
        error = Ran(session, "for i in range(9): add(i, 1)", functions_of(add)).error
        assert error.startswith("RuntimeError: the code called more than 5 tools")
        assert 5 == Ran(session, "i").value
    finally:
        session.close()


def test_lost_variables_are_said_to_be_lost(monkeypatch):
    """Where the variables could not be saved, the error of a limit says that they are lost."""
    monkeypatch.setattr("rxagent.executors.sandbox_variables._QUICK", -1)
    session = EXECUTOR.open({})
    try:
        Ran(session, "x = 1")
        error = Ran(session, "while True: pass").error
        assert error.endswith("\nAll variables of earlier code are lost. Assign them again.")
        assert "name 'x' is not defined" in Ran(session, "x").error
    finally:
        session.close()


def test_a_deeper_recursion_may_be_allowed():
    """`recursion` is how deeply functions may call each other."""
    code = "def f(n):\n    return n if n == 0 else f(n - 1)\nf(100)"
    for recursion, is_enough in ((50, False), (200, True)):
        session = SandboxExecutor(recursion=recursion).open({})
        assert is_enough is (Ran(session, code).error is None)
        session.close()
