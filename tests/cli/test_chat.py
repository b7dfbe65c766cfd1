import json

import pytest

from rxagent.cli.chat import chat
from rxagent.cli.run import run
from rxagent.testing.frames import call_chunks, finish_chunk, said_by, task, text_chunk
from rxagent.testing.scripts import failure, plain, using

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
    """Return the name for -t of a tool in the folder."""
    (folder / "calc.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n', encoding="utf-8"
    )
    return "calc:add"


def sent(server):
    """Return the messages of each request but for the system's, as pairs of role and text."""
    return [
        [(message["role"], message["content"]) for message in request.body["messages"][1:]]
        for request in server.requests
    ]


def test_each_message_continues_the_conversation(say, reachable):
    """From a pipe each line is a message, and the model receives those before it."""
    code, out, err = say("plain", "größer", "two")

    assert (0, 2 * HELLO) == (code, out)
    assert 2 == err.count("  1 step · ")
    first = [("user", "größer")]
    assert [first, [*first, ("assistant", HELLO.strip()), ("user", "two")]] == sent(reachable)


def test_a_pipe_is_answered_line_by_line(start, reachable):
    """Each line is answered before the next is written; the end of stdin is the end."""
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
    """`chat` has every option of `run` about the agent and its answers."""

    def options(command):
        return {name for option in command.params for name in option.opts if name[0] == "-"}

    assert options(run) == options(chat) - {"--history", "--steer", "--yes", "-y"}


def test_settings_are_those_of_run(call, folder, reachable):
    """The settings of rxagent.toml apply to a conversation, too."""
    (folder / "rxagent.toml").write_text('model = "openai:plain"\n', encoding="utf-8")

    assert (0, HELLO) == call("chat", piped="hi")[:2]


def test_plain_and_quiet_exclude_each_other(call):
    """Options that exclude each other are an error before any request."""
    code, _, err = call("chat", "-m", "openai:plain", "--plain", "-q")

    assert 2 == code
    assert "Error: Choose one of --json, --plain and --quiet.\n" in err


def test_reset_forgets(say, reachable):
    """After /reset the model receives no earlier message."""
    _, _, err = say("plain", "one", "/reset", "two")

    assert [[("user", "one")], [("user", "two")]] == sent(reachable)
    assert "The conversation is forgotten.\n" in err


def test_state_shows_each_model(say, reachable, folder):
    """/state has a line for each of several models."""
    (folder / "helpers.py").write_text(
        "from rxagent import Agent\n\n"
        "def help(question: str):\n"
        '    """Ask a helper."""\n'
        '    return Agent("openai:plain", name="helper")(question)\n',
        encoding="utf-8",
    )
    _, _, err = say("demo", "Help", "/state", options=("-t", "helpers:help"))

    assert "helper: 10 in / 5 out\ndemo: 20 in" in err
    assert err.endswith("plain: 10 in / 5 out\n")


def test_state_shows_what_the_conversation_contains(say, reachable):
    """/state counts messages, steps and tokens, and shows the last error."""
    reachable.scenario("curt", lambda body: [text_chunk("Yes."), finish_chunk("stop")])
    assert "0 messages · 0 steps\n" == say("plain", "/state")[2]
    assert "4 messages · 2 steps\nagent: 20 in / 10 out\n" in say("plain", "a", "b", "/state")[2]
    assert "\n1 answer without a report of tokens\n" in say("curt", "a", "/state")[2]
    err = say("429", "a", "/state")[2]
    assert "\n1 message · 1 step\nlast error: RateLimited: openai answered 429" in err


def test_help_lists_every_command(say, reachable):
    """/help lists the commands, without a request to the model."""
    err = say("plain", "/help")[2]

    assert all(
        f"{name} " in err for name in ("/help", "/state", "/reset", "/exit", "Tab", "Ctrl-C")
    )
    assert [] == reachable.requests


def test_exit_leaves(say, reachable):
    """After /exit nothing more is read."""
    assert (0, HELLO) == say("plain", "one", "/exit", "two")[:2]
    assert 1 == len(reachable.requests)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("/rest", "There is no command /rest. Did you mean /reset?"),
        ("/etc/passwd says\tno", "There is no command /etc/passwd. /help lists the commands."),
        ("/reset me", "/reset takes no arguments."),
        ("/\x1b[2J", "There is no command /␛[2J. /help lists the commands."),
        ("/", "There is no command /. /help lists the commands."),
    ],
)
def test_what_is_no_command_is_not_said_to_the_model(say, reachable, typed, sentence):
    """A line that begins like a command, and is not one, gets a sentence."""
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
    """Lines that belong together are one message, and blank lines are none."""
    say("plain", *lines)

    assert [[("user", message)]] == sent(reachable)


def test_an_error_is_shown_and_the_conversation_continues(say, reachable):
    """A turn that fails says what happened and what to do; its message is kept."""
    code, out, err = say("429-7-then-plain", "one", "two")

    assert (0, HELLO) == (code, out)
    assert "✗ openai answered 429" in err
    assert "\nTry again in 7 s.\n" in err
    assert [("user", "one"), ("user", "two")] == sent(reachable)[1]


def test_a_message_that_is_not_accepted_does_not_stay(say, reachable):
    """A rejected message is not sent again, or the server would reject all that follow."""
    code, out, err = say("400-then-plain", "one", "two")

    assert (0, HELLO) == (code, out)
    assert "The conversation continues without this message.\n" in err
    assert [("user", "two")] == sent(reachable)[1]


def test_what_was_done_before_a_rejection_stays(say, calc, reachable):
    """A turn in which the model has called a tool is kept, however it ends."""

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
    assert ["user", "assistant", "tool", "user"] == [role for role, _ in sent(reachable)[-1]]


def test_the_exit_code_of_a_pipe_is_that_of_the_last_answer(say):
    """As in a script, the last answer decides."""
    assert [69, 0] == [say("500", "a")[0], say("500-then-plain", "a", "b")[0]]


def test_quiet_still_prints_errors(say):
    """-q prints only answers and errors."""
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
