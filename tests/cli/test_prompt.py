import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.cli.prompt import read_message

lines = st.lists(st.text(st.characters(exclude_characters='\\"\n')), min_size=1)


def read(text):
    """Return the messages of a text, and the prompts of their lines."""
    typed = text.splitlines()
    signs = []

    def ask(sign):
        signs.append(sign)
        if not typed:
            raise EOFError
        return typed.pop(0)

    messages = []
    with pytest.raises(EOFError):
        while True:
            messages.append(read_message(ask))
    return messages, "".join(sign.strip() for sign in signs)


@pytest.mark.parametrize(
    ("text", "messages", "signs"),
    [
        ("one\ntwo", ["one", "two"], ">>>"),
        ("one \\\ntwo\nthree", ["one \ntwo", "three"], ">.>>"),
        ("one\\\n\\\ntwo", ["one\n\ntwo"], ">..>"),
        ("one\\", ["one"], ">.>"),
        ('"""\none\n\ntwo\n"""\nthree', ["\none\n\ntwo\n", "three"], ">....>>"),
        ('  """one\ntwo"""  ', ["one\ntwo"], ">.>"),
        ('"""one"""', ["one"], ">>"),
        ('""""""', [""], ">>"),
        ('"""\none', ["\none"], ">..>"),
        ('say """one"""', ['say """one"""'], ">>"),
        ("\n one", ["", " one"], ">>>"),
    ],
)
def test_messages_are_lines_and_more(text, messages, signs):
    """A line is a message, unless it continues or opens a block; the prompt shows which."""
    assert (messages, signs) == read(text)


@given(lines)
def test_a_backslash_joins_any_lines(lines):
    """Lines that end in a backslash, and the one after, are one message without backslashes."""
    typed = iter([*(f"{line}\\" for line in lines[:-1]), lines[-1], "end"])

    def ask(_):
        return next(typed)

    assert "\n".join(lines) == read_message(ask)
    assert "end" == ask("")


@given(lines)
def test_a_block_holds_any_lines(lines):
    """The text between triple quotes is one message, unchanged."""
    typed = iter(['"""', *lines, '"""', "end"])

    def ask(_):
        return next(typed)

    assert "\n".join(["", *lines, ""]) == read_message(ask)
    assert "end" == ask("")
