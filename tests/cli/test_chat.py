import json

import pytest

from rxagent.cli.chat import chat
from rxagent.cli.run import run
from rxagent.testing.asked import said_by, task
from rxagent.testing.frames import call_chunks, finish_chunk, text_chunk
from rxagent.testing.scripts import failure
from rxagent.testing.scripts.saying import plain, using

from .conftest import PATIENCE

HELLO = "Hello from the scripted model.\n"


@pytest.fixture
def say(call, reachable):
    """Return a function that pipes lines into a conversation with the scenario of that name."""

    def say(scenario, *lines, options=()):
        return call("chat", "-m", f"openai:{scenario}", *options, piped="\n".join(lines))

    return say


@pytest.fixture
def calc(folder):
    """Return how -t names a tool that is in the folder."""
    (folder / "calc.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n', encoding="utf-8"
    )
    return "calc:add"


def told(server):
    """Return the messages of each request but for the system's, as pairs of role and text."""
    return [
        [(message["role"], message["content"]) for message in request.body["messages"][1:]]
        for request in server.requests
    ]


def test_each_message_goes_on_with_what_was_said(say, reachable):
    """Of a pipe each line is a message, and the model is told of those before it."""
    code, out, err = say("plain", "größer", "two")

    assert (0, 2 * HELLO) == (code, out)
    assert 2 == err.count("  1 step · ")
    first = [("user", "größer")]
    assert [first, [*first, ("assistant", HELLO.strip()), ("user", "two")]] == told(reachable)


def test_a_pipe_is_answered_line_by_line(start, reachable):
    """Who writes a line reads its answer before writing the next; the end of stdin is the end."""
    process = start("chat", "-q", "-m", "openai:plain")
    for line in (b"one\n", b"two\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert HELLO.encode() == process.stdout.readline()

    assert (b"", b"") == process.communicate(timeout=PATIENCE)
    assert 0 == process.returncode


def test_tools_and_instructions_are_those_of_run(say, calc, reachable):
    """-t, -s, --max-steps and -q mean what they mean to `run`."""
    options = ["-t", calc, "-s", "Be brief.", "-q"]
    assert (0, "The answer is 5.\n", "") == say("demo", "What is 2 + 3?", options=options)
    assert "Be brief." in reachable.requests[0].body["messages"][0]["content"]

    code, _, err = say("demo", "What is 2 + 3?", options=["--max-steps", "0"])
    assert (3, 1) == (code, err.count("--max-steps"))


def test_json_is_that_of_run(say):
    """--json prints each event of each answer as a line of JSON, and errors in words."""
    code, out, err = say("plain", "one", "two", options=["--json"])
    kinds = [json.loads(line)["type"] for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert 2 == kinds.count("RunStarted") == kinds.count("FinalAnswer")
    assert say("401", "one", options=["--json"])[2].startswith("Error: openai answered 401")


def test_chat_takes_every_option_of_run():
    """What `run` can be told about the agent and its answers, `chat` can be told, too."""

    def options(command):
        return {name for option in command.params for name in option.opts if name[0] == "-"}

    assert options(run) == options(chat) - {"--history"}


def test_settings_are_those_of_run(call, folder, reachable):
    """What rxagent.toml says holds for a conversation, too."""
    (folder / "rxagent.toml").write_text('model = "openai:plain"\n', encoding="utf-8")

    assert (0, HELLO) == call("chat", piped="hi")[:2]


def test_plain_and_quiet_exclude_each_other(call):
    """What cannot be both is refused before anything is asked."""
    code, _, err = call("chat", "-m", "openai:plain", "--plain", "-q")

    assert 2 == code
    assert "Error: Choose one of --json, --plain and --quiet.\n" in err


def test_reset_forgets(say, reachable):
    """After /reset the model is told of nothing that was said before."""
    _, _, err = say("plain", "one", "/reset", "two")

    assert [[("user", "one")], [("user", "two")]] == told(reachable)
    assert "The conversation is forgotten.\n" in err


def test_state_tells_what_the_conversation_has_come_to(say, reachable):
    """/state counts messages, steps and tokens, and says what went wrong last."""
    reachable.scenario("curt", lambda body: [text_chunk("Yes."), finish_chunk("stop")])
    assert "0 messages · 0 steps\n" == say("plain", "/state")[2]
    assert "4 messages · 2 steps\nagent: 20 in / 10 out\n" in say("plain", "a", "b", "/state")[2]
    assert "\n1 answer without a report of tokens\n" in say("curt", "a", "/state")[2]
    err = say("429", "a", "/state")[2]
    assert "\n1 message · 1 step\nlast error: RateLimited: openai answered 429" in err


def test_help_tells_of_every_command(say, reachable):
    """/help shows what can be typed, and the model is not asked."""
    err = say("plain", "/help")[2]

    assert all(
        f"{name} " in err for name in ("/help", "/state", "/reset", "/exit", "Tab", "Ctrl-C")
    )
    assert [] == reachable.requests


def test_exit_leaves(say, reachable):
    """After /exit nothing is read any more."""
    assert (0, HELLO) == say("plain", "one", "/exit", "two")[:2]
    assert 1 == len(reachable.requests)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("/rest", "There is no command /rest; did you mean /reset?"),
        ("/etc/passwd says\tno", "There is no command /etc/passwd; /help lists the commands."),
        ("/reset me", "/reset takes no arguments."),
        ("/\x1b[2J", "There is no command /␛[2J; /help lists the commands."),
        ("/", "There is no command /; /help lists the commands."),
    ],
)
def test_what_is_no_command_is_not_said_to_the_model(say, reachable, typed, sentence):
    """A line that begins like a command, and is none, is answered by a sentence."""
    said = say("plain", typed)

    assert (0, "", f"{sentence} Put a space before it to send it as a message.\n") == said
    assert [] == reachable.requests


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["one \\", "two"], "one \ntwo"),
        (['"""', "/reset", "", "two", '"""'], "/reset\n\ntwo"),
        ([" /reset"], "/reset"),
        (["", "  ", "one"], "one"),
    ],
)
def test_a_message_may_have_several_lines(say, reachable, lines, message):
    """Lines that belong together are one message, and what is blank is none."""
    say("plain", *lines)

    assert [[("user", message)]] == told(reachable)


def test_an_error_is_told_and_the_conversation_goes_on(say, reachable):
    """A turn that fails says what happened and what to do; the model reads what was asked."""
    code, out, err = say("429-7-then-plain", "one", "two")

    assert (0, HELLO) == (code, out)
    assert "✗ openai answered 429" in err
    assert "\nTry again in 7 s.\n" in err
    assert [("user", "one"), ("user", "two")] == told(reachable)[1]


def test_a_message_that_is_not_accepted_does_not_stay(say, reachable):
    """What the server rejects is not sent again, or it would reject all that follows."""
    code, out, err = say("400-then-plain", "one", "two")

    assert (0, HELLO) == (code, out)
    assert "The conversation continues without this message.\n" in err
    assert [("user", "two")] == told(reachable)[1]


def test_what_was_done_before_a_rejection_stays(say, calc, reachable):
    """A turn in which the model has called a tool is not forgotten, however it ends."""

    def once(body):
        if task(body) == "and?":
            return plain(body)
        return (
            [failure(400)]
            if said_by(body, "tool")
            else using(body, lambda call, _: call_chunks(0, *call))
        )

    reachable.scenario("once", once)
    code, out, err = say("once", "2 + 3?", "and?", options=["-t", calc])

    assert (0, HELLO) == (code, out)
    assert "without this message" not in err
    assert ["user", "assistant", "tool", "user"] == [role for role, _ in told(reachable)[-1]]


def test_the_exit_code_of_a_pipe_is_that_of_the_last_answer(say):
    """As in a script, what came last decides."""
    assert [69, 0] == [say("500", "a")[0], say("500-then-plain", "a", "b")[0]]


def test_quiet_still_tells_errors(say):
    """-q leaves out all but answers and errors."""
    code, out, err = say("401", "a", options=["-q"])

    assert (1, "") == (code, out)
    assert err.startswith("Error: openai answered 401")


def test_a_time_out_limits_each_answer(say):
    """--timeout cancels each answer that takes longer, and the conversation continues."""
    code, out, err = say("stall", "one", "two", "/state", options=["--timeout", "0.3"])

    assert (124, "") == (code, out)
    assert 2 == err.count("✗ The run was cancelled: it took longer than 0.3 s")
    assert 2 == err.count("The text so far is kept.")
    assert "last error: RunCancelled: " in err
