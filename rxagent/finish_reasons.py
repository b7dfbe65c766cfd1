"""Finish reasons: what the words mean with which providers say why a model stopped."""

from __future__ import annotations

import re

__all__ = ["finish_of"]

_MEANINGS = {
    "stop": """
        stop stopped stop_sequence stop_token stop_str end end_turn end_of_turn end_of_text
        eos eos_token complete completed done finished normal
    """,
    "length": """
        length max_len max_context max_tokens max_length max_new_tokens max_output_tokens
        max_completion_tokens
        model_length model_context_window_exceeded context_length context_length_exceeded
        context_window_exceeded token_limit length_limit time_limit error_limit truncated pause_turn
    """,
    "tool_calls": """
        tool_calls tool_call tool_use function_call function_calls
    """,
    "content_filter": """
        content_filter content_filtered content_policy content_policy_violation safety image_safety
        recitation language blocklist prohibited_content spii sensitive moderation blocked
        guardrail_intervened guardrails error_toxic model_armor
    """,
    "refusal": """
        refusal refused refuse
    """,
}
"""The words of OpenAI, Azure, Anthropic, Bedrock, Cohere, DeepSeek, Gemini, Mistral, TGI, vLLM,
watsonx, xAI, Zhipu and the gateways before them (November 2026). A word that is in no list is a
failure.
"""

_TABLE = {word: reason for reason, words in _MEANINGS.items() for word in words.split()}


_MEMBER = re.compile(r"<?((?:[^\W\d]\w*\.)+)(\w+)(?::.*>)?", re.ASCII | re.DOTALL)
"""The member of an enumeration, as Python writes it: `Reason.STOP`, or `<Reason.STOP: 1>`."""
_OF_FAILURES = re.compile(r"error|fail", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PREFIX = re.compile(r"(?:finish_|stop_)?reason_")


def finish_of(reason: str) -> str | None:
    """Return the finish reason that a provider's word means, or None when it is unknown.

    Words are spelled in any way: `max_tokens`, `max-tokens`, `maxTokens`, `MAX_TOKENS`,
    `FINISH_REASON_MAX_TOKENS`, and as the member of an enumeration, `FinishReason.MAX_TOKENS`.
    """
    word = reason.strip()
    if member := _MEMBER.fullmatch(word):
        if _OF_FAILURES.search(member[1]):
            return None
        word = member[2]
    word = re.sub(r"[^a-z]+", "_", _HUMP.sub("_", word).lower()).strip("_")
    return _TABLE.get(word) or _TABLE.get(_PREFIX.sub("", word, count=1))
