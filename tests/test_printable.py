import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.printable import one_line, shown, spelled

anything = st.text(st.characters() | st.characters(categories=["Cs", "Cc", "Cf"]))

OBEYED = [
    *(char for char in map(chr, range(0xA0)) if not char.isprintable() and char not in "\n\t"),
    *map(chr, (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x2070))),
    *map(chr, (0xE0001, *range(0xE0020, 0xE0080))),
]


@given(anything)
def test_nothing_that_is_shown_is_obeyed(text):
    """Of all control characters, only the end of a line and the tab reach a terminal."""
    seen = shown(text)

    assert not [char for char in seen if ord(char) < 32 and char not in "\n\t"]
    assert not [char for char in seen if "\x7f" <= char <= "\x9f" or "\u202a" <= char <= "\u202e"]
    assert seen == shown(seen)
    assert seen == seen.encode("utf-8").decode("utf-8")


@pytest.mark.parametrize("char", [char for char in OBEYED if char != "\xa0"], ids=ascii)
def test_each_character_that_is_obeyed_is_shown(char):
    """C0, C1, DEL, bidirectional marks, line separators and tags: each is visible text."""
    for say in (shown, one_line, spelled):
        assert char not in say(f"a{char}b")
        assert 3 <= len(say(f"a{char}b"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, 你好 🎈", "plain, 你好 🎈"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a␍b"),
        ("\x1b[31mred\x1b[0m\x07", "␛[31mred␛[0m␇"),
        ("\x7f\x9b2J", "␡\\x9b2J"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud83d", "\\ud83d"),
        ("a\U000e0061", "a\\U000e0061"),
        ("👩\u200d💻 क\u200dष ไทย\u200bไทย", "👩\u200d💻 क\u200dष ไทย\u200bไทย"),
        ("[bold]no markup[/bold]", "[bold]no markup[/bold]"),
    ],
)
def test_controls_are_shown_as_pictures(text, seen):
    """A control character is shown by its picture, or by its number where it has none."""
    assert seen == shown(text)


@given(anything)
def test_one_line_is_one_line(text):
    """Whatever a text holds, it fits in one line."""
    assert 2 > len(one_line(text).splitlines())
    assert 2 > len(spelled(text).splitlines())


@given(anything)
def test_a_name_is_spelled_with_characters_that_one_sees(text):
    """Nothing in a name is a control, a format character, or a space other than the plain one."""
    seen = spelled(text)

    assert seen == spelled(seen)
    assert not {unicodedata.category(char) for char in seen} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "gap",
    "\u200b\u200c\u200d\u2060\u2064\ufeff\xad\u180e\u3164\u115f\u034f\ufe0f\u2800\U000e0101",
    ids=ascii,
)
def test_names_that_differ_look_different(gap):
    """A character without width does not make one name pass as another."""
    assert spelled(f"gpt{gap}-5") != "gpt-5"
    assert f"gpt{gap}-5" != spelled(f"gpt{gap}-5")
