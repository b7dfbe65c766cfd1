"""Fixtures for the tests of the command line: the command as a process, and a server."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rxagent
from rxagent.cli import main
from rxagent.models.hosts import HOSTS
from rxagent.testing.server import ScriptedServer

from .warm import Warm

PATIENCE = 50.0
"""Seconds after which a process that does not end has failed the test, on a busy machine too."""

ENVIRONMENT = {"PYTHONPATH": str(Path(rxagent.__file__).parents[1]), "PYTHONUTF8": "1"}

_TAKE_THE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def server():
    """Return a scripted server that is being served."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, which is the current folder of the command and contains its home."""
    for name in list(os.environ):
        ours = name.startswith(("RXAGENT_", "OPENAI_", "AZURE_", "HF_", "XDG_"))
        if ours or name.endswith(("_COLOR", "_API_KEY")):
            monkeypatch.delenv(name)
    for name, host in HOSTS.items():
        if host.key is None:  # one that may run on this machine
            monkeypatch.setenv(f"{name.upper()}_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def reachable(folder, server, monkeypatch):
    """Return the server, whose address is in the environment."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "scripted")
    return server


@pytest.fixture
def start(folder):
    """Return a function that starts the command in a fresh interpreter.

    It is killed at the end of the test. In a terminal, its stdin becomes the terminal that
    controls it. A shell in between is a command that runs the one in its arguments.
    """
    started = []

    def start(*arguments, before=(), terminal=False, shell=(), **options):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        if terminal:
            before = (*before, sys.executable, "-c", _TAKE_THE_TERMINAL)
            options["start_new_session"] = True
        command = [*before, *shell, sys.executable, "-W", "error", "-m", "rxagent", *arguments]
        process = subprocess.Popen(command, **{**pipes, **options})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """Return a process that starts commands at once."""
    warm = Warm(str(tmp_path_factory.mktemp("warm") / "socket"), ENVIRONMENT)
    yield warm
    warm.close()


@pytest.fixture
def launch(folder, warm):
    """Return a function that starts the command at once; it is killed at the end of the test."""
    started = []

    def launch(*arguments, **options):
        started.append(warm.start(*arguments, **options))
        return started[-1]

    yield launch
    for process in started:
        process.kill()


@pytest.fixture
def finish(start):
    """Return a function that runs the command to its end: exit code, stdout and stderr."""

    def finish(*arguments, piped=""):
        process = start(*arguments)
        out, err = process.communicate(piped.encode(), timeout=PATIENCE)
        return process.returncode, out.decode(), err.decode()

    return finish


@pytest.fixture
def call(folder, capsys, monkeypatch):
    """Return a function that does the same in this process, which is much faster."""

    def call(*arguments, piped=""):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode()), encoding="utf-8")
        )
        with pytest.raises(SystemExit) as left:
            main(arguments)
        return left.value.code, *capsys.readouterr()

    return call
