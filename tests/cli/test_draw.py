"""`rxagent draw`: a marble diagram as a picture, on stdout or in a file."""

import re
from textwrap import dedent

import pytest

from rxagent.testing.marbles import draw, parse, perform, report

HELLO = "# It says hello.\n\nmodel: --'Hel'--'lo'--|\n> model\nout:   --'Hel'--'lo'--|\n"


@pytest.fixture
def hello(folder):
    """Write a diagram into the folder, and return its name."""
    (folder / "hello.marble").write_text(HELLO, encoding="utf-8")
    return "hello.marble"


def test_the_picture_is_printed(call, hello):
    """The picture goes to stdout, and nothing else does."""
    assert (0, draw(parse(HELLO)), "") == call("draw", hello)


def test_the_picture_is_written(call, hello, folder):
    """With -o the picture goes into a file, and nothing is printed."""
    assert (0, "", "") == call("draw", hello, "-o", "hello.svg")
    assert draw(parse(HELLO)).encode() == (folder / "hello.svg").read_bytes()


def test_a_diagram_may_be_piped_in(call):
    """`-` is what comes in."""
    assert (0, draw(parse(HELLO)), "") == call("draw", "-", piped=HELLO)


def test_a_malformed_diagram_is_told_at_its_place(call, folder):
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
        (["bytes.marble"], "'bytes.marble' is no text in UTF-8."),
        (["."], "File '.' is a directory."),
        (["hello.marble", "-o", "."], "File '.' is a directory."),
        ([], "Missing argument 'FILE'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told(call, hello, folder, arguments, sentence):
    """What cannot be read or written is said in a sentence, with exit code 2."""
    (folder / "bytes.marble").write_bytes(b"\xff\xfe")

    code, out, err = call("draw", *arguments)

    assert (2, "") == (code, out)
    assert sentence in err


def test_what_cannot_be_written_is_told(call, hello):
    """A picture that finds no place fails, and says where."""
    code, out, err = call("draw", hello, "-o", "nowhere/hello.svg")

    assert (1, "") == (code, out)
    assert err == "Error: Could not open file 'nowhere/hello.svg': No such file or directory\n"


def test_the_help_s_example_is_true(call):
    """The diagram in the help can be drawn, and is what happens."""
    _, out, _ = call("draw", "--help")
    (example,) = re.findall(r"^    model:(?:.*\n)+?(?=\n)", out, re.MULTILINE)

    diagram = parse(dedent(example))

    assert "" == report(diagram, perform(diagram))
    assert "\n  draw " in call("--help")[1]
