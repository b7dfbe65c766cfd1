"""A history of each provider goes on with each other one."""

import pytest

from rxagent.messages import Message
from rxagent.testing.contract import go_on, history_of
from rxagent.testing.far_ends import known_far_ends

from .odd_hosts import HOSTS

MAKERS = known_far_ends()
FAR_ENDS = MAKERS | HOSTS


@pytest.mark.parametrize("other", FAR_ENDS)
@pytest.mark.parametrize("maker", MAKERS)
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


@pytest.mark.parametrize("other", ["anthropic", "mistral", "openai", "responses", *HOSTS])
@pytest.mark.parametrize("maker", ["anthropic", "openai", "deepseek", "moonshot"])
def test_a_history_goes_on_in_later_turns(maker, other):
    """So it does behind an answer, and where the user speaks right behind a result."""
    thanks = Message("user", "Thanks. And tomorrow?")
    try:
        with FAR_ENDS[maker]() as far_end:
            history = history_of(far_end)
        for answer in ([], [Message("assistant", "Five.")]):
            with FAR_ENDS[other]() as far_end:
                go_on(far_end, [*history, *answer, thanks], maker)
    except ImportError as error:
        pytest.skip(str(error))
