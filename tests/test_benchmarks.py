"""The benchmarks, as `tox -e bench` runs them."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def benchmarks(*arguments):
    """Run the command, and return what it prints."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=50
    ).stdout


def test_one_table_is_printed():
    """What is measured stands in one table, with its bar."""
    head, row = benchmarks("--quick", "import").splitlines()

    assert ["rxagent", "SDK", "unit", "ratio", "bar", "met"] == head.split()
    assert row.startswith("import rxagent ")
    assert "at most 1.50 x" in row


@pytest.mark.skipif(bool(find_spec("torch")), reason="it is measured here")
def test_what_is_not_measured_is_said():
    """Engines whose packages are missing are named."""
    *_, missing = benchmarks("--quick", "import", "onnx").splitlines()

    assert missing.endswith("not installed: onnx.")


def test_both_sides_are_measured():
    """A row that compares says what it took on either side, and how one is to the other."""
    _, step, *_ = benchmarks("--quick", "step").splitlines()

    _, ours, theirs, unit, ratio, *_ = filter(None, map(str.strip, step.split("  ")))
    assert "ms" == unit
    assert 0 < float(ours) < 1000
    assert 0 < float(theirs) < 1000
    assert float(ratio) > 0


def test_the_first_request_is_measured():
    """A row says for how long the loop was held at the first request, and by what in part."""
    _, first, *_ = benchmarks("--quick", "first_request").splitlines()

    _, ours, theirs, unit, bar, *_ = filter(None, map(str.strip, first.split("  ")))
    assert ("ms", "at most 50 ms") == (unit, bar)
    assert 0 < float(ours.replace(",", ""))
    assert 0 < float(theirs.replace(",", ""))
    assert "garbage collection" in first
