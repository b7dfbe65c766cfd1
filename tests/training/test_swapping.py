"""Swapped tokens keep a dialogue one in which the same is copied."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from training.swapping import Swapping

LETTERS = range(100, 140)


@given(
    st.lists(st.tuples(st.integers(90, 130), st.booleans()), max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_same_is_copied(pairs, random):
    """Equal tokens stay equal, other ones stay other, and those that are not copied stay."""
    ids, learned = [each for each, _ in pairs], [is_learned for _, is_learned in pairs]
    written = {each for each, is_learned in pairs if is_learned}
    read = {each for each, is_learned in pairs if not is_learned}

    got = Swapping(LETTERS, random).swapped(ids, learned)

    changed = {(old, new) for old, new in zip(ids, got, strict=True) if old != new}
    assert len(ids) == len(got)
    assert len(set(ids)) == len(set(got)) == len(set(zip(ids, got, strict=True)))
    assert {old for old, _ in changed} <= written & read & set(LETTERS)
    assert {new for _, new in changed} <= set(LETTERS) - written - read


def test_each_token_comes_instead_of_another():
    """A dialogue that copies one token copies each of the others at times."""
    swapping = Swapping(LETTERS, Random(1))

    got = {tuple(swapping.swapped([100, 7, 100], [False, False, True])) for _ in range(1000)}

    assert {(each, 7, each) for each in LETTERS} == got
