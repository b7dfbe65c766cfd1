import re
import signal
import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("signals and terminals of POSIX", allow_module_level=True)

from .conftest import PATIENCE
from .screen import CTRL_C, Screen

pytestmark = pytest.mark.slow

BLOCK = '''
import time

def block(text: str) -> str:
    """Block."""
    print("blocking", flush=True)
    time.sleep(60)
'''


@pytest.mark.parametrize("scenario", ["stall", "stall-headers", "slow"])
def test_ctrl_c_closes_the_request_and_reports(start, reachable, scenario):
    """Ctrl-C closes the request, however silent, prints the cost, and exits with 130."""
    process = start("run", "-m", f"openai:{scenario}", "hi")
    reachable.wait_request(timeout=PATIENCE)
    if scenario != "stall-headers":
        reachable.wait_sent(2, timeout=PATIENCE)
    process.send_signal(signal.SIGINT)
    reachable.wait_hang_up(timeout=PATIENCE)
    _, err = process.communicate(timeout=PATIENCE)

    assert 130 == process.returncode
    assert ["✗ The run was cancelled: interrupted", "  1 step"] == [
        line.partition(" · ")[0] for line in err.decode().splitlines()
    ]


def test_json_reports_ctrl_c(start, reachable):
    """The last line of JSON says that the run was cancelled."""
    process = start("run", "-m", "openai:stall", "--json", "hi")
    reachable.wait_sent(2, timeout=PATIENCE)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)

    assert 130 == process.returncode
    assert b'"kind":"RunCancelled"' in out.splitlines()[-1]


def test_ctrl_c_does_not_wait_for_a_tool_that_blocks(start, reachable, folder):
    """A thread cannot be stopped, but the process can end."""
    (folder / "tools.py").write_text(BLOCK, encoding="utf-8")
    process = start("run", "-m", "openai:demo", "-t", "tools:block", "hi")
    assert b"blocking\n" == process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    assert 130 == process.returncode
    assert "not finished\n✗ The run was cancelled: interrupted" in err.decode()


def test_a_second_ctrl_c_leaves_at_once(start, reachable, folder):
    """A second Ctrl-C ends the process, also when its patience with open work has no end."""
    endless = "import rxagent.cli.leaving\n\nrxagent.cli.leaving._PATIENCE = float('inf')\n"
    (folder / "tools.py").write_text(endless + BLOCK, encoding="utf-8")
    process = start("run", "-m", "openai:demo", "-t", "tools:block", "hi")
    assert b"blocking\n" == process.stdout.readline()
    process.send_signal(signal.SIGINT)
    while b"cancelled" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)

    assert 130 == process.wait(PATIENCE)


def test_a_timeout_does_not_wait_for_a_tool_that_blocks(finish, reachable, folder):
    """The command ends soon after --timeout, whatever still runs."""
    (folder / "tools.py").write_text(BLOCK, encoding="utf-8")

    code, _, err = finish("run", "-m", "openai:demo", "-t", "tools:block", "--timeout", "0.2", "hi")
    assert 124 == code
    assert "it took longer than 0.2 s" in err


@pytest.mark.parametrize(
    ("option", "stderr"), [("--json", subprocess.PIPE), ("--plain", subprocess.STDOUT)]
)
def test_a_reader_that_leaves_ends_the_run_quietly(start, reachable, option, stderr):
    """`| head` cancels the run, without an error about the broken pipe."""
    process = start("run", "-m", "openai:slow", option, "hi", stderr=stderr)
    process.stdout.readline()
    reachable.wait_sent(2, timeout=PATIENCE)
    process.stdout.close()
    reachable.wait_hang_up(timeout=PATIENCE)

    assert 1 == process.wait(PATIENCE)
    assert stderr == subprocess.STDOUT or b"" == process.stderr.read()


def test_a_terminal_sees_the_answer_as_it_comes(start, reachable):
    """In a terminal each piece is on the screen before the answer ends."""
    screen = Screen(start, "run", "-m", "openai:stall", "hi")
    screen.read_until("Hello from")
    screen.type(CTRL_C)
    seen = screen.read_all()

    assert 130 == screen.process.returncode
    assert "Hello from" in seen
    assert seen.index("Hello from") < seen.index("✗ The run was cancelled: interrupted")


def test_a_terminal_is_only_ever_added_to(start):
    """Only the status line is ever erased."""
    seen = Screen(start, "demo").read_all()
    codes = set(re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", seen))

    assert {"\x1b[2K"} == {code for code in codes if not code.endswith("m")}
    assert "· thinking" in seen
    kept = re.sub(r"\x1b\[[0-9;]*m", "", re.sub(r"· [^\n]*?\r\x1b\[2K", "", seen))
    assert re.search(r"● add\(a=2, b=3\) +\d\.\d s\n  └ 5\nThe answer is 5.\n  2 steps", kept)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_may_ask_for_no_colour(start, environment):
    """NO_COLOR and TERM=dumb turn colours off in a terminal, too."""
    seen = Screen(start, "demo", **environment).read_all()

    assert set() == set(re.findall(r"\x1b\[[0-9;]*m", seen))
    assert ("TERM" in environment) is ("\x1b" not in seen)
