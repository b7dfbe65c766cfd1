"""A conversation asks at the terminal before a tool runs."""

import json
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("signals and terminals of POSIX", allow_module_level=True)

from rxagent.testing.frames import call_chunk, finish_chunk, role_chunk, said_by, saying, text_chunk

from .screen import CTRL_C, CTRL_D, Screen

QUESTION = "Run it? [y]es, [n]o, [a]ll of this run, [e]dit; other text denies and says why: "


def twice(body):
    """Call wipe for two files at once, then answer with what came of it."""
    results = said_by(body, "tool")
    if results:
        return list(saying(body, [text_chunk(" | ".join(results))]))
    return [
        role_chunk(),
        call_chunk(0, "c1", "wipe", '{"path": "one"}'),
        call_chunk(1, "c2", "wipe", '{"path": "two"}'),
        finish_chunk("tool_calls"),
    ]


@pytest.fixture
def talk(start, reachable, folder):
    """Return a function that begins a conversation with a tool, and returns the screen."""
    reachable.scenario("twice", twice)
    (folder / "tools.py").write_text(
        'def wipe(path: str) -> str:\n    """Wipe a file."""\n    return f"wiped {path}"\n', "utf-8"
    )

    def talk(*arguments, **options):
        how = ("-m", "openai:twice", "-t", "tools:wipe", *arguments)
        screen = Screen(start, "chat", *how, TERM="dumb", **options)
        screen.read_until("> ")
        screen.type("go\r")
        return screen

    return talk


def leave(screen):
    """Leave by Ctrl-D; return all that was seen."""
    screen.read_until("> ")
    screen.type(CTRL_D)
    seen = screen.read_all()
    assert 0 == screen.process.returncode
    return seen


def test_yes_and_no(talk):
    """Each call waits for its line; what is typed is shown, and the model reads a denial."""
    screen = talk()
    screen.read_until('? wipe("one")', QUESTION)
    screen.type("y\r")
    screen.read_until(QUESTION)
    screen.type("keep that one\r")
    screen.read_until("wiped one | CallDenied: wipe was denied: keep that one")
    seen = leave(screen)

    assert f"{QUESTION}y\n" in seen
    assert f"{QUESTION}keep that one\n" in seen


def test_all(talk):
    """One answer stands for the call beside it, too."""
    screen = talk()
    screen.read_until(QUESTION)
    screen.type("a\r")
    screen.read_until("wiped one | wiped two")

    assert 1 == leave(screen).count(QUESTION)


def test_edit(talk):
    """The arguments are typed as JSON, and the call runs with them."""
    screen = talk()
    screen.read_until(QUESTION)
    screen.type("e\r")
    screen.read_until("The arguments, as one JSON object: ")
    screen.type('{"path": "three"}\r')
    screen.read_until(QUESTION)
    screen.type("n\r")
    screen.read_until("wiped three | CallDenied: wipe was denied: the user said no")
    leave(screen)


def test_keys_pressed_before_the_question_are_no_answer(talk, reachable):
    """They belong to the next message, so nothing is approved by accident."""
    screen = talk()
    screen.read_until(QUESTION)
    screen.type(CTRL_C)
    screen.read_until("✗ The run was cancelled: interrupted", "> ")
    screen.type("again\r")
    screen.read_until("Interrupted")
    leave(screen)


def test_a_time_limit_ends_the_question(talk):
    """The prompt is back without a key."""
    screen = talk("--timeout", "4")
    screen.read_until(QUESTION, "took longer than 4 s")
    leave(screen)


def test_yes_to_everything(talk):
    """--yes asks nothing."""
    screen = talk("--yes")
    screen.read_until("wiped one | wiped two")

    assert QUESTION not in leave(screen)


def test_ctrl_d_denies(talk):
    """The end of input is no approval."""
    screen = talk()
    for _ in range(2):
        screen.read_until(QUESTION)
        screen.type(CTRL_D)
    screen.read_until("no answer could be read from the terminal")
    leave(screen)


def test_quiet_shows_the_call_in_the_question(talk):
    """Without the lines of the console, the question itself names the call."""
    screen = talk("-q")
    screen.read_until('wipe {"path": "one"}', QUESTION)
    screen.type("a\r")
    screen.read_until("wiped one | wiped two")
    leave(screen)


def test_json_lines_hold_the_answers(start, reachable, talk, tmp_path):
    """stdout has the events, stderr the question."""
    out = tmp_path / "out.jsonl"
    with out.open("w") as file:
        screen = talk("--json", stdout=file)
        screen.read_until(QUESTION)
        screen.type("a\r")
        leave(screen)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    answered = [line["decision"] for line in lines if line["type"] == "ApprovalAnswered"]

    assert ["all approved", "approved"] == answered


def test_a_pipe_is_not_asked(finish, reachable, folder):
    """Messages from a pipe run tools as before."""
    reachable.scenario("twice", twice)
    (folder / "tools.py").write_text(
        'def wipe(path: str) -> str:\n    """Wipe a file."""\n    return f"wiped {path}"\n', "utf-8"
    )
    code, out, _ = finish("chat", "-q", "-m", "openai:twice", "-t", "tools:wipe", piped="go\n")

    assert (0, "wiped one | wiped two\n") == (code, out)
