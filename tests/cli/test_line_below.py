"""What is typed during an answer is shown below it, and leaves no trace in it."""

import contextlib
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("terminals of POSIX", allow_module_level=True)

from rxagent.cli import stdio
from rxagent.cli.line_below import LineBelow

from .emulator import Emulator

WIDTHS = st.integers(8, 30)
HEIGHTS = st.integers(2, 5)
SAID = st.text("abc 日\t", min_size=1, max_size=40)
WRITTEN = st.lists(st.text("xyz 本", min_size=1, max_size=12), min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), WRITTEN.map("\n".join)),
        st.tuples(st.just("write"), st.just("\x1b[2m \x1b[0m")),
        st.tuples(st.just("show"), SAID | st.just("")),
    ),
    max_size=12,
)


class Window:
    """A terminal's two ends, of which one is stdout during a block."""

    def __init__(self, width, height):
        self.emulator = Emulator(width, height)

    def __enter__(self):
        self._read, write = os.pipe()
        self._stream = open(write, "w", encoding="utf-8")
        self._stream.isatty = lambda: True
        self._block = contextlib.ExitStack()
        patch = self._block.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("COLUMNS", str(self.emulator.width))
        patch.setattr(sys, "stdout", self._stream)
        self._block.enter_context(stdio.guarded())
        self.line = LineBelow(sys.stdout)
        self._block.enter_context(self.line.kept())
        return self

    def write(self, text):
        """Write as the command does."""
        sys.stdout.write(text)
        sys.stdout.flush()
        self._look()

    def show(self, text):
        """Show what is typed."""
        self.line.show(text)
        self._look()

    def _look(self):
        os.write(self._stream.fileno(), b"\0")
        seen = b""
        while not seen.endswith(b"\0"):
            seen += os.read(self._read, 1 << 16)
        self.emulator.feed(seen[:-1].decode())

    def __exit__(self, *_):
        self._block.close()
        self._stream.close()
        os.close(self._read)


def filled(emulator):
    """Return the rows that are not empty."""
    return [line for line in emulator.lines if line]


@given(WIDTHS, HEIGHTS, STEPS)
def test_what_is_written_is_not_changed(width, height, steps):
    """Without the line, the rows are those of a terminal that never showed it."""
    alone = Emulator(width, height)
    with Window(width, height) as window:
        for what, text in steps:
            getattr(window, what)(text)
            if what == "write":
                alone.feed(text)
        window.show("")

        assert filled(alone) == filled(window.emulator)


@given(WIDTHS, HEIGHTS, STEPS, SAID.filter(str.strip))
def test_the_line_is_shown_below(width, height, steps, said):
    """Its end stands in the row of the cursor, if that is empty, or in the next one."""
    with Window(width, height) as window:
        for what, text in steps:
            getattr(window, what)(text)
        window.show(said)
        emulator = window.emulator
        row = emulator.row + (emulator.column > 0)
        shown = emulator.lines[row].replace("\0", "")

        assert shown.startswith("› ")
        assert said.replace("\t", " ").rstrip().endswith(shown[2:].lstrip("…"))
        assert [] == filled(emulator)[filled(emulator).index(emulator.lines[row]) + 1 :]


def test_each_write_moves_it(folder):
    """Text that other threads write, and that ends in the middle of a row, stays above it."""
    with Window(20, 4) as window:
        window.write("One")
        window.show("and")
        window.write(" two\nthree")

        assert ["One two", "three", "› and", ""] == window.emulator.lines
        window.show("and\n")
        assert "› and↵" == window.emulator.lines[2]
        with window.line.hidden():
            window.write("\nRun it? y\n")
        window.write("four")
        assert ["One two", "three", "Run it? y", "four", "› and↵"] == window.emulator.lines
