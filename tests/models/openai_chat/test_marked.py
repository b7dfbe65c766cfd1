"""Thoughts that a server marks in the text of the answer."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import ReasoningDelta, TextDelta
from rxagent.messages import Message
from rxagent.models.openai_chat.request import chat_messages
from rxagent.testing.frames import DONE, call_chunk, chunk, finish_chunk, sse, text_chunk

MARK = {"extra_content": {"google": {"thought": True}}}
SIGNED = {"extra_content": {"google": {"thought": True, "thought_signature": "s"}}}


def pieces(text, places):
    """Return a text cut at some places, without empty pieces."""
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(ends)]


def joined(deltas, kind):
    """Return the text of the deltas of a kind."""
    return "".join(delta.text for delta in deltas if isinstance(delta, kind))


THOUGHTS = st.text("hm <>/t", max_size=12).filter(lambda text: "</thought>" not in text)


@given(THOUGHTS, st.sampled_from(["", " ", "\n\n"]), st.lists(st.integers(0)), st.integers(0))
def test_tags_around_marked_thoughts(read, thought, gap, places, unmarked):
    """Tags around marked thoughts are dropped, however they are cut and where the mark ends."""
    text = f"<thought>{thought}</thought>{gap}Hi <b>you</b>"
    closed = len("<thought>") + len(thought)
    end = closed + unmarked % (len("</thought>") + 1)  # the closing tag may lie behind the mark
    marked = [chunk({"content": piece, **MARK}) for piece in pieces(text[:end], places)]
    rest = [text_chunk(piece) for piece in pieces(text[end:], places)]
    deltas = read(*map(sse, [*marked, *rest, finish_chunk("stop")]), DONE)

    assert "Hi <b>you</b>" == joined(deltas, TextDelta)
    assert thought == joined(deltas, ReasoningDelta)


@given(
    st.text("hm ", min_size=1, max_size=8).filter(str.strip),
    st.sampled_from(["", "</thought>", " </thought>\n"]),
    st.lists(st.integers(0)),
)
def test_the_mark_suffices(read, thought, closing, places):
    """Marked text is a thought without any tag; a closing tag behind it is dropped."""
    marked = [chunk({"content": piece, **MARK}) for piece in pieces(thought, places)]
    rest = [text_chunk(piece) for piece in pieces(f"{closing}Hi", places)]
    deltas = read(*map(sse, [*marked, *rest, finish_chunk("stop")]), DONE)

    assert ("Hi", thought) == (joined(deltas, TextDelta), joined(deltas, ReasoningDelta))


def test_tags_without_a_mark(read):
    """Without a mark, the tags are text of the answer."""
    deltas = read(sse(text_chunk("<thought>Hm</thought>Hi")), sse(finish_chunk("stop")), DONE)

    assert "<thought>Hm</thought>Hi" == joined(deltas, TextDelta)


def test_thoughts_after_the_answer_and_at_the_end(read):
    """A thought may follow the answer, and a reply may end within one."""
    parts = [text_chunk("Hi"), chunk({"content": "<thought>Hm</th", **MARK}), finish_chunk("stop")]
    deltas = read(*map(sse, parts), DONE)

    assert ("Hi", "Hm</th") == (joined(deltas, TextDelta), joined(deltas, ReasoningDelta))


def test_a_signature_is_given_back_and_a_mark_is_not(kept):
    """A mark alone is no data of the message, and a signature beside it is."""
    call = call_chunk(0, "a", "add", "{}")
    marked = kept(chunk({"content": "Hm", **MARK}), text_chunk("Hi"), call)
    signed = kept(chunk({"content": "Hm", **SIGNED}), text_chunk("Hi"), call)
    _, *sent = chat_messages([Message("user", "?"), marked, signed], "here")

    assert ("Hm", "Hi") == (marked.reasoning, marked.text)
    assert ["extra_content" in message for message in sent] == [False, True]
    assert {"google": {"thought_signature": "s"}} == sent[1]["extra_content"]
    assert ["Hi", "Hi"] == [message["content"] for message in sent]
