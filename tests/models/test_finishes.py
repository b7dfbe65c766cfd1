"""Why a model stopped, in the words of many providers."""

import pytest

from rxagent.models.finishes import finish_of

KNOWN = {
    "stop": "stop STOP end_turn eos eos_token stop_sequence COMPLETE FINISH_REASON_STOP Stop",
    "length": "length max_tokens MAX_TOKENS model_length max_output_tokens length-limit",
    "tool_calls": "tool_calls tool-calls function_call tool_use",
    "content_filter": "content_filter content-filter SAFETY RECITATION sensitive BLOCKLIST",
    "refusal": "refusal",
}


@pytest.mark.parametrize(
    ("said", "meant"), [(word, reason) for reason, words in KNOWN.items() for word in words.split()]
)
def test_known(said, meant):
    """A word of any provider, however it is spelled, has one meaning."""
    assert meant == finish_of(said)


@pytest.mark.parametrize(
    "said", ["error", "insufficient_system_resource", "abort", "network_error", "odd", "", "?"]
)
def test_unknown(said):
    """A failure is in no table, nor is what nobody knows."""
    assert finish_of(said) is None
