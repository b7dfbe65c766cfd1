import json
import re

import pytest

from rxagent import wire
from rxagent.events import FinalAnswer, RunCompleted, RunFailed, RunStarted, TextDelta
from rxagent.testing.frames import call_chunks, said_by, saying, text_chunk, texts

from .conftest import PATIENCE

HELLO = "Hello from the scripted model.\n"

CALC = '''
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b

class Desk:
    @staticmethod
    def twice(number: int) -> int:
        """Return twice a number."""
        return 2 * number
'''


@pytest.fixture
def ask(call, reachable):
    """Return a function that runs a task with the scenario of that name."""

    def ask(scenario, *arguments, **options):
        return call("run", "-m", f"openai:{scenario}", *arguments, **options)

    return ask


def test_the_answer_is_on_stdout_and_all_else_on_stderr(finish, reachable, folder):
    """A run with a tool prints the answer, and the tool and the cost beside it."""
    (folder / "calc.py").write_text(CALC, encoding="utf-8")
    code, out, err = finish("run", "-m", "openai:demo", "-t", "calc:add", "What is", "2 + 3?")

    assert (0, "The answer is 5.\n") == (code, out)
    assert err.splitlines()[0].startswith("● add(a=2, b=3)  ")
    assert err.splitlines()[1] == "  └ 5"
    assert err.splitlines()[2].startswith("  2 steps · ")
    assert err.endswith(" 20 in / 8 out\n")


def test_the_tokens_of_each_model_are_printed(ask, reachable, folder):
    """Below the sum of a run that several models have worked on, each has a line."""
    (folder / "helpers.py").write_text(
        "from rxagent import Agent\n\n"
        "def help(question: str):\n"
        '    """Ask a helper."""\n'
        '    return Agent("openai:plain")(question)\n',
        encoding="utf-8",
    )
    _, _, err = ask("demo", "-t", "helpers:help", "Help me")
    total, big, small = err.splitlines()[-3:]

    assert re.fullmatch(r"  2 steps · .* · 30 in / \d+ out", total)
    assert re.fullmatch(r"  demo: 20 in / \d+ out", big)
    assert "  plain: 10 in / 5 out" == small


def test_words_make_one_task(ask, reachable):
    """The words of the command line are the task, with a space between them."""
    ask("plain", "What", "is this?")

    assert "What is this?" == reachable.requests[0].body["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("words", "task"),
    [
        ((), "größer"),
        (("-",), "größer"),
        (("Explain:", "-"), "Explain:\n\ngrößer"),
        (("What", "is this?"), "What is this?"),
    ],
)
def test_stdin_is_read_where_the_task_names_it(ask, reachable, words, task):
    """No task, or a word `-`, stands for stdin; otherwise it is not read."""
    ask("plain", *words, piped="größer\n")

    assert task == reachable.requests[0].body["messages"][-1]["content"]


def test_an_open_pipe_is_not_waited_for(start, reachable):
    """A task on the command line is done at once, though stdin never ends."""
    process = start("run", "-m", "openai:plain", "hi")

    assert HELLO.encode() == process.stdout.read()
    assert 0 == process.wait(PATIENCE)


def test_instructions_reach_the_model(ask, reachable):
    """The text of -s is in the system prompt."""
    ask("plain", "-s", "Speak like a pirate.", "hi")
    first = reachable.requests[0].body["messages"][0]

    assert "system" == first["role"]
    assert "Speak like a pirate." in first["content"]


def test_tools_are_found_in_the_folder_and_offered(ask, folder, reachable):
    """Each -t is one tool; a method of a class of the module is reached by dots."""
    (folder / "calc.py").write_text(CALC, encoding="utf-8")
    code, *_ = ask("plain", "-t", "calc:add", "-t", "calc:Desk.twice", "hi")
    offered = [tool["function"]["name"] for tool in reachable.requests[0].body["tools"]]

    assert 0 == code
    assert ["add", "twice", "final_answer"] == offered


def test_json_is_the_wire(ask):
    """--json prints each event as the line that `rxagent.wire` reads, and nothing else."""
    code, out, err = ask("plain", "--json", "hi")
    events = [wire.loads(line) for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert RunStarted("hi", "agent") == events[0]
    assert HELLO.strip() == "".join(e.text for e in events if isinstance(e, TextDelta))
    assert [FinalAnswer(HELLO.strip()), RunCompleted] == [events[-2], type(events[-1])]


def test_json_ends_with_what_went_wrong(ask):
    """A run that fails has RunFailed as its last line, and an error in words."""
    code, out, err = ask("500", "--json", "hi")
    last = wire.loads(out.splitlines()[-1])

    assert 69 == code
    assert isinstance(last, RunFailed)
    assert "ModelUnavailable" == last.kind
    assert err.startswith(f"Error: {last.error.removeprefix('ModelUnavailable: ')}\n")


def test_plain_is_a_line_an_event(ask):
    """--plain prints each event as a line on stderr, and the answer on stdout."""
    code, out, err = ask("plain", "--plain", "hi")

    assert (0, HELLO) == (code, out)
    assert 'RunStarted task="hi" agent="agent"' == err.splitlines()[0]
    assert "RunCompleted" == err.splitlines()[-1].split()[0]


def test_quiet_is_the_answer_alone(ask):
    """-q prints only the answer; errors are still printed."""
    assert (0, HELLO, "") == ask("plain", "-q", "hi")

    code, out, err = ask("404", "-q", "hi")
    assert (1, "") == (code, out)
    assert err.startswith("Error: openai answered 404 for '404': ")


def test_a_pipe_gets_the_answer_alone_when_there_are_tools(ask, folder, reachable):
    """A model's text beside its calls is no part of the answer."""

    def chatty(body):
        asked = any(message["role"] == "tool" for message in body["messages"])
        if asked:
            return saying(body, texts("It is 5."))
        call = call_chunks(0, "call_1", "add", '{"a": 2, "b": 3}')
        return saying(body, [text_chunk("Let me add."), *call], "tool_calls")

    reachable.scenario("chatty", chatty)
    (folder / "calc.py").write_text(CALC, encoding="utf-8")

    assert (0, "It is 5.\n") == ask("chatty", "-t", "calc:add", "2 + 3?")[:2]


def test_quiet_prints_an_answer_that_was_written_as_a_call(ask):
    """-q prints the run's answer, not the model's notation."""
    assert (0, "hi\n", "") == ask("text-json", "-q", "hi")


@pytest.mark.parametrize("options", [[], ["-q"], ["--plain"]])
def test_a_pipe_gets_no_text_of_a_run_without_an_answer(ask, options):
    """Text that came before the connection broke is not on stdout, where it would pass as whole."""
    code, out, _ = ask("cut-100", *options, "hi")

    assert (69, "") == (code, out)


ENDS = [
    ("500", [], 69, "✗ openai answered 500", "Try again later, or choose another model"),
    ("503", [], 69, "✗ openai answered 503", "Try again later, or choose another model"),
    ("429-7", [], 69, "✗ openai answered 429", "Try again in 7 s."),
    ("429", [], 69, "✗ openai answered 429", "Try again later."),
    ("401", [], 1, "✗ openai answered 401", "Check the provider's key"),
    ("404", [], 1, "✗ openai answered 404", "Check the model's name"),
    ("400", [], 1, "✗ openai answered 400", "Change the request"),
    ("garbage", [], 1, "✗ The model 'garbage' sent", "Check that the server"),
    ("cut-100", [], 69, "✗ The model 'cut-100' broke off", "Check the network"),
    ("refusal", [], 4, "✗ ", "Rephrase the task"),
    ("plain", ["--max-steps", "0"], 3, "✗ The run found no answer", "Allow more steps"),
    ("stall", ["--timeout", "0.3"], 124, "✗ The run was cancelled: it took", "Allow more time"),
]


@pytest.mark.parametrize(
    ("scenario", "options", "code", "what", "advice"),
    ENDS,
    ids=[" ".join((e[0], *e[1])) for e in ENDS],
)
def test_each_failure_has_its_code_and_says_what_to_do(ask, scenario, options, code, what, advice):
    """A run without an answer says what happened, what it cost, and what to do, each in a line."""
    ended = ask(scenario, *options, "hi")
    error, cost, hint = ended[2].splitlines()[-3:]

    assert code == ended[0]
    assert error.startswith(what)
    assert " · " in cost
    assert hint.startswith(advice)
    assert "Traceback" not in ended[2]


def test_verbose_shows_where_it_happened(ask):
    """-v adds the traceback."""
    err = ask("500", "-v", "hi")[2]

    assert "Traceback (most recent call last):" in err
    assert "Try again later" in err.splitlines()[-1]


def test_a_server_that_is_not_there_is_unavailable(ask, monkeypatch):
    """Without a server, the error says so and how to find out more."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, _, err = ask("plain", "hi")

    assert 69 == code
    assert "`rxagent models` shows what can be reached." in err


def test_the_model_comes_from_flag_environment_folder_and_home(
    call, reachable, folder, monkeypatch
):
    """The flag overrides the environment, then the folder's file, then the home's."""
    home = folder / "home" / ".config" / "rxagent"
    home.mkdir(parents=True)
    asked = []

    def ask(*flags):
        assert 0 == call("run", "-q", *flags, "hi")[0]
        return reachable.requests[-1].body["model"]

    (home / "rxagent.toml").write_text(
        'model = "openai:plain"\nsystem = "Be kind."\n', encoding="utf-8"
    )
    asked.append(ask())
    assert "Be kind." in reachable.requests[-1].body["messages"][0]["content"]
    (folder / "rxagent.toml").write_text(
        'model = "openai:reasoning"\nmax_steps = 3\ntimeout = 9\n', encoding="utf-8"
    )
    asked.append(ask())
    assert "Be kind." in reachable.requests[-1].body["messages"][0]["content"]
    monkeypatch.setenv("RXAGENT_MODEL", "openai:text-json")
    asked.append(ask())
    asked.append(ask("-m", "openai:tokens-3"))

    assert ["plain", "reasoning", "text-json", "tokens-3"] == asked


def test_a_model_s_control_characters_are_shown(ask, reachable):
    """Neither stdout nor stderr passes on what would move a cursor or colour a screen."""
    reachable.scenario("hostile", lambda body: saying(body, texts("\x1b[2J[bold]x\x07")))

    assert (0, "␛[2J[bold]x␇\n") == ask("hostile", "hi")[:2]
    out = ask("hostile", "--json", "hi")[1]
    assert "\x1b[2J[bold]x\x07" == json.loads(out.splitlines()[-2])["value"]


@pytest.fixture
def coder(reachable):
    """Return a scenario that writes code: it looks first, and then answers with the variable."""

    def coder(body):
        looked = any(text.startswith("Result of") for text in said_by(body, "user"))
        lines = ["final_answer(number)"] if looked else ["number = 6 * 7", "print(number)"]
        return saying(body, texts("\n".join(("Now.", "<code>", *lines, "</code>", "It is 5."))))

    reachable.scenario("coder", coder)
    return "coder"


def test_code_is_shown_as_it_streams(ask, coder):
    """--code: the code and its output are on stderr, the answer alone is on stdout."""
    code, out, err = ask(coder, "--code", "What is 6 * 7?")

    assert (0, "42\n") == (code, out)
    assert [
        "  Now.",
        "  <code>",
        "  number = 6 * 7",
        "  print(number)",
        "  </code>",
        "  │ 42",
        "  Now.",
    ] == err.splitlines()[:7]
    assert "It is 5." not in err


def test_code_events_are_json(ask, coder):
    """--code --json: each event is a line, without variables."""
    code, out, _ = ask(coder, "--code", "--json", "What is 6 * 7?")
    events = [wire.loads(line) for line in out.splitlines()]

    assert 0 == code
    assert FinalAnswer(42) in events
    assert "session" not in out


def test_a_conversation_keeps_its_variables(call, coder):
    """chat --code: the second answer knows the variables of the first."""
    code, out, _ = call("chat", "-q", "-m", "openai:coder", "--code", piped="What?\nAgain?\n")

    assert (0, "42\n42\n") == (code, out)
