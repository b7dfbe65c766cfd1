"""The pytest plugin: diagrams are tests, in any folder."""

import subprocess
import sys

import pytest

from .nested import APART

pytest_plugins = ["pytester"]

TRUE = "a:   -'x'|\n> a\nout: -'x'|\n"
FALSE = "a:   -'x'|\n> a\nout: -'y'|\n"


@pytest.fixture
def run(pytester):
    """Return a function that runs pytest with the plugin over files of these names and texts."""

    def run(files, *args):
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return pytester.runpytest(*APART, *args)

    return run


def test_each_file_is_a_test(run):
    """Diagrams are collected in every folder, one item a file."""
    result = run({"one.marble": TRUE, "deep/down/two.marble": TRUE, "three.md": FALSE}, "-v")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["deep/down/two.marble::two PASSED*", "one.marble::one PASSED*"])


def test_a_false_picture_fails_with_both_rows(run):
    """The report shows marbles and words, without our traceback."""
    result = run({"one.marble": FALSE})

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*marbles: one*",
            "one.marble:3: out is not as drawn.",
            "expected: -'y'|",
            "actual:   -'x'|",
            "At 1ms TextDelta(text='y')*",
        ]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_a_diagram_imports_like_a_test(run):
    """A diagram imports from the same paths as tests."""
    files = {
        "src/own_shop.py": "def same(stream):\n    return stream\n",
        "deep/one.marble": f"from own_shop import same\n{TRUE.replace('> a', '> same(a)')}",
    }

    result = run(files)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["deep/one.marble:1:6: There is no module 'own_shop'.*"])
    result.stdout.no_fnmatch_line("*importlib*")

    run({}, "-o", "pythonpath=src").assert_outcomes(passed=1)


def test_an_own_operator_that_raises_has_its_traceback(run):
    """An error in the user's operator has its traceback, without our frames."""
    shop = "def raising(stream):\n    return stream.nothing\n"
    picture = f"from raising_shop import raising\n{TRUE.replace('> a', '> raising(a)')}"

    result = run({"raising_shop.py": shop, "one.marble": picture}, "-o", "pythonpath=.")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "one.marble:3:3: The pipeline raises AttributeError: *",
            "one.marble:3: in <module>",
            "raising_shop.py:2: in raising",
            "E   AttributeError: *",
        ]
    )
    result.stdout.no_fnmatch_line("*performance.py*")


def test_an_error_of_the_diagram_is_shown_once(run):
    """An error whose only place is in the diagram has no traceback."""
    result = run({"one.marble": TRUE.replace("> a", "> a.pipe(\n  ops.txt())")})

    result.stdout.fnmatch_lines(
        [
            "one.marble:3:3: The pipeline raises AttributeError: module 'rxagent.operators' has no "
            "attribute 'txt'. Did you mean ops.text[?]",
            "      ops.txt())",
            "      ^",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("E  *")


def test_a_module_with_invalid_syntax_is_one_line(run):
    """A module with invalid syntax runs no code of the user, so there is no traceback."""
    picture = f"from torn_shop import same\n{TRUE.replace('> a', '> same(a)')}"

    result = run({"torn_shop.py": "def (", "one.marble": picture}, "-o", "pythonpath=.")

    result.stdout.fnmatch_lines(["one.marble:1:23: The module 'torn_shop' raises SyntaxError: *"])
    result.stdout.no_fnmatch_line("*traceback*")


PYTHON = """\
from rxagent.events import TextDelta
from rxagent.testing import marbles

def test_false():
    with marbles(a=TextDelta("a")) as m:
        m.expect(m.cold("-a|")).to_be("-a|")
        m.expect(m.cold("-a|")).to_be("--a|")

def test_malformed():
    with marbles(a=TextDelta("a")) as m:
        m.expect(m.cold("-z|")).to_be("-z|")
"""


def test_a_false_picture_in_python_ends_in_its_test(run):
    """A failure names the line of the expectation, and shows only code of the test."""
    result = run({"test_it.py": PYTHON})

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E * AssertionError: test_it.py:7: The stream is not as drawn.",
            "test_it.py:5: AssertionError",
            "E * rxagent.errors.MarbleSyntaxError: marbles:1:2: Nothing is bound to 'z'*",
            "test_it.py:11: MarbleSyntaxError",
        ]
    )
    result.stdout.no_re_match_line(r".*(stage|reader|rows|contextlib)\.py")


def test_a_malformed_diagram_fails_at_its_place(run):
    """The error names the file, the line and the column."""
    result = run({"one.marble": "a: -?\n> a\nout: -"})

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*one.marble:1:5: '?' is no marble.", "    a: -[?]", "        ^"])


def test_update_rewrites_and_passes(run, pytester):
    """`--marbles-update` makes the picture true, and does not touch true ones."""
    result = run({"one.marble": FALSE, "two.marble": TRUE}, "--marbles-update")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["one.marble was rewritten: look at what it says now."])
    result.stdout.no_fnmatch_line("*two.marble was rewritten*")
    assert TRUE == (pytester.path / "one.marble").read_text(encoding="utf-8")
    assert TRUE == (pytester.path / "two.marble").read_text(encoding="utf-8")
    run({}).assert_outcomes(passed=2)


def test_update_does_not_hide_other_faults(run):
    """A picture whose subscriptions are false fails, rewritten or not."""
    text = "a:   -'x'|\na^   ^!\n> a\nout: -'y'|\n"

    result = run({"one.marble": text}, "--marbles-update")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["one.marble was rewritten: *"])


CARELESS = """\
from reactivex import Observable

def careless(source):
    return Observable(lambda observer, scheduler=None: source.subscribe(observer))
"""


def test_update_writes_no_silence_for_what_went_astray(run, pytester):
    """What waits in real time is reported, and not rewritten as silence."""
    late = TRUE.replace("> a", "> a.pipe(rxo.delay(60), careless)")
    picture = f"from careless_shop import careless\n{late}"

    result = run(
        {"careless_shop.py": CARELESS, "one.marble": picture}, "--marbles-update", "-o=pythonpath=."
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["one.marble:3: Something waits in real time: *"])
    assert picture == (pytester.path / "one.marble").read_text(encoding="utf-8")


def test_pytest_starts_no_later():
    """Loading the plugin imports nothing else, not even reactivex."""
    program = (
        "import sys, pytest; before = set(sys.modules); import rxagent.testing.plugin;"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert "['rxagent']" == done.stdout.strip()
