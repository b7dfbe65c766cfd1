"""The sandbox: what code costs beyond itself, how late its limits end it, how soon it is killed.

Where smolagents is installed, the same in its own interpreter stands beside it.
"""

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

import reactivex as rx

from rxagent import CodeAgent, each, tool
from rxagent.errors import CodeError
from rxagent.executors import Functions, Limits, SandboxExecutor
from rxagent.testing import ScriptedModel

from .row import Row

__all__ = ["rows"]

_NONE = Functions(frozenset(), frozenset(), lambda *_: rx.empty())
_SUM = "total = 0\nfor number in range(1_000_000):\n    total += number\ntotal"
_SECONDS = 0.5

_LIMITS = {
    "an endless loop": "while True: pass",
    "squares without end": "x = 7\nfor i in range(100000): x = x * x",
    "a sleep": "import time\ntime.sleep(9)",
    "a sleep and a loop": f"import time\ntime.sleep({_SECONDS / 2})\nwhile True: pass",
    "a print flood": "while True: print('abc')",
    "calls of undefined names": "while True:\n    try: f()\n    except NameError: pass",
}
"""Code that its limit of time ends."""

_MEMORY = {
    "a list that grows": "x = []\nwhile True: x.append('a' * 1000)",
    "a big text": "x = 'a' * 10**10",
    "a big power": "10**10**8",
}
"""Code that its limit of memory ends."""


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


def rows(_: str, quick: bool) -> Iterator[Row]:
    """Measure steps, calls, loops, limits and kills."""
    count = 20 if quick else 100
    step = _step(count) * 1e3
    theirs = _smolagents(_a_step, 20)
    yield Row("code step, without the model", step, "ms", "at most 3 ms", step <= 3, "", theirs)
    call = _call(count * 5) * 1e3
    theirs = _smolagents(_a_call, 20)
    yield Row("a tool called from code", call, "ms", "at most 0.5 ms", call <= 0.5, "", theirs)
    yield _loop(3 if quick else 7)
    for name, code in _LIMITS.items():
        yield _late(name, code, 1 if quick else 3)
    for name, code in _MEMORY.items():
        took = _ended(SandboxExecutor(Limits(memory=64 * 2**20)), code) * 1e3
        yield Row(f"64 MiB, until it has ended: {name}", took, "ms")
    yield asyncio.run(_killed(5 if quick else 30))


def _step(count: int) -> float:
    """Return the seconds of a step of an agent whose model takes no time."""

    def seconds(steps: int) -> float:
        code = [f"<code>\nx = {number}\nprint(x)\n</code>" for number in range(steps)]
        model = ScriptedModel([*code, "<code>\nfinal_answer(1)\n</code>"])
        return _seconds_of(CodeAgent(model, max_steps=count + 2))

    return (_least(seconds, count) - _least(seconds, 0)) / count


def _call(count: int) -> float:
    """Return the seconds of a call of a tool from code, beyond the step itself."""

    def seconds(calls: int) -> float:
        code = f"<code>\nfor i in range({calls}):\n    add(i, 1)\nfinal_answer(1)\n</code>"
        return _seconds_of(CodeAgent(ScriptedModel([code]), tools=[add]))

    return (_least(seconds, count) - _least(seconds, 0)) / count


def _seconds_of(agent: CodeAgent) -> float:
    began = perf_counter()
    agent.run("Go on.")
    return perf_counter() - began


def _least(seconds: Callable[[int], float], size: int) -> float:
    """Return the least of several measurements, since other load only adds to them."""
    return min(seconds(size) for _ in range(5))


def _loop(times: int) -> Row:
    """Measure a million additions beside CPython, both with global variables."""
    session = SandboxExecutor(Limits(seconds=60)).open({})
    list(each(session.run("1", _NONE)))
    ours, theirs = [], []
    program = compile(_SUM, "sum", "exec")
    for _ in range(times):
        began = perf_counter()
        list(each(session.run(_SUM, _NONE)))
        between = perf_counter()
        exec(program, {})
        ours.append(between - began)
        theirs.append(perf_counter() - between)
    session.close()
    ratio = min(ours) / min(theirs)
    smol = _smolagents(lambda executor: executor(_SUM), 1)
    note = f"CPython {min(theirs) * 1e3:.0f} ms"
    note += "" if smol is None else f"; smolagents {smol / min(theirs) / 1e3:.0f} x CPython"
    return Row(
        "a million additions",
        min(ours) * 1e3,
        "ms",
        "at most 1.50 x CPython",
        ratio <= 1.5,
        f"{ratio:.2f} x; {note}",
    )


def _late(name: str, code: str, times: int) -> Row:
    executor = SandboxExecutor(Limits(seconds=_SECONDS))
    late = [(_ended(executor, code) - _SECONDS) * 1e3 for _ in range(times)]
    return Row(
        f"late by, after {_SECONDS} s: {name}", median(late), "ms", note=f"{max(late):.0f} at most"
    )


def _ended(executor: SandboxExecutor, code: str) -> float:
    """Return after how many seconds a limit has ended code."""
    session = executor.open({})
    list(each(session.run("1", _NONE)))
    began = perf_counter()
    try:
        list(each(session.run(code, _NONE)))
    except CodeError:
        return perf_counter() - began
    finally:
        session.close()
    raise AssertionError(f"No limit has ended {code!r}.")


async def _killed(times: int) -> Row:
    """Measure from disposing until the process that computes is gone."""
    took = []
    for _ in range(times):
        session = SandboxExecutor().open({})
        started = asyncio.Event()
        running = session.run("print(1)\nwhile True: pass", _NONE).subscribe(
            lambda _, started=started: started.set()
        )
        await started.wait()
        worker = session._variables._worker
        assert worker is not None
        began = perf_counter()
        running.dispose()
        while _computes(worker.pid):
            await asyncio.sleep(0)
        took.append((perf_counter() - began) * 1e3)
        session.close()
    value = median(took)
    note = f"{max(took):.1f} at most"
    return Row(
        "dispose, until the process is gone", value, "ms", "at most 50 ms", max(took) <= 50, note
    )


def _computes(pid: int | None) -> bool:
    """Return whether a process exists and has not ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as facts:
            return facts.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


# smolagents


def _smolagents(measured: Callable[[Any], object], times: int) -> float | None:
    """Return the milliseconds of something in smolagents' interpreter; None where it is missing."""
    if find_spec("smolagents") is None:
        return None
    executor = import_module("smolagents.local_python_executor").LocalPythonExecutor([])
    executor.send_tools({"add": add.function})
    measured(executor)
    began = perf_counter()
    for _ in range(times):
        measured(executor)
    return (perf_counter() - began) / times * 1e3


def _a_step(executor: Any) -> None:
    executor("x = 1\nprint(x)")


def _a_call(executor: Any) -> None:
    executor("add(1, 2)")
