"""Texts with thoughts, calls and code: a reply is read alike, in whatever pieces it comes."""

from functools import reduce
from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rxagent.agents.code_blocks import Tags, find_code
from rxagent.agents.code_stream import cut_at_code
from rxagent.draft import Draft, grow
from rxagent.errors import ParseError
from rxagent.models.errors import ErrorFactory
from rxagent.models.local.text_reader import TextReader
from rxagent.models.openai_chat.reply import ChatReply
from rxagent.models.think_tags import ThinkTags
from rxagent.streams.fairness import REST
from rxagent.testing.frames import DONE, finish_chunk, sse, text_chunk

from ..laws import examples

CALL = '{"name": "add", "arguments": {"a": 2}}'
PIECES = [
    *(
        "<think>",
        "</think>",
        "</think>\n\n",
        "\n</think>\n",
        "</thi",
        "nk>",
        "Hm",
        "Hm.",
        "So it is.",
    ),
    *("\n", "\n\n", " ", " " * 90, " " * 210, "\r\n", "\t", "`", "```\n", "```python\n", "~~~\n"),
    *('"', "'", "{", "}", '{"a": 1}', '["x"', "(", ")", ":", ".", "<", ">", "/", "\\", "é", "🎈"),
    *("<code>", "\n<code>\n", "</code>", "x = 1\n", "<tool_call>\n", CALL, "\n</tool_call>"),
    *("<tool_call>", "<function=add>", "<parameter=a>", "</parameter>", "</function>", "Action: "),
]
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
places = st.lists(st.integers(1, 120), max_size=6) | st.just(range(1, 500))


def split(text, places):
    """Return a text in pieces."""
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    return [text[one:two] for one, two in pairwise(edges)]


def of_tags(pieces):
    """Return what think tags separate."""
    tags = ThinkTags("here")
    return [delta for piece in pieces for delta in tags.add(piece)] + tags.end()


def of_chat(pieces, size=None):
    """Return what a chat server sends; bytes may come in pieces of a size."""
    frames = [*map(sse, map(text_chunk, pieces)), sse(finish_chunk("stop")), DONE]
    data = b"".join(frames)
    if size is not None:
        frames = [data[at : at + size] for at in range(0, len(data), size)]
    reply = ChatReply(ErrorFactory("openai", "m"), "here")
    deltas = [delta for frame in frames for delta in reply.feed(frame)] + list(reply.end())
    return [delta for delta in deltas if delta is not REST]


def of_engine(pieces):
    """Return what a model in this process writes."""
    reader = TextReader("", {"add": {}})
    return [d for piece in pieces for d in reader.add(piece)] + reader.end(is_cut=False)


def message(deltas):
    """Return the message of a turn."""
    return reduce(grow, deltas, Draft()).message


READERS = {
    "tags": of_tags,
    "chat": of_chat,
    "bytes of a chat": lambda pieces: of_chat(pieces, 7),
    "engine": of_engine,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@examples(400)
@given(texts, places)
@example("Hm.\n</think>" + " " * 300 + "\n\nHi", [4])
@example("Hm </think>" + " " * 300 + "\n\nHi", range(1, 320))
@example("Hm.</think>" + "\n" * 90 + "Hi", [20])
@example(f"Hm\n\n</think>{CALL}", [3])
@example(f"Hm.\n</think>\n{CALL}", [5])
def test_how_a_text_is_cut_makes_no_difference(read, text, places):
    """The thought, the text, the calls, and what the provider wants back are the same."""
    assert message(read([text])) == message(read(split(text, places)))


@pytest.mark.parametrize("tags", [Tags(), Tags.of("markdown")], ids=["tags", "markdown"])
@examples(400)
@given(texts, places)
def test_how_a_text_with_code_is_cut_makes_no_difference(tags, text, places):
    """The code of a reply is the same, unless a lone tag behind it makes a thought of it."""

    def read(pieces):
        left = []
        rx.from_iterable(of_chat(pieces)).pipe(cut_at_code(tags)).subscribe(left.append)
        said = message(left)
        try:
            return said.reasoning, said.text, find_code(said.text, tags)
        except ParseError as error:
            return said.reasoning, said.text, str(error)

    assume(text.lstrip().startswith("<think>") or not message(of_tags([text])).reasoning)

    assert read([text]) == read(split(text, places))


def test_a_tag_far_behind():
    """A lone tag behind a very long text is a part of it, in one piece as well as in many."""
    text = "So it is. " * 110_000 + "</think>Hi"
    pieces = [text[at : at + 5000] for at in range(0, len(text), 5000)]

    assert text == message(of_tags([text])).text == message(of_tags(pieces)).text
