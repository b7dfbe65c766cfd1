"""`rxagent draw`: marble diagrams as pictures, on stdout, in a file or in a folder."""

import re
from textwrap import dedent

import pytest

from rxagent import Message
from rxagent.events import (
    FinalAnswer,
    MessageCompleted,
    RunCompleted,
    RunStarted,
    Stamped,
    StepStarted,
    TextDelta,
    Usage,
)
from rxagent.testing.marbles import draw, parse, perform, report
from rxagent.testing.marbles.rows import Kind
from rxagent.wire import dumps

HELLO = "# It says hello.\n\nmodel: --'Hel'--'lo'--|\n> model\nout:   --'Hel'--'lo'--|\n"


@pytest.fixture
def hello(folder):
    """Write a diagram into the folder, and return its name."""
    (folder / "hello.marble").write_text(HELLO, encoding="utf-8")
    return "hello.marble"


def test_the_picture_is_printed(call, hello):
    """Only the picture goes to stdout."""
    assert (0, draw(parse(HELLO)), "") == call("draw", hello)


def test_the_picture_is_written(call, hello, folder):
    """With -o the picture goes into a file, and nothing is printed."""
    assert (0, "", "") == call("draw", hello, "-o", "hello.svg")
    assert draw(parse(HELLO)).encode() == (folder / "hello.svg").read_bytes()


def test_several_pictures_go_into_a_folder(call, hello, folder):
    """Each has the name of its diagram; the folder is made, and a malformed one stops no other."""
    (folder / "deep").mkdir()
    (folder / "deep" / "v1.2.marble").write_text(HELLO.replace("'lo'", "'la'"), encoding="utf-8")
    (folder / "torn.marble").write_text("a: -?\n> a\nout: -", encoding="utf-8")

    code, out, err = call("draw", "torn.marble", hello, "deep/v1.2.marble", "-o", "new/pictures/")

    assert (1, "") == (code, out)
    assert err.startswith("torn.marble:1:5: ")
    written = sorted((folder / "new" / "pictures").iterdir())
    assert ["hello.svg", "v1.2.svg"] == [path.name for path in written]
    assert draw(parse(HELLO)) == written[0].read_text(encoding="utf-8")


def test_one_picture_may_go_into_a_folder(call, hello, folder):
    """In an existing folder a picture has the name of its diagram."""
    assert (0, "", "") == call("draw", hello, "-o", ".")
    assert (folder / "hello.svg").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_fixed(call, hello, theme):
    """With --theme a picture keeps its colours."""
    assert (0, draw(parse(HELLO), theme=theme), "") == call("draw", hello, "--theme", theme)


def test_a_diagram_may_be_piped_in(call):
    """`-` is stdin."""
    assert (0, draw(parse(HELLO)), "") == call("draw", "-", piped=HELLO)


def test_a_malformed_diagram_is_reported_at_its_place(call, folder):
    """The error begins with file, line and column; no picture is written."""
    (folder / "torn.marble").write_text("a: -?\n> a\nout: -", encoding="utf-8")

    code, out, err = call("draw", "torn.marble", "-o", "torn.svg")

    assert (1, "") == (code, out)
    assert err.startswith("torn.marble:1:5: '?' is no marble.\n")
    assert not (folder / "torn.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.marble"], "File 'nowhere.marble' does not exist."),
        (["bytes.marble"], "'bytes.marble' is not UTF-8. Save it as UTF-8."),
        (["."], "File '.' is a directory."),
        (
            ["hello.marble", "other.marble"],
            "Several pictures need a folder: write `-o folder/`.",
        ),
        (["hello.marble", "other.marble", "-o", "a.svg"], "write `-o folder/`."),
        (["-", "-o", "pictures/"], "A diagram from stdin has no name: write `-o name.svg`."),
        (
            ["hello.marble", "./hello.marble", "-o", "."],
            "would be hello.svg: draw them one at a time.",
        ),
        ([], "Missing argument 'FILE...'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_reported(call, hello, folder, arguments, sentence):
    """What cannot be read or written gets a sentence, with exit code 2."""
    (folder / "bytes.marble").write_bytes(b"\xff\xfe")
    (folder / "other.marble").write_text(HELLO, encoding="utf-8")

    code, out, err = call("draw", *arguments)

    assert (2, "") == (code, out)
    assert sentence in err


def test_what_cannot_be_written_is_reported(call, hello):
    """A picture that cannot be written fails, and the error names its path."""
    code, out, err = call("draw", hello, "-o", "nowhere/hello.svg")

    assert (1, "") == (code, out)
    assert err == "Error: Could not open file 'nowhere/hello.svg': No such file or directory\n"


def test_a_folder_that_cannot_be_made_is_reported(call, hello):
    """A folder inside a file cannot be made, and the error names its path."""
    code, out, err = call("draw", hello, "-o", "hello.marble/")

    assert (1, "", "Error: Could not open file 'hello.marble': File exists\n") == (code, out, err)


def test_the_help_s_example_is_true(call):
    """The diagram in the help can be drawn, and is true."""
    _, out, _ = call("draw", "--help")
    (example,) = re.findall(r"^    model:(?:.*\n)+?(?=\n)", out, re.MULTILINE)

    diagram = parse(dedent(example))

    assert "" == report(diagram, perform(diagram))
    assert "\n  draw " in call("--help")[1]


RUN = [
    RunStarted("Hi.", "agent"),
    StepStarted(1),
    TextDelta("Hel"),
    TextDelta("lo"),
    Usage(10, 2),
    MessageCompleted(Message("assistant", "Hello")),
    FinalAnswer("Hello"),
    RunCompleted(Usage(10, 2)),
]


@pytest.fixture
def run_file(folder):
    """Write a run into the folder, an event each 10 ms, and return the file's name."""
    lines = [dumps(Stamped("a1", n, 5 + n / 100, event)) for n, event in enumerate(RUN)]
    (folder / "run.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return "run.jsonl"


def is_true(text):
    """Return whether a diagram holds."""
    diagram = parse(text)
    return report(diagram, perform(diagram)) == ""


def test_a_run_is_written_as_a_diagram(call, run_file, folder):
    """With --marble a run becomes a test that passes as it stands."""
    code, out, err = call("draw", "--marble", run_file)

    assert (0, "") == (code, err)
    assert is_true(out)
    assert "> Agent(model_of(turn1))('Hi.')\n" in out
    assert (0, "", "") == call("draw", "--marble", run_file, "-o", "new.marble")
    assert out == (folder / "new.marble").read_text(encoding="utf-8")


def test_a_run_is_shrunk_to_what_matters(call, run_file):
    """With --shrink the fewest events are left for which an expression holds."""
    code, out, err = call("draw", "--marble", run_file, "--shrink", 'state.text == "Hello"')

    assert (0, "") == (code, err)
    assert is_true(out)
    assert '# The fewest events for which this holds: state.text == "Hello"\n' in out
    assert [RUN[5]] == [note.value for note in parse(out).out.notes]


@pytest.mark.parametrize(
    ("predicate", "left"),
    [
        ("any(isinstance(event, Usage) for event in events)", [Usage]),
        ("lambda events: len(events) >= 8", [*map(type, RUN)]),
        ("True", []),
    ],
)
def test_a_predicate_is_an_expression_or_a_function(call, run_file, predicate, left):
    """It is about `events`, with the names of all events and errors."""
    code, out, _ = call("draw", "--marble", run_file, "--shrink", predicate)

    assert 0 == code
    notes = parse(out).out.notes
    assert left == [type(note.value) for note in notes if note.kind is Kind.NEXT]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--marble", "--shrink", "state.text =="], "not a Python expression"),
        (["--marble", "--shrink", "nothing(events)"], "raises NameError: name 'nothing' is not"),
        (["--marble", "--shrink", "False"], "does not hold for the whole run"),
        (["--shrink", "True"], "write --marble, too"),
        (["--run", "a1"], "write --marble, too"),
    ],
)
def test_a_wrong_use_says_what_to_write(call, run_file, arguments, what):
    """It exits as usage errors do."""
    code, out, err = call("draw", run_file, *arguments)

    assert (2, "") == (code, out)
    assert what in " ".join(err.replace("│", " ").split())


def test_what_is_no_run_is_an_error_with_its_line(call, folder):
    """The file and the line come first."""
    (folder / "no.jsonl").write_text("{}\n", encoding="utf-8")

    code, out, err = call("draw", "--marble", "no.jsonl")

    assert (1, "") == (code, out)
    assert err.startswith("no.jsonl:1: ")
