"""A conversation as it is held at a terminal."""

import math
import signal
import sys
import threading

import pytest

if sys.platform == "win32":
    pytest.skip("signals and terminals of POSIX", allow_module_level=True)

from rxagent.cli.editor import History, history_path
from rxagent.testing.frames import said_by, saying, text_chunk
from rxagent.testing.scripts.answers import plain

from .conftest import PATIENCE
from .emulator import Emulator
from .screen import CTRL_C, CTRL_D, UP, Screen

HELLO = "Hello from the scripted model."
AGAIN = "Ctrl-C again leaves."


@pytest.fixture
def talk(start, reachable):
    """Return a function that begins a conversation, and returns the screen at its first prompt."""

    def talk(scenario, *arguments, TERM="dumb", **options):
        model = f"openai:{scenario}"
        screen = Screen(start, "chat", "-m", model, *arguments, TERM=TERM, **options)
        screen.read_until("> ")
        return screen

    return talk


@pytest.fixture
def halting(reachable):
    """Return a scenario that stops halfway through its first answer, and answers what follows."""

    def halting(body):
        if said_by(body, "assistant"):
            return plain(body)
        return [text_chunk("Hello"), text_chunk(" from"), math.inf]

    reachable.scenario("halting", halting)
    return "halting"


def messages(request):
    """Return the roles and texts in a request, without the system's."""
    return [(message["role"], message["content"]) for message in request.body["messages"][1:]]


def test_two_turns_have_one_memory(talk, reachable):
    """The model receives the earlier turn again, and Ctrl-D leaves."""
    screen = talk("plain")
    for said in ("one", "two"):
        screen.type(f"{said}\r")
        screen.read_until(HELLO, "1 step · ", "> ")
    screen.type(CTRL_D)
    seen = screen.read_all()

    assert 0 == screen.process.returncode
    assert seen.startswith("Chatting with openai:plain; /help lists the commands.\n\n> one\n")
    assert seen.endswith("\n\n> \n")
    assert [("user", "one"), ("assistant", HELLO), ("user", "two")] == messages(
        reachable.requests[1]
    )


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_what_was_entered_before_the_first_prompt_is_sent(start, reachable, term):
    """A line typed while the command starts had its Enter; it is a message of its own."""
    screen = Screen(start, "chat", "-m", "openai:plain", typed="one\r", TERM=term)
    screen.read_until(HELLO, "> ")
    screen.type("two\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    said = [("user", "one"), ("assistant", HELLO), ("user", "two")]
    assert said == messages(reachable.requests[1])


def test_ctrl_c_stops_the_answer_and_keeps_its_text(talk, halting, reachable):
    """The request is closed, the prompt is back, and the model receives half its answer."""
    screen = talk(halting)
    screen.type("one\r")
    screen.read_until("Hello from")
    screen.type(CTRL_C)
    reachable.wait_hang_up(timeout=PATIENCE)
    screen.read_until("✗ The run was cancelled: interrupted", "The text so far is kept.", "> ")
    screen.type("two\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert 0 == screen.process.returncode
    assert [("user", "one"), ("assistant", "Hello from"), ("user", "two")] == messages(
        reachable.requests[1]
    )


def test_a_line_typed_during_an_answer_cuts_it(talk, halting, reachable):
    """With --steer switch, Enter closes the request; the next one has what was said until then."""
    screen = talk(halting, "--steer", "switch")
    screen.type("one\r")
    screen.read_until("Hello from")
    screen.type("twi\x7fo\r")
    reachable.wait_hang_up(timeout=PATIENCE)
    screen.read_until("› two", HELLO, "2 steps", "> ")
    screen.type(UP)
    screen.read_until("two")
    screen.interrupt("> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert 0 == screen.process.returncode
    assert [("user", "one"), ("assistant", "Hello from"), ("user", "two")] == messages(
        reachable.requests[1]
    )


def gated(reachable):
    """Let the model "gated" stop within its first answer; return the event it waits for."""
    gate = threading.Event()

    def script(body):
        if said_by(body, "assistant"):
            yield from plain(body)
            return
        yield text_chunk("Well")
        while not gate.is_set():
            yield 0.01
        yield from saying(body, [text_chunk(", done.")])

    reachable.scenario("gated", script)
    return gate


def test_a_line_typed_during_an_answer_is_read_after_it(talk, reachable):
    """Without --steer, the answer goes on, and a second one follows in the same run."""
    gate = gated(reachable)
    screen = talk("gated", "--plain")
    screen.type("one\r")
    screen.read_until('text="Well"')
    screen.type("two\r")
    screen.read_until("MessageReceived", '"two"')
    gate.set()
    screen.read_until('text=", done."', "StepStarted number=2", HELLO, "RunCompleted", "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert [("user", "one"), ("assistant", "Well, done."), ("user", "two")] == messages(
        reachable.requests[1]
    )


def test_what_is_typed_during_an_answer_is_shown_below_it(talk, reachable):
    """Each key is shown while the text arrives, Enter too; it is said, and then shown above."""
    gate = gated(reachable)
    screen = talk("gated", TERM="xterm")
    screen.type("one\r")
    screen.read_until("Well")
    for keys, line in (("tw", "› tw"), ("x\x7fo", "› two"), ("\r", "› two ✓")):
        screen.type(keys)
        screen.read_until(f"\r\n{line}")
    gate.set()
    screen.read_until(", done.", "› two", HELLO, "2 steps", "> ")
    screen.type(CTRL_D)
    seen = screen.read_all()
    emulator = Emulator(80, 24)
    emulator.feed(seen)

    at = emulator.lines.index("Well, done.")

    assert ["Well, done.", "› two", HELLO] == emulator.lines[at : at + 3]
    assert ("user", "two") == messages(reachable.requests[1])[-1]


def test_a_second_ctrl_c_leaves(talk, halting):
    """The first one has stopped the answer, so the next one ends the command."""
    screen = talk(halting)
    screen.type("one\r")
    screen.read_until("Hello from")
    screen.interrupt(AGAIN, "> ")
    screen.leave()

    assert 130 == screen.process.returncode


def test_ctrl_c_drops_what_is_typed_before_it_leaves(talk, reachable):
    """One drops a line or the lines of a block, one prints what the next one does, one leaves."""
    screen = talk("plain")
    screen.type("half a li")
    screen.read_until("half a li")
    screen.interrupt("> ")
    for line in ('"""\r', "more\r"):
        screen.type(line)
        screen.read_until(". ")
    screen.interrupt("> ")
    assert AGAIN not in screen.seen
    screen.interrupt(AGAIN, "> ")
    screen.type("one\r")
    screen.read_until(HELLO, "> ")
    screen.interrupt(AGAIN, "> ")
    screen.leave()

    assert 130 == screen.process.returncode
    assert [[("user", "one")]] == [messages(request) for request in reachable.requests]


def test_a_tool_that_blocks_does_not_hold_the_prompt(talk, folder):
    """Its thread cannot be stopped, but the conversation continues."""
    (folder / "tools.py").write_text(
        'import time\n\ndef block(text: str) -> str:\n    """Block."""\n'
        '    print("blocking", flush=True)\n    time.sleep(60)\n',
        encoding="utf-8",
    )
    screen = talk("demo", "-t", "tools:block", "--yes")
    screen.type("one\r")
    screen.read_until("blocking")
    screen.interrupt("not finished", "> ")
    screen.type("two\r")
    screen.read_until("The answer is Interrupted.", "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert 0 == screen.process.returncode


def test_lines_pasted_together_are_one_message(talk, reachable):
    """The marks of a paste are understood."""
    screen = talk("plain", TERM="xterm")
    screen.type("\x1b[200~one\rtwo\x1b[201~\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert "one\ntwo" == messages(reachable.requests[0])[-1][1]


def test_tab_completes_commands(talk, reachable):
    """The unique start of a command's name is enough."""
    screen = talk("plain")
    screen.type("/re\t\r")
    screen.read_until("/reset", "The conversation is forgotten.", "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert [] == reachable.requests


def test_what_was_typed_before_comes_back(talk, folder, reachable):
    """The arrow keys bring back messages of earlier conversations, of several lines too."""
    path = history_path()
    History(path).add("one \ntwo")
    screen = talk("plain")
    screen.type(UP + "\r")
    screen.read_until(HELLO, "> ")
    screen.type("three\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert "one \ntwo" == messages(reachable.requests[0])[-1][1]
    assert ["one \ntwo", "three"] == list(History(path))


@pytest.mark.parametrize("way", ["--no-history", "environment", "settings"])
def test_the_history_can_be_switched_off(talk, folder, reachable, way):
    """With a flag, a variable or a setting the file is neither read nor written."""
    path = history_path()
    History(path).add("before")
    if way == "settings":
        (folder / "rxagent.toml").write_text("history = false\n", encoding="utf-8")
    variable = {"RXAGENT_HISTORY": "false"} if way == "environment" else {}
    screen = talk("plain", *([way] if way.startswith("--") else []), **variable)
    screen.type(UP + "one\r")
    screen.read_until(HELLO, "> ")
    screen.type(UP + "\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert ["one", "one"] == [messages(request)[-1][1] for request in reachable.requests]
    assert ["before"] == list(History(path))


def test_the_history_can_be_switched_on_again(talk, folder, reachable):
    """The flag overrides the variable, which overrides the file."""
    (folder / "rxagent.toml").write_text("history = false\n", encoding="utf-8")
    screen = talk("plain", "--history")
    screen.type("one\r")
    screen.read_until(HELLO, "> ")
    screen.type(CTRL_D)
    screen.read_all()

    assert ["one"] == list(History(history_path()))


def test_it_works_without_readline(talk, folder, reachable):
    """A conversation works in a Python without readline."""
    (folder / "readline.py").write_text("raise ImportError('none here')\n", encoding="utf-8")
    screen = talk("plain")
    screen.type("one\n")
    screen.read_until(HELLO, "> ")
    screen.interrupt(AGAIN, "> ")
    screen.leave()

    assert 130 == screen.process.returncode
    assert 1 == len(reachable.requests)


def test_answers_can_be_redirected(talk, folder, reachable):
    """With stdout redirected, only the answers go there."""
    with (folder / "answers").open("wb") as answers:
        screen = talk("plain", stdout=answers)
    screen.type("one\n")
    screen.read_until("1 step · ", "> ")
    screen.type(CTRL_D)
    seen = screen.read_all()

    assert f"{HELLO}\n" == (folder / "answers").read_text(encoding="utf-8")
    assert HELLO not in seen


def test_ctrl_c_ends_a_conversation_from_a_pipe(start, reachable):
    """From a pipe nothing more is read: one Ctrl-C is enough."""
    process = start("chat", "-m", "openai:stall")
    process.stdin.write(b"one\ntwo\n")
    process.stdin.flush()
    reachable.wait_sent(2, timeout=PATIENCE)
    process.send_signal(signal.SIGINT)
    reachable.wait_hang_up(timeout=PATIENCE)

    assert 130 == process.wait(PATIENCE)
    assert 1 == len(reachable.requests)
