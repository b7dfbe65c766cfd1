"""ThinkTags between think tags at the start of a text."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import (
    ReasoningDelta,
    StepRetried,
    TextDelta,
)
from rxagent.models.think_tags import ThinkTags
from rxagent.state import Draft, grow
from rxagent.testing.frames import (
    DONE,
    call_chunk,
    sse,
    text_chunk,
)


def split(*pieces):
    """Return the thought and the answer that pieces of text hold, and check that none is empty."""
    tags = ThinkTags()
    deltas = [delta for piece in pieces for delta in tags.add(piece)] + tags.end()
    assert all(delta.text for delta in deltas)
    return tuple(
        "".join(delta.text for delta in deltas if isinstance(delta, kind))
        for kind in (ReasoningDelta, TextDelta)
    )


def in_pieces(text, places):
    """Return a text cut at some places."""
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


CASES = {
    "<think>so</think>it is": ("so", "it is"),
    " \n<think>\nso\n</think>\n\nit is": ("\nso\n", "it is"),
    "<think></think>it is": ("", "it is"),
    "<think>so</think>": ("so", ""),
    "<think>a < b </thin > c</think>it is": ("a < b </thin > c", "it is"),
    "<think>so, still": ("so, still", ""),
    "<think>so</thi": ("so</thi", ""),
    "<think>so</think>it <think>is</think>": ("so", "it <think>is</think>"),
    "it <think>is</think>": ("", "it <think>is</think>"),
    "<thin": ("", "<thin"),
    "<thinking>it is": ("", "<thinking>it is"),
    "  it is": ("", "  it is"),
    "\n": ("", "\n"),
    "": ("", ""),
}


@pytest.mark.parametrize("text", CASES)
@given(places=st.lists(st.integers(0)))
def test_tags(text, places):
    """However a text is cut, it gives the same thought and the same answer."""
    assert CASES[text] == split(*in_pieces(text, places))


@given(st.lists(st.text(alphabet="<think/> x\n")))
def test_nothing_is_lost(pieces):
    """A text that does not start with a tag is the answer, to the last letter."""
    text = "".join(pieces)
    if not text.lstrip().startswith("<think>") and "</think>" not in text:
        assert ("", text) == split(*pieces)


def test_at_once():
    """Text is emitted as it comes, once it cannot begin a tag."""
    tags = ThinkTags()

    assert [TextDelta("Hi")] == tags.add("Hi")
    assert tags.may_pass
    assert [TextDelta("<think>")] == tags.add("<think>")


MENTIONS = [
    "Close it with `</think>` and go on.",
    "Code:\n```\n</think>\n```\nSo it is.",
    "Code:\n```xml\nx</think>\n```\nSo it is.",
    "The tag </think> ends a thought.",
    'The tag "</think>" ends a thought.',
    "Then write </think>, and go on.",
    "It ends with </think>.",
    "- </think> is the tag",
    "| </think> | the tag |",
    "It ends with </think>",
    "Replace foo by\n</think>",
    "Replace foo by\n</think>\nin each file.",
    "Write this line:\n</think>\nThen go on.",
    "Write\n</think>, and go on.",
    "Write\n</think> and go on.",
    "Many: `</think>`" + " and </think> again" * 40,
    r'{"code": "t.split(\"</think>\")[-1]\nhm</think>Paris"}',
    'A call: {"code": "t.split(\\"</think>\\")[-1]"}',
    r'["hm</think>Paris", "\n</think>"]',
    "I cut it.\n<code>\nt = '''\nhm\n</think>\nParis'''\nt.split('hm</think>Paris')\n</code>",
    "I cut it.\n<code lang='python'>\nt = '''\nhm.\n</think>\nParis'''\n</code>",
    '<tool_call>\n{"name": "write", "arguments": {"text": "hm</think>Paris"}}\n</tool_call>',
    "<tool_call>\n<function=write>\n<parameter=text>\n</think>\nhm</think>Paris\n</parameter>",
    "<function=write><parameter=text>hm</think>Paris</parameter></function>",
]


@pytest.mark.parametrize("text", MENTIONS)
@given(places=st.lists(st.integers(0)))
def test_a_tag_that_is_mentioned(text, places):
    """A text that mentions the tag, in code, in quotes or in a sentence, stays the answer."""
    tags = ThinkTags()
    deltas = [d for piece in in_pieces(text, places) for d in tags.add(piece)]

    assert [TextDelta(text)] == [TextDelta("".join(d.text for d in [*deltas, *tags.end()]))]
    assert all(isinstance(delta, TextDelta) for delta in deltas)


ENDED = {
    "Hm.</think>Hi": ("Hm.", "Hi"),
    "Hm</think>\n\nHi": ("Hm", "Hi"),
    "Hm\n</think>\n\nHi": ("Hm\n", "Hi"),
    "Hm. </think>\nHi": ("Hm. ", "Hi"),
    "Hm </think>\n\nHi": ("Hm ", "Hi"),
    "Hm.\n</think>Hi": ("Hm.\n", "Hi"),
    "Hm:\n</think>\n\nHi": ("Hm:\n", "Hi"),
    "It is `x`.\n```\ncode\n```\n</think>\nHi": ("It is `x`.\n```\ncode\n```\n", "Hi"),
    "Not `</think>` yet.\n</think>\nHi": ("Not `</think>` yet.\n", "Hi"),
    "I write <code> tags.\n</think>\nHi": ("I write <code> tags.\n", "Hi"),
    "So:\n<code>\nx\n</code>\n</think>\nHi": ("So:\n<code>\nx\n</code>\n", "Hi"),
    '{"a": 1}\n</think>\nHi': ('{"a": 1}\n', "Hi"),
    "Hm.</think>": ("Hm.", ""),
    "</think>Hi": ("", "Hi"),
}


@pytest.mark.parametrize("text", ENDED)
@given(places=st.lists(st.integers(0)))
def test_a_tag_that_ends_a_thought(text, places):
    """A lone tag at the end of a line or of a word ends a thought, however the text is cut."""
    tags, deltas = ThinkTags(), []
    for piece in in_pieces(text, places):
        deltas += tags.add(piece)
    deltas += tags.end()
    retried = [at for at, delta in enumerate(deltas) if isinstance(delta, StepRetried)]
    left = deltas[retried[-1] + 1 :] if retried else deltas

    assert ENDED[text] == tuple(
        "".join(delta.text for delta in left if isinstance(delta, kind))
        for kind in (ReasoningDelta, TextDelta)
    )


@given(st.lists(st.integers(0, 60)), st.booleans())
def test_a_thought_without_an_opening_tag(read, places, escaped):
    """However it is cut, text before a lone closing tag is a thought."""
    text = "The user greets <me>.</think>\n\nHi, you"
    ends = sorted(place % (len(text) + 1) for place in places)
    pieces = [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    frames = [sse(text_chunk(piece)) for piece in pieces]
    frames = [part.replace(b"<", b"\\u003c") if escaped else part for part in frames]

    draft = reduce(grow, read(*frames, DONE), Draft())

    assert ("The user greets <me>.", "Hi, you") == (draft.reasoning.text, draft.text.text)


def test_a_lone_tag_after_a_call(read):
    """A closing tag that stands alone counts in the first text of a reply only."""
    parts = text_chunk("a"), call_chunk(0, "x", "add", "{}"), text_chunk("b</think>c")

    assert "ab</think>c" == reduce(grow, read(*map(sse, parts), DONE), Draft()).text.text


def test_a_lone_tag_before_a_call(read):
    """What ends in a closing tag right before a call is a thought, whatever it ends with."""
    parts = text_chunk("So I add"), text_chunk("\n</think>"), call_chunk(0, "x", "add", "{}")
    draft = reduce(grow, read(*map(sse, parts), DONE), Draft())

    assert ("So I add\n", "") == (draft.reasoning.text, draft.text.text)


def test_a_lone_tag_retracts_the_text(read):
    """Text is emitted as it comes; a lone tag retracts it, and it follows as reasoning."""
    parts = text_chunk("Hm"), text_chunk(".</think>"), text_chunk("Hi")

    deltas = read(*map(sse, parts), DONE)

    assert [TextDelta("Hm"), ReasoningDelta("Hm."), TextDelta("Hi")] == [
        delta for delta in deltas if not isinstance(delta, StepRetried)
    ]
    assert [1] == [delta.attempt for delta in deltas if isinstance(delta, StepRetried)]
