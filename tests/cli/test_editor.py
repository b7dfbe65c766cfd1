import os
import stat
import sys

import pytest

from rxagent.cli.editor import History


@pytest.fixture
def path(tmp_path):
    """Return the path of a history that does not exist, in a folder that does not exist."""
    return tmp_path / "home" / "history.jsonl"


def test_a_history_comes_back_in_order(path):
    """Texts come back in their order, whatever they contain, in other objects too."""
    texts = ["one", "two\nlines", "größer", '"\\', "one"]
    for text in texts:
        History(path).add(text)

    assert texts == list(History(path))
    assert len(texts) == len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_no_history(path):
    """A history without a file is empty."""
    assert [] == list(History(path))


def test_what_is_not_a_text_is_skipped(path):
    """Lines without a text do not affect the others."""
    path.parent.mkdir()
    path.write_bytes(b'"one"\n\n{"a": 1}\nnonsense\n\xff\n"two"\n"cut')

    assert ["one", "two"] == list(History(path))


def test_a_history_does_not_grow_for_ever(path):
    """Of more than 2,000 texts the latest 1,000 are kept; iteration yields only these."""
    history = History(path)
    for number in range(2001):
        history.add(str(number))

    kept = [str(number) for number in range(1001, 2001)]
    assert kept == list(history) == list(history)
    assert 1000 == len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_history_is_private(path):
    """Other users of this machine cannot read the messages."""
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
    """A home that is a file does not fail."""
    (tmp_path / "home").write_text("", encoding="utf-8")
    history = History(tmp_path / "home" / "history.jsonl")
    history.add("one")

    assert [] == list(history)
