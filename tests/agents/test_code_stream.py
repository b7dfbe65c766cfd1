"""A reply that writes code is cut where its code ends."""

from itertools import pairwise

import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent.agents.code_blocks import Tags
from rxagent.agents.code_stream import cut_at_code
from rxagent.events import Finish, StepRetried, TextDelta, Usage

TAGS = Tags()
MARKDOWN = Tags.of("markdown")
texts = st.text("x\n<code>/`python", max_size=30) | st.builds(
    "{}<code>{}</code>{}".format, *[st.text("x\n</`", max_size=8)] * 3
)


def cut(tags, *deltas):
    """Return what is left of a reply."""
    left = []
    rx.from_iterable(deltas).pipe(cut_at_code(tags)).subscribe(left.append)
    return left


def said(deltas):
    """Return the text of deltas."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@given(texts, st.lists(st.integers(1, 30), max_size=4), st.sampled_from([TAGS, MARKDOWN]))
def test_how_a_reply_is_split_makes_no_difference(text, places, tags):
    """The text that is left is the same, and its blocks are closed."""
    edges = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    pieces = [TextDelta(text[one:two]) for one, two in pairwise(edges)]
    left = cut(tags, *pieces, Finish("stop"))

    assert said(cut(tags, TextDelta(text), Finish("stop"))) == said(left)
    assert "" == tags.missing_end(said(left))
    assert [Finish("stop")] == [delta for delta in left if isinstance(delta, Finish)]


@given(texts)
def test_what_is_left_is_the_start_of_the_reply(text):
    """Up to the first closing tag; only the end of an open block is added."""
    left = said(cut(TAGS, TextDelta(text), Finish("stop")))
    before, _, _ = text.partition("</code>")

    assert left == before + TAGS.missing_end(before)


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
