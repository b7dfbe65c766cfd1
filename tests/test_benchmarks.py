"""The benchmarks, as `tox -e bench` runs them."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


MEASURED = ("import", "step", "first_request", "onnx")


@pytest.fixture(scope="module")
def printed():
    """Return the lines that the command prints."""
    command = [sys.executable, "-m", "benchmarks", "--quick", *MEASURED]
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=170
    ).stdout.splitlines()


def row(printed, name):
    """Return the row of this name."""
    (row,) = (line for line in printed if line.startswith(f"{name}  "))
    return row


def test_one_table_is_printed(printed):
    """What is measured stands in one table, with its bar."""
    assert ["rxagent", "SDK", "unit", "ratio", "bar", "met"] == printed[0].split()
    assert "at most 1.50 x" in row(printed, "import rxagent")


@pytest.mark.skipif(bool(find_spec("torch")), reason="it is measured here")
def test_what_is_not_measured_is_said(printed):
    """Engines whose packages are missing are named."""
    assert printed[-1].endswith("not installed: onnx.")


def test_both_sides_are_measured(printed):
    """A row that compares says what it took on either side, and how one is to the other."""
    cells = row(printed, "a tool step").split("  ")

    _, ours, theirs, unit, ratio, *_ = filter(None, map(str.strip, cells))
    assert "ms" == unit
    assert 0 < float(ours) < 1000
    assert 0 < float(theirs) < 1000
    assert float(ratio) > 0


def test_the_first_request_is_measured(printed):
    """A row says for how long the loop was held at the first request, and by what in part."""
    first = row(printed, "first request of a process, loop held")

    _, ours, theirs, unit, bar, *_ = filter(None, map(str.strip, first.split("  ")))
    assert ("ms", "at most 50 ms") == (unit, bar)
    assert 0 < float(ours.replace(",", ""))
    assert 0 < float(theirs.replace(",", ""))
    assert "garbage collection" in first
