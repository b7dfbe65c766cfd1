"""Shrinking finds the fewest items for which something holds."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.testing.shrinking import shrink

numbers = st.lists(st.integers(0, 9), max_size=9)


@given(numbers, st.integers(0, 30))
def test_no_selection_is_smaller(items, least):
    """Of a short list, no selection of fewer items would do."""
    if sum(items) < least:
        with pytest.raises(ValueError, match="does not hold for all items"):
            shrink(items, lambda some: sum(some) >= least)
        return
    fewest = shrink(items, lambda some: sum(some) >= least)

    assert sum(fewest) >= least
    for size in range(len(fewest)):
        assert all(sum(some) < least for some in combinations(items, size))


@given(st.lists(st.integers(0, 3), max_size=40), st.sets(st.integers(0, 3)))
def test_items_keep_their_order_and_none_can_be_left_out(items, wanted):
    """Of a long list, each item that is left is needed."""

    def holds(some):
        assert some == [item for item in some if item in items]
        return wanted & set(items) <= set(some)

    assert len(wanted & set(items)) == len(shrink(items, holds))


def test_a_predicate_that_raises_does_not_hold():
    """What cannot be looked at is not kept."""
    assert [3] == shrink([1, 2, 3, 4], lambda some: 1 / (3 in some))


def test_a_long_list_is_shrunk_in_few_tries():
    """Halves are left out first, and the search for fewer items has an end."""
    tries = []

    def holds(some):
        tries.append(some)
        return {17, 4000} <= set(some)

    assert [17, 4000] == shrink(range(5000), holds)
    assert len(tries) < 10_000
