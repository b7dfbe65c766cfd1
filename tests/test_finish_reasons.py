"""What the words mean with which providers say why a model stopped."""

from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.finish_reasons import finish_of

KNOWN = {
    "stop": "stop end_turn eos eos_token stop_sequence complete",
    "length": "length max_tokens model_length max_output_tokens length_limit time_limit max_len",
    "tool_calls": "tool_calls function_call tool_use",
    "content_filter": "content_filter safety recitation sensitive blocklist",
    "refusal": "refusal",
}
MEANINGS = {word: reason for reason, words in KNOWN.items() for word in words.split()}
UNKNOWN = ["error", "abort", "network_error", "not_finished", "cancelled", "malformed_stop", "odd"]


def camel(word):
    """Return a word as in camelCase."""
    first, *others = word.split("_")
    return first + "".join(map(str.title, others))


def member(word):
    """Return the member of an enumeration."""
    return Enum("FinishReason", [word.upper()], module="google.genai")[word.upper()]


SPELLED = [
    str,
    str.upper,
    str.title,
    camel,
    lambda word: camel(f"_{word}")[:1].upper() + camel(word)[1:],
    lambda word: word.replace("_", "-"),
    lambda word: f" {word}\n",
    lambda word: f"FINISH_REASON_{word.upper()}",
    lambda word: f"STOP_REASON_{word.upper()}",
    lambda word: f"REASON_{word.upper()}",
    lambda word: camel(f"finish_reason_{word}"),
    lambda word: str(member(word)),
    lambda word: repr(member(word)),
    lambda word: f"types.Candidate.FinishReason.{word.upper()}",
    lambda word: f"StopReason.{camel(word)}",
]


@given(st.sampled_from(sorted(MEANINGS)), st.sampled_from(SPELLED))
def test_known(word, spelled):
    """A word of any provider has one meaning, however it is spelled."""
    assert MEANINGS[word] == finish_of(spelled(word))


@given(st.sampled_from(UNKNOWN), st.sampled_from(SPELLED))
def test_unknown(word, spelled):
    """A failure is in no table, and neither is an unknown word, in any spelling."""
    assert finish_of(spelled(word)) is None


@pytest.mark.parametrize(
    "word",
    ["", "?", ".", "Error.STOP", "FailureReason.LENGTH", "It failed. Stop", "a b.stop"],
)
def test_no_word(word):
    """A sentence that ends in a word is none, and neither is a member of failures."""
    assert finish_of(word) is None
