"""Text that is pasted into a conversation, and text that is typed before the prompt."""

import math
import os
import sys
import threading

import pytest

if sys.platform == "win32":
    pytest.skip("terminals of POSIX", allow_module_level=True)

from rxagent.testing.frames import said_by, saying, text_chunk
from rxagent.testing.scripts.answers import plain

from .conftest import PATIENCE
from .screen import CTRL_C, CTRL_D, Screen

HELLO = "Hello from the scripted model."
LINE_MODE = "\x1b[?2004l"
"""The sequence that a terminal receives when its line mode is back."""

BEGIN, END = "\x1b[200~", "\x1b[201~"

LINES = [f"line {number} of what was pasted" for number in range(200)]


@pytest.fixture(params=["xterm", "dumb", "no readline", "redirected"])
def talk(request, start, folder, reachable):
    """Return a function that begins a conversation in each kind of terminal."""

    def talk(scenario):
        options = {"TERM": "dumb" if request.param == "dumb" else "xterm"}
        if request.param == "no readline":
            (folder / "readline.py").write_text("raise ImportError('none')\n", encoding="utf-8")
        if request.param == "redirected":
            options["stdout"] = nowhere
        screen = Screen(start, "chat", "-m", f"openai:{scenario}", **options)
        screen.read_until("> ")
        return screen

    with open(os.devnull, "wb") as nowhere:
        yield talk


@pytest.fixture
def serialize_on_run(reachable):
    """Return a scenario whose first answer continues when the event is set, and that event."""
    gate = threading.Event()

    def serialize_on_run(body):
        if said_by(body, "assistant"):
            return plain(body)
        return saying(body, [text_chunk("Well"), gate, text_chunk(", done.")])

    reachable.scenario("gated", serialize_on_run)
    return "gated", gate


@pytest.fixture
def endless(reachable):
    """Return a scenario that stops halfway through its first answer, and answers what follows."""

    def endless(body):
        if said_by(body, "assistant"):
            return plain(body)
        return [text_chunk("Well"), math.inf]

    reachable.scenario("endless", endless)
    return "endless"


def latest(server):
    """Return the latest message of each request."""
    return [request.body["messages"][-1]["content"] for request in server.requests]


def leave(screen):
    """Leave the conversation at its prompt, and return the whole screen."""
    screen.type(CTRL_D)
    seen = screen.read_all()
    assert 0 == screen.process.returncode
    return seen


@pytest.mark.parametrize("marked", [True, False])
def test_what_is_pasted_at_the_prompt_is_one_message(talk, reachable, marked):
    """All lines are sent together, once, whether the terminal marks a paste or not."""
    screen = talk("plain")
    # What is not marked has to arrive at once: it fits into the terminal's buffer.
    lines = LINES if marked else LINES[:100]
    text = "\r".join(lines)
    screen.type(f"{BEGIN}{text}{END}\r" if marked else f"{text}\r")
    screen.read_until("1 step · ", "> ")
    leave(screen)

    assert ["\n".join(lines)] == latest(reachable)


def test_a_paste_without_an_end_waits_for_enter(talk, reachable):
    """The last line of a paste can be continued when it has no end."""
    screen = talk("plain")
    screen.type("one\rtwo\rthr")
    screen.read_until("two", "thr")
    screen.type("ee\r")
    screen.read_until("1 step · ", "> ")
    leave(screen)

    assert ["one\ntwo\nthree"] == latest(reachable)


def test_a_line_may_be_longer_than_the_terminal_s_buffer(talk, reachable):
    """A terminal in its line mode would cut it at 4,095 bytes."""
    screen = talk("plain")
    for _ in range(100):
        screen.type("0123456789" * 10)
    screen.type("\r")
    screen.read_until("1 step · ", "> ")
    leave(screen)

    assert ["0123456789" * 1000] == latest(reachable)


@pytest.mark.parametrize("marked", [True, False])
def test_a_paste_during_an_answer_waits_for_enter(talk, serialize_on_run, reachable, marked):
    """It appears in the next line, whole; Enter alone sends it, as one message."""
    scenario, gate = serialize_on_run
    screen = talk(scenario)
    screen.type("one\r")
    reachable.wait_sent(1, timeout=PATIENCE)
    text = "\r".join(LINES) + "\r"
    for at in range(0, len(text), 1000):
        piece = text[at : at + 1000]
        screen.type(f"{BEGIN}{piece}{END}" if marked else piece)
    gate.set()
    screen.read_until("1 step · ", "> ", LINES[-1])
    assert ["one"] == latest(reachable)
    screen.type("\r")
    screen.read_until("1 step · ", "> ")
    leave(screen)

    assert ["one", "\n".join(LINES)] == latest(reachable)


def test_what_is_typed_ahead_can_be_edited_and_dropped(talk, serialize_on_run, reachable):
    """Backspace and Ctrl-U mean what they mean in a line, and Ctrl-C drops what waits."""
    scenario, gate = serialize_on_run
    screen = talk(scenario)
    screen.type("one\r")
    reachable.wait_sent(1, timeout=PATIENCE)
    screen.type("nonsense\x15twu\x7fo\x1b[D")
    gate.set()
    screen.read_until("1 step · ", "Typed ahead: Enter sends it, Ctrl-C drops it.", "> ", "two")
    screen.interrupt("> ")
    screen.type("three\r")
    screen.read_until("1 step · ", "> ")
    leave(screen)

    assert ["one", "three"] == latest(reachable)


def test_ctrl_c_gets_through_a_long_paste(talk, endless, reachable):
    """However much is pasted during an answer, Ctrl-C stops it, and nothing is sent."""
    screen = talk(endless)
    screen.type("one\r")
    reachable.wait_sent(1, timeout=PATIENCE)
    for _ in range(40):
        screen.type("x" * 999 + "\r")
    screen.type(CTRL_C)
    reachable.wait_hang_up(timeout=PATIENCE)
    screen.read_until("The run was cancelled", "> ")
    screen.interrupt("> ")
    leave(screen)

    assert ["one"] == latest(reachable)


def test_ctrl_d_typed_ahead_leaves(talk, serialize_on_run, reachable):
    """Ctrl-D during an answer leaves at its end."""
    scenario, gate = serialize_on_run
    screen = talk(scenario)
    screen.type("one\r")
    reachable.wait_sent(1, timeout=PATIENCE)
    screen.type(CTRL_D)
    gate.set()
    screen.read_all()

    assert 0 == screen.process.returncode


def test_a_tool_may_read_a_line(start, folder, reachable):
    """A tool reads by `input` what is typed after its prompt; it is shown, and is no message."""
    (folder / "tools.py").write_text(
        'def ask(text: str) -> str:\n    """Ask."""\n    return input("Really? ").upper()\n',
        encoding="utf-8",
    )
    screen = Screen(start, "chat", "-m", "openai:demo", "-t", "tools:ask", "--yes")
    screen.read_until("> ")
    screen.type("one\r")
    screen.read_until("Really? ", LINE_MODE)
    screen.type("oh yes\r")
    screen.read_until("oh yes", "OH YES", "2 steps", "> ")
    leave(screen)


def modes(screen):
    """Return the modes of a terminal."""
    import termios

    return termios.tcgetattr(screen.primary)


@pytest.mark.parametrize("presses", [1, 2])
def test_the_terminal_is_left_as_it_was(start, reachable, endless, folder, presses):
    """However the command ends, line mode and echo are back."""
    (folder / "tools.py").write_text(
        'import time\n\ndef block(text: str) -> str:\n    """Block."""\n'
        '    print("blocking", flush=True)\n    time.sleep(60)\n',
        encoding="utf-8",
    )
    screen = Screen(start, "chat", "-m", "openai:demo", "-t", "tools:block", "--yes")
    before = modes(screen)
    screen.read_until("> ")
    screen.type("one\r")
    screen.read_until("blocking")
    assert before != modes(screen)
    if presses == 1:
        screen.interrupt("> ")
        screen.type(CTRL_D)
    else:
        screen.type(CTRL_C)
        screen.read_until("cancelled")
        screen.press_until_it_ends(CTRL_C)
    screen.process.wait(PATIENCE)

    assert before == modes(screen)
    screen.read_all()
