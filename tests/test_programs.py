"""The programs of README.md, each as a script, as a cell of a notebook, and under asyncio.

A comment `<!-- program: name -->` stands before each of them, and `agent` is where all begin.
"""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from textwrap import indent

import pytest

from rxagent.testing import ScriptedServer
from rxagent.testing.scripts import SCRIPTS

pytestmark = pytest.mark.slow

README = Path(__file__).parents[1] / "README.md"

_PROGRAM = re.compile(r"<!-- program: (.+) -->\n```python\n((?:.*\n)*?)```")

PROGRAMS = dict(_PROGRAM.findall(README.read_text(encoding="utf-8")))
BEGINNING = PROGRAMS.pop("agent")


def script(program):
    """Return a program as a file."""
    return BEGINNING + program


def cell(program):
    """Return a program as a cell of a notebook, whose loop goes on when the cell is done.

    As in notebooks, Ctrl-C interrupts a cell that blocks, and cancels one that awaits.
    """
    return f"""
import ast, asyncio, signal

async def kernel():
    end = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, end.set)
    cell = compile({BEGINNING + program!r}, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    cancelling = signal.signal(signal.SIGINT, signal.default_int_handler)
    result = eval(cell, {{"__name__": "__main__"}})
    signal.signal(signal.SIGINT, cancelling)
    if result is not None:
        await result
    await end.wait()

asyncio.run(kernel())
"""


def application(program):
    """Return a program as a part of an application under asyncio, which goes on when it is done."""
    return f"""
import asyncio
{BEGINNING}
async def main():
    end = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, end.set)
{indent(program, "    ")}
    await end.wait()

asyncio.run(main())
"""


PROGRAM = "{} as {}"
FORGETFUL = {PROGRAM.format("attach", "cell"), PROGRAM.format("attach", "application")}
"""Whose Ctrl-C Python may forget once it has printed it, when something is being imported on
another thread at that moment; the status is 1 then."""


WAYS = [
    pytest.param(way, program, id=PROGRAM.format(name, way.__name__))
    for name, program in PROGRAMS.items()
    for way in (script, cell, application)
    if not (way is script and re.search(r"\b(await|async)\b", program))
]


FRESH = {way.values[0]: way for way in reversed(WAYS)}.values()
"""One program in each way, which a fresh interpreter runs as well; that takes seconds."""


def fresh(*, program, cwd, env):
    """Start a program in a fresh interpreter."""
    command = [sys.executable, "-u", "-W", "error", program]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=cwd, env=env, **pipes)


@contextmanager
def running(start, source, model, folder):
    """Run a program that asks the scripted model of this name; give its process and its server."""
    (folder / "program.py").write_text(source, encoding="utf-8")
    with ScriptedServer() as server:
        server.scenario("gpt-5-mini", SCRIPTS[model])
        asked = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "scripted"}
        process = start(
            program=folder / "program.py",
            cwd=folder,
            env={**os.environ, **asked, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )
        try:
            yield process, server
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                pipe.close()


@pytest.fixture
def start(request):
    """Return a function that starts a program, at once where the system can fork."""
    if not hasattr(os, "fork"):
        return fresh
    return partial(request.getfixturevalue("warm").start, unbuffered=True)


def read_until(process, text):
    """Read what a program prints up to a text, or to its end."""
    printed = ""
    while text not in printed and (piece := os.read(process.stdout.fileno(), 4096)):
        printed += piece.decode()
    return printed


def status(process):
    """Return the exit status of a program as a shell reports it."""
    code = process.wait(timeout=60)
    return code if code >= 0 else 128 - code


@pytest.mark.parametrize(("way", "program"), WAYS)
def test_each_program_prints_the_answer_and_ends_well(start, way, program, tmp_path):
    """The text is streamed to its end, nothing else is said, and the exit status is 0."""
    with running(start, way(program), "tools", tmp_path) as (process, _):
        printed = read_until(process, "The answer is 5.")
        _, complaints = process.communicate(timeout=60)

        assert "The answer is 5." == printed.strip()
        assert (0, "") == (
            status(process),
            re.sub("^(●|  ).*\n", "", complaints.decode(), flags=re.M),
        )


def check_ctrl_c(start, way, program, folder, test):
    """Press Ctrl-C during a text."""
    with running(start, way(program), "slow", folder) as (process, server):
        server.wait_sent(3, timeout=60)
        process.send_signal(signal.SIGINT)

        assert server.wait_hang_up(timeout=60).hung_up
        _, complaints = process.communicate(timeout=60)
        forgetful = test.callspec.id in FORGETFUL
        assert status(process) in ({130, 1} if forgetful else {130}), complaints.decode()


@pytest.mark.parametrize(("way", "program"), WAYS)
def test_ctrl_c_hangs_up_on_the_model(start, way, program, tmp_path, request):
    """During a text, Ctrl-C closes the connection, and the exit status is 130."""
    check_ctrl_c(start, way, program, tmp_path, request.node)


@pytest.mark.parametrize(("way", "program"), FRESH)
def test_a_fresh_interpreter_does_the_same(way, program, tmp_path, request):
    """What starts with nothing imported is left by Ctrl-C in the same way."""
    check_ctrl_c(fresh, way, program, tmp_path, request.node)
