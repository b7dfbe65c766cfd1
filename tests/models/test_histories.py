"""A history of each provider goes on with each other one."""

import pytest

from rxagent.testing.contract import go_on, history_of
from rxagent.testing.far_ends import known_far_ends

FAR_ENDS = known_far_ends()


@pytest.mark.parametrize("other", FAR_ENDS)
@pytest.mark.parametrize("maker", FAR_ENDS)
def test_a_history_goes_on(maker, other):
    """Texts, calls and results arrive, in a request of the other's SDK, and no data of the maker's.

    A provider is left out where its SDK is missing.
    """
    try:
        with FAR_ENDS[maker]() as far_end:
            history = history_of(far_end)
        with FAR_ENDS[other]() as far_end:
            go_on(far_end, history, maker)
    except ImportError as error:
        pytest.skip(str(error))
