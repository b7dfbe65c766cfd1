"""Lines, words and sentences: the same however the text is cut, and all of it."""

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import operators as ops
from rxagent.errors import ModelUnavailable
from rxagent.events import Finish, MessageCompleted, ReasoningDelta, StepRetried, TextDelta
from rxagent.messages import Message

TEXTS = st.text(st.sampled_from("aB1 .\n!?\"'”。」…,)*Dr"), max_size=60)
SPLITS = [ops.lines, ops.words, ops.sentences]


def received(items, split):
    """Return all that an operator emits, an error last."""
    out = []
    rx.from_iterable(items).pipe(split()).subscribe(out.append, out.append)
    return out


@st.composite
def pieces(draw):
    """Return a text, and the same text in pieces, some of them empty."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
    return text, [text[start:end] for start, end in ends]


@pytest.mark.parametrize("split", SPLITS)
@given(cut=pieces())
def test_how_the_text_is_cut_makes_no_difference(split, cut):
    """Pieces of any size give the parts of the whole text, as text and as deltas."""
    text, parts = cut
    expected = received([text], split)

    assert expected == received(parts, split)
    assert expected == received([*map(TextDelta, parts), Finish("stop")], split)


@pytest.mark.parametrize("split", SPLITS)
@given(text=TEXTS)
def test_the_parts_are_the_text(split, text):
    """Nothing is lost and nothing is added, and no part is empty."""
    parts = received([text], split)

    assert text == "".join(parts)
    assert all(parts)


@given(TEXTS)
def test_lines_and_words_are_those_of_python(text):
    """Lines end at a line break alone, words at any white space."""
    assert text.splitlines(keepends=True) == received([text], ops.lines)
    assert text.split() == [word.strip() for word in received([text], ops.words) if word.strip()]


@given(TEXTS)
def test_a_sentence_is_whole_words_of_one_line(text):
    """Every line break ends a sentence, so no sentence has words on two lines."""
    for sentence in received([text], ops.sentences):
        assert "\n" not in sentence.strip()


@pytest.mark.parametrize(
    "sentences",
    [
        ["Hello there. ", "How are you?"],
        ["Dr. Smith met Mr. J. R. Tolkien at 3.30 p.m. on Fig. 2. ", "He left."],
        ["It costs 3.5 euros, e.g. at home. ", "Cheap!"],
        ['He said "Run!" ', "Then he ran."],
        ["Wait... what? ", "Yes!?"],
        ["1. One thing. ", "Another.\n", "2. Two."],
        ["# Title\n\n", "- one\n", "- two\n"],
        ["He is 12. ", "She is 13."],
        ["你好。", "再见\uff01」", "好"],
        ["See rxagent.events.TextDelta. ", "**Bold.** ", "Done"],
        ["\n  Hello. ", "You."],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences):
    """Abbreviations, numbers, quotes, lists and full stops without white space."""
    assert sentences == received(["".join(sentences)], ops.sentences)


@pytest.mark.parametrize("split", SPLITS)
def test_a_turn_is_a_text_of_its_own(split):
    """What is unfinished is emitted when the turn ends, and dropped when it is retried."""
    events = [
        TextDelta("One"),
        ReasoningDelta("hm"),
        TextDelta(" two"),
        StepRetried(1, "It broke off."),
        TextDelta("Three"),
        Finish("stop"),
        MessageCompleted(Message("assistant", "Three")),
        TextDelta("Four"),
    ]

    assert ["Three", "Four"] == received(events, split)[-2:]


@pytest.mark.parametrize("split", SPLITS)
def test_what_waits_is_emitted_before_an_error(split):
    """An answer that breaks off is shown to its end."""
    broken = ModelUnavailable("It broke off.")
    source = rx.concat(rx.of("Hel", "lo"), rx.throw(broken))
    out = []
    source.pipe(split()).subscribe(out.append, out.append)

    assert ["Hello", broken] == out


@pytest.mark.parametrize("split", SPLITS)
def test_a_text_without_an_end_costs_linear_work(split):
    """One part of a million characters, in small pieces, is joined once."""
    piece = "abcdefgh."
    assert [piece * 120_000] == received([piece] * 120_000, split)
