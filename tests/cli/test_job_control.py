"""A conversation that a shell stops and continues, and one that is killed."""

import re
import shutil
import signal
import subprocess
import sys
import termios
from functools import partial

import pytest

if sys.platform == "win32":
    pytest.skip("signals and terminals of POSIX", allow_module_level=True)

from .screen import CTRL_D, Screen

CTRL_Z = "\x1a"
HELLO = "Hello from the scripted model."
SHELL = (
    shutil.which("bash"),
    "--norc",
    "-m",
    "-c",
    '"$@"; echo "it ended with $?"; read; fg >/dev/null',
    "bash",
)
"""A shell that waits for Enter when its job is stopped, and continues the job then."""
STOPPED = f"it ended with {128 + signal.SIGTSTP}"

AMID_A_WRITE = """
import io, os, signal, sys

from rxagent.cli.terminal import Tty


class Terminal(io.FileIO):
    def write(self, data):
        written = super().write(data)
        if b"half" in bytes(data):
            os.kill(os.getpid(), int(sys.argv[1]))
        return written


screen = io.TextIOWrapper(io.BufferedWriter(Terminal(1, "w", closefd=False)), "utf-8")
with Tty(screen).held():
    screen.write("half a line")
    screen.flush()
    screen.write(", and the rest")
    screen.flush()
"""
"""A program that is given a signal while it writes to its terminal."""


@pytest.fixture(autouse=True)
def _signals():
    """Let commands be killed by a signal that `nohup` lets the tests ignore."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(params=["readline", "no readline"])
def talk(request, fresh, folder, reachable):
    """Return a function that begins a conversation, with each kind of line."""

    def talk(**options):
        if request.param == "no readline":
            (folder / "readline.py").write_text("raise ImportError('none')\n", encoding="utf-8")
        screen = Screen(partial(fresh, **options), "chat", "-m", "openai:plain")
        screen.read_until("> ")
        return screen

    return talk


def is_plain(screen):
    """Return whether the terminal has line mode and echo."""
    return termios.tcgetattr(screen.primary)[3] & (termios.ICANON | termios.ECHO) == (
        termios.ICANON | termios.ECHO
    )


def test_a_shell_gets_the_terminal_while_the_command_is_stopped(talk, reachable):
    """Ctrl-Z gives the terminal back, and what is typed after `fg` is not cut."""
    screen = talk(shell=SHELL)
    screen.type("half a ")
    screen.read_until("half a ")
    screen.press_until(CTRL_Z, STOPPED)
    assert is_plain(screen)
    screen.type("\n")
    screen.read_until("> half a ")
    assert not is_plain(screen)
    long = "line " * 1200
    for start in range(0, len(long), 600):  # less than a terminal's buffer
        screen.type(long[start : start + 600])
        screen.read_until("line")
    screen.type("end\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    (request,) = reachable.requests
    assert f"half a {long}end" == request.body["messages"][-1]["content"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_killed_command_leaves_a_plain_terminal(talk, number):
    """A signal that ends the command finds the terminal restored, and its own exit status."""
    screen = talk()
    assert not is_plain(screen)
    screen.wait_until_it_sleeps()
    screen.process.send_signal(number)
    screen.process.wait()

    assert (True, -number) == (is_plain(screen), screen.process.returncode)
    screen.read_all()


@pytest.mark.parametrize(
    ("number", "code", "rest"),
    [
        (signal.SIGTERM, -signal.SIGTERM, ""),
        (signal.SIGHUP, -signal.SIGHUP, ""),
        (signal.SIGTSTP, 0, ", and the rest"),  # a process without a shell is not stopped
    ],
)
def test_a_signal_amid_a_write_to_the_terminal(number, code, rest):
    """The buffer of the stream is in use then, so the terminal is restored past it."""

    def start(*arguments, terminal, **options):
        program = [sys.executable, "-c", AMID_A_WRITE, *arguments]
        return subprocess.Popen(program, start_new_session=terminal, **options)

    screen = Screen(start, str(int(number)))
    seen = screen.read_all()

    assert code == screen.process.returncode
    assert f"half a line{rest}" == re.sub("\x1b\\[[?]2004.", "", seen)
