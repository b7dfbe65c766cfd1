"""Ctrl-C at any moment of the start."""

import os
import signal
import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("signals of POSIX", allow_module_level=True)

from .conftest import PATIENCE

pytestmark = pytest.mark.slow

IMPORTS = [
    "rxagent.cli.leaving",
    "click.core",
    "rxagent.cli.options",
    "rxagent.cli.app",
    "attr._make",
    "reactivex",
    "pydantic_core",
    "rxagent.agents",
    "openai._models",
]


@pytest.mark.parametrize("module", IMPORTS)
@pytest.mark.parametrize("command", ["run", "chat", "script"])
def test_ctrl_c_while_modules_are_imported_is_130(folder, reachable, module, command):
    """Whatever is being imported at Ctrl-C, the exit code is 130, without a traceback."""
    arguments = ["-m", "rxagent", command, "-m", "openai:stall"]
    if command == "script":  # what pip installs as `rxagent`
        program = "import sys; from rxagent.cli import main; sys.exit(main(sys.argv[1:]))"
        arguments = ["-c", program, "run", "-m", "openai:stall"]
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *arguments, *(["hi"] if command != "chat" else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        if command == "chat":
            process.stdin.write(b"hi\n")
            process.stdin.flush()
        seen = b""
        for line in process.stderr:
            seen += line
            if line.rpartition(b"|")[2].strip().decode() == module:
                break
        process.send_signal(signal.SIGINT)
        seen += process.stderr.read()
        code = process.wait(PATIENCE)

    assert 130 == code
    assert b"Traceback" not in seen
    assert b"Exception ignored" not in seen


def test_an_interrupt_that_is_ignored_stays_ignored(fresh, reachable):
    """Ctrl-C does not end a command that a shell started in the background with Ctrl-C ignored."""
    process = fresh(
        "run", "-m", "openai:stall", "hi", before=("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
    )
    reachable.wait_sent(2, timeout=PATIENCE)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)

    assert -signal.SIGTERM == process.wait(PATIENCE)
