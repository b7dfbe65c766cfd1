"""Fixtures for the tests of the command line: the command as a process, and a server."""

import io
import os
import subprocess
import sys

import pytest

from rxagent.cli import main
from rxagent.models.hosts import HOSTS
from rxagent.testing.server import ScriptedServer

from ..conftest import ENVIRONMENT

PATIENCE = 100.0
"""Seconds after which a process that does not end has failed the test, on a busy machine too."""

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
def fresh(folder):
    """Return a function that starts the command in a fresh interpreter, which takes seconds.

    It is killed at the end of the test. In a terminal, its stdin becomes the terminal that
    controls it. A shell in between is a command that runs the one in its arguments.
    """
    started = []

    def fresh(*arguments, before=(), terminal=False, shell=(), **options):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        if terminal:
            before = (*before, sys.executable, "-c", _TAKE_THE_TERMINAL)
            options["start_new_session"] = True
        command = [*before, *shell, sys.executable, "-W", "error", "-m", "rxagent", *arguments]
        process = subprocess.Popen(command, **{**pipes, **options})
        started.append(process)
        return process

    yield fresh
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def start(request, folder, fresh):
    """Return a function that starts the command, at once where the system can fork."""
    started = []

    def start(*arguments, **options):
        started.append(request.getfixturevalue("warm").start(*arguments, **options))
        return started[-1]

    yield start if hasattr(os, "fork") else fresh
    for process in started:
        process.close()


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
