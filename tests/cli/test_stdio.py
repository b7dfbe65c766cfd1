"""Standard streams that are closed, full or cut."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack

import pytest

if sys.platform == "win32":
    pytest.skip("shells and devices of POSIX", allow_module_level=True)

from .conftest import PATIENCE

pytestmark = pytest.mark.slow

HELLO = b"Hello from the scripted model.\n"
COMMANDS = {
    "run": ["run", "-m", "openai:plain", "hi"],
    "run --json": ["run", "--json", "-m", "openai:plain", "hi"],
    "run --plain": ["run", "--plain", "-m", "openai:plain", "hi"],
    "chat": ["chat", "-m", "openai:plain"],
    "models": ["models"],
    "draw": ["draw", "hello.marble"],
    "demo": ["demo"],
    "help": ["run", "--help"],
    "version": ["--version"],
}
NAMES = ["stdin", "stdout", "stderr"]
MAIN = ["run", "run --plain", "chat", "models", "draw", "demo"]
EACH = ("run", "chat")
"""The commands that meet each redirection; all of them meet one."""
MARBLE = "model: --'Hel'--'lo'--|\n> model.pipe(ops.text())\nout:   --'Hel'--'lo'--|\n"


def pairs(commands, usual, *others):
    """Return each command with the usual redirection, and some of them with the others."""
    rare = [(command, other) for other in others for command in EACH]
    return [*((command, usual) for command in commands), *rare]


def redirected(redirections, stack):
    """Return the streams by name, as a shell redirects them; a closed one is None.

    `>|` stands for a pipe whose reader has left, as in `| head`.
    """
    streams = {}
    for redirection in redirections.split():
        number, sign, target = re.fullmatch(r"(\d?)([<>])(\S+)", redirection).groups()
        name = NAMES[int(number or "<>".index(sign))]
        if target == "&-":
            streams[name] = None
        elif target[0] == "&":
            streams[name] = streams[NAMES[int(target[1])]]
        elif target == "|":
            reading, writing = os.pipe()
            os.close(reading)
            streams[name] = stack.enter_context(os.fdopen(writing, "wb"))
        else:
            file = open(target, "rb" if sign == "<" else "wb")  # noqa: SIM115  # the stack closes it
            streams[name] = stack.enter_context(file)
    return streams


@pytest.fixture
def shell(folder, reachable, start):
    """Return a function that runs a command with redirections of a shell.

    It starts at once; that a fresh interpreter does the same is a test of its own.
    """
    (folder / "hello.marble").write_text(MARBLE, encoding="utf-8")

    def shell(arguments, redirections, piped="one\ntwo\n"):
        (folder / "in").write_text(piped, encoding="utf-8")
        with ExitStack() as stack:
            process = start(*arguments, **redirected(f"<in >out 2>err {redirections}", stack))
            code = process.wait(PATIENCE)
        err = (folder / "err").read_text(encoding="utf-8")
        assert "Traceback" not in err
        assert "Exception ignored" not in err
        return code, (folder / "out").read_bytes(), err

    return shell


@pytest.mark.parametrize(("command", "redirection"), pairs(MAIN, "2>/dev/full", "2>&-", "2>|"))
def test_stderr_may_be_lost(shell, command, redirection):
    """Losing the comments loses neither the answer nor its exit code."""
    code, out, err = shell(COMMANDS[command], redirection)

    assert (0, "") == (code, err)
    assert out
    if command in ("run", "run --plain"):
        assert HELLO == out
    if command == "chat":
        assert 2 * HELLO == out


@pytest.mark.parametrize(
    ("command", "redirection"), pairs(COMMANDS, ">/dev/full", ">&-", "</dev/null 1<&0")
)
def test_stdout_that_cannot_be_written_is_an_error(shell, command, redirection):
    """When the answer cannot be written, the command says so on stderr, and fails."""
    code, _, err = shell(COMMANDS[command], redirection)
    if command == "chat" and "<" in redirection:
        return  # there are no messages, so there is nothing to write

    assert 1 == code
    assert err.splitlines()[-1].startswith("Error: Stdout cannot be written: ")
    assert err.splitlines()[-1].endswith(". Redirect it to a file or pipe that can.")


@pytest.mark.parametrize("command", ["run", "chat"])
def test_a_closed_stdout_sends_no_request(shell, reachable, command):
    """The user does not pay for an answer that cannot be printed."""
    shell(COMMANDS[command], ">&-")

    assert [] == reachable.requests


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_may_leave(shell, command):
    """When the pipe has no reader, there is no error text: the exit code says that it was cut."""
    code, out, err = shell(COMMANDS[command], ">|")

    assert (1, b"") == (code, out)
    assert "Error" not in err


FRESH = ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full", ">/dev/full 2>&1"]


@pytest.mark.parametrize("redirection", [*FRESH, "</dev/null 1<&0", "| true"])
def test_a_fresh_interpreter_does_the_same(shell, folder, redirection):
    """Streams that a shell redirects before the interpreter starts have the same effect."""
    command = shlex.join([sys.executable, "-W", "error", "-m", "rxagent", *COMMANDS["draw"]])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} {redirection}"],
        input=b"",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    found = done.returncode, done.stdout, done.stderr.decode()
    if redirection == "| true":  # which may live longer than the command
        assert found in ((0, b"", ""), (1, b"", ""))
    else:
        assert shell(COMMANDS["draw"], redirection) == found


@pytest.mark.parametrize(("command", "redirection"), pairs(MAIN, "<&- >&- 2>&-", ">/dev/full 2>&1"))
def test_everything_may_be_lost(shell, command, redirection):
    """Without any stream only the exit code is left, and it is not that of a crash."""
    code, out, err = shell(COMMANDS[command], redirection)

    assert (b"", "") == (out, err)
    assert code in (1, 2)


@pytest.mark.parametrize("command", [name for name in MAIN if name != "chat"])
def test_a_task_needs_no_stdin(shell, command):
    """A task on the command line is done, though stdin is closed."""
    code, out, err = shell(COMMANDS[command], "<&-")

    assert 0 == code
    assert out
    assert "Error" not in err


@pytest.mark.parametrize(
    "arguments", [["run", "-m", "openai:plain"], ["chat", "-m", "openai:plain"], ["draw", "-"]]
)
def test_reading_a_closed_stdin_is_wrong_usage(shell, arguments):
    """A command that has to read stdin fails with a sentence."""
    code, out, err = shell(arguments, "<&-")

    assert (2, b"") == (code, out)
    assert err.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize("arguments", [["run", "-m", "openai:plain"], ["draw", "-"]])
def test_a_stdin_that_cannot_be_read_is_an_error(shell, arguments):
    """A file that is open only for writing gives no traceback."""
    code, _, err = shell(arguments, "0>away.txt")

    assert code in (1, 2)
    assert err.splitlines()[-1].startswith("Error: ")


def test_no_file_gets_the_number_of_a_closed_stream(folder, reachable):
    """A tool that writes to descriptor 1 does not write to a socket that has its number."""
    (folder / "tools.py").write_text(
        "import os\n\n"
        "def number(text: str) -> str:\n"
        '    """Return the files of the descriptors 0 to 2."""\n'
        "    return ', '.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3))\n",
        encoding="utf-8",
    )
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("/proc is Linux's")
    command = f"{sys.executable} -m rxagent run -m openai:demo -t tools:number hi 0<&- 2>&-"
    done = subprocess.run(
        ["bash", "-c", command], stdout=subprocess.PIPE, timeout=PATIENCE, check=False
    )

    assert b"/dev/null" in done.stdout
    assert 2 == done.stdout.count(b"/dev/null")


def test_a_picture_in_a_file_needs_no_stdout(shell, folder):
    """A command that prints nothing works without stdout."""
    assert 0 == shell(["draw", "hello.marble", "-o", "hello.svg"], ">&-")[0]
    assert "<svg" in (folder / "hello.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_terminal_that_goes_away_ends_the_command(fresh, reachable, command):
    """When the terminal is gone and its signal ignored, the exit code is not that of a crash."""
    import pty

    primary, secondary = pty.openpty()
    process = fresh(
        *COMMANDS[command],
        before=("sh", "-c", "trap '' HUP; exec \"$@\"", "sh"),
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    os.close(primary)

    assert process.wait(PATIENCE) in (0, 1)
