"""A reply that writes code is cut where its code ends, and is read in one way, early or late."""

from itertools import pairwise

import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent.agents.code_blocks import Tags, find_code
from rxagent.agents.code_eager import written_statements
from rxagent.agents.code_statements import parsed
from rxagent.agents.code_stream import cut_at_code
from rxagent.errors import ParseError
from rxagent.events import Finish, StepRetried, TextDelta, Usage

from ..laws import examples

TAGS = Tags()
MARKDOWN = Tags.of("markdown")
PIECES = [
    *(
        "<code>",
        "</code>",
        "<co",
        "de>",
        "</",
        "```",
        "```python\n",
        "```py3\n",
        "```json\n",
        "~~~\n",
    ),
    *("\n", "\n", " ", "    ", "`", "'", '"', "'''", '"""', "#", "\\", "{", "}", "(", ")", "f'"),
    *(
        "x = 1\n",
        "x = '</code>'\n",
        "if x:\n",
        "    y = 2\n",
        "else:\n",
        "# </code>\n",
        "It's so. ",
    ),
    *('x = """\n```\n"""\n', "print(x)\n", "  x = 1\n", "\t", "\r\n", "<code>\nx = 1\n</code>"),
    *("Use <code> here, ", '<code lang="py">', '"<code>', "```python-repl\n", "and <code>x = (1,"),
    *("x = 1  # </code>\n", "\n</code>\n", "\n```\n", "$$", "html = '''\n<code>\n'''\n", ":"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.builds(
    "{}<code>{}</code>{}".format, *[st.text("x\n</`'#", max_size=8)] * 3
)
places = st.lists(st.integers(1, 60), max_size=5)
every_tags = st.sampled_from([TAGS, MARKDOWN, Tags("$$", "$$"), Tags("[[", "]]")])


def cut(tags, *deltas):
    """Return what is left of a reply."""
    left = []
    rx.from_iterable(deltas).pipe(cut_at_code(tags)).subscribe(left.append)
    return left


def split(text, places):
    """Return a text as deltas."""
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    return [TextDelta(text[one:two]) for one, two in pairwise(edges)]


def said(deltas):
    """Return the text of deltas."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def written(tags, deltas):
    """Return the pieces of code that run while the model writes."""
    pieces = []
    rx.from_iterable(deltas).pipe(cut_at_code(tags), written_statements(tags)).subscribe(
        pieces.append
    )
    return pieces


def found(text, tags):
    """Return the code of a whole reply; None if it has none."""
    try:
        return find_code(text, tags)
    except ParseError:
        return None


@examples(400)
@given(texts, places, every_tags)
@example("```python3\nx = 1\n```\n", [4], MARKDOWN)
@example("<code>\n    x = 1\n    y = 2\n</code>", [9], TAGS)
@example("<code>\n```python\nx = 1\n```\n</code>", [9], TAGS)
@example("Not `<code>` but\n<code>x = 1</code>", [9], TAGS)
@example("See\n```json\n{}\n```\n```python\nx = 1\n```\n", [9], MARKDOWN)
def test_an_eager_reader_reads_the_same(text, places, tags):
    """However a reply is split, the code that runs early is that of the whole reply."""
    whole = said(cut(tags, TextDelta(text), Finish("stop")))
    early = "".join(written(tags, [*split(text, places), Finish("stop")]))

    assert whole == said(cut(tags, *split(text, places), Finish("stop")))
    if early.strip():
        assert found(whole, tags) == early.strip()
    else:
        reader = tags.reader()
        reader.add(whole)
        reader.end()
        assert "" == "".join(reader.blocks).strip()


@given(texts, places, every_tags)
def test_how_a_reply_is_split_makes_no_difference(text, places, tags):
    """The text that is left is the same, and its blocks are closed."""
    left = cut(tags, *split(text, places), Finish("stop"))
    reader = tags.reader()
    reader.add(said(left))

    assert said(cut(tags, TextDelta(text), Finish("stop"))) == said(left)
    assert "" == reader.missing
    assert [Finish("stop")] == [delta for delta in left if isinstance(delta, Finish)]


@given(texts, every_tags)
def test_what_is_left_is_the_start_of_the_reply(text, tags):
    """Only the end of an open block is added; what is cut holds the same code."""
    left = said(cut(tags, TextDelta(text), Finish("stop")))
    reader = tags.reader()
    reader.add(text)
    reader.end()
    code = found(text, tags)

    assert left.startswith(text) or text.startswith(left)
    if reader.over is not None:
        assert reader.over == len(left)
    elif code is not None and parsed(code):
        assert code == found(left, tags)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<code>x = '</code>'</code>\nSo.", "<code>x = '</code>'</code>"),
        ("In </code>:\n<code>x = 1</code> So.", "In </code>:\n<code>x = 1</code>"),
        ("`<code>` is:\n<code>x = 1</code>\n", "`<code>` is:\n<code>x = 1</code>"),
        ("<code>x = 1  # </code>\ny = 2\n</code>So.", "<code>x = 1  # </code>\ny = 2\n</code>"),
        ("x = '<code>y</code>'\nprint(x)", "x = '<code>y</code>'\nprint(x)"),
    ],
)
def test_a_mark_in_a_text_cuts_nothing(text, left):
    """A tag in a string, in a comment or in prose is none."""
    assert left == said(cut(TAGS, TextDelta(text), Finish("stop")))


@given(texts, places, every_tags)
def test_nothing_is_read_behind_the_code(text, places, tags):
    """The piece that ends the code is the last one that is read."""
    read, left = [], []
    pieces = rx.from_iterable(split(text, places)).pipe(rxo.do_action(read.append))
    pieces.pipe(cut_at_code(tags)).subscribe(left.append)
    reader = tags.reader()
    reader.add(text)

    if reader.over is not None:
        assert len(said(read[:-1])) < reader.over == len(said(left))


def test_a_mention_holds_the_text_to_the_end_of_its_line():
    """A tag in a sentence may open a block, so that the rest of its line waits, and is not lost."""
    pieces = [TextDelta(text) for text in ("I use <co", "de> ta", "gs\n", "now", ".")]
    error = RuntimeError("It broke off.")
    left = []
    rx.concat(rx.from_iterable(pieces[:2]), rx.throw(error)).pipe(cut_at_code(TAGS)).subscribe(
        left.append, left.append
    )

    assert ["I use <co", "de> tags\n", "now", "."] == [one.text for one in cut(TAGS, *pieces)]
    assert [TextDelta("I use <co"), TextDelta("de> ta"), error] == left


def test_a_reply_at_the_length_limit_stays_open():
    """Half a block is not closed, since it is not run."""
    assert "<code>\nx" == said(cut(TAGS, TextDelta("<code>\nx"), Finish("length")))


def test_a_reply_without_a_finish_is_closed():
    """Some models end without a reason."""
    assert "<code>\nx</code>" == said(cut(TAGS, TextDelta("<code>\nx")))


def test_a_retraction_begins_anew():
    """What was said before is forgotten."""
    retried = StepRetried(2, "ModelUnavailable: It broke off.")
    left = cut(TAGS, TextDelta("<code>\nx"), retried, TextDelta("y"), Usage(1, 2), Finish("stop"))

    assert [TextDelta("<code>\nx"), retried, TextDelta("y"), Usage(1, 2), Finish("stop")] == left
