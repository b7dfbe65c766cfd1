import os
import stat
import sys

import pytest

from rxagent.cli.editor import History


@pytest.fixture
def path(tmp_path):
    """Return the path of a history that is not there yet, in a folder that is not there either."""
    return tmp_path / "home" / "history.jsonl"


def test_a_history_comes_back_in_order(path):
    """What was added is there in the same order, whatever it is made of, for others too."""
    texts = ["one", "two\nlines", "größer", '"\\', "one"]
    for text in texts:
        History(path).add(text)

    assert texts == list(History(path))
    assert len(texts) == len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_no_history(path):
    """Before anything was added there is nothing."""
    assert [] == list(History(path))


def test_what_is_no_text_is_passed_over(path):
    """Lines that say nothing, or no text, do no harm to the others."""
    path.parent.mkdir()
    path.write_bytes(b'"one"\n\n{"a": 1}\nnonsense\n\xff\n"two"\n"cut')

    assert ["one", "two"] == list(History(path))


def test_a_history_does_not_grow_for_ever(path):
    """Of more than 2,000 texts the latest 1,000 are kept; nobody is told of more than these."""
    history = History(path)
    for number in range(2001):
        history.add(str(number))

    kept = [str(number) for number in range(1001, 2001)]
    assert kept == list(history) == list(history)
    assert 1000 == len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_history_is_private(path):
    """Others on this machine cannot read what was said."""
    before = os.umask(0)
    try:
        History(path).add("secret")
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    path.chmod(0o644)
    History(path).add("another")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    """A home that is a file is no reason to fail."""
    (tmp_path / "home").write_text("", encoding="utf-8")
    history = History(tmp_path / "home" / "history.jsonl")
    history.add("one")

    assert [] == list(history)
