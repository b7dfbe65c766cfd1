"""Thoughts that Anthropic takes back only where nothing before them has changed."""

import pytest

from rxagent.models.anthropic_messages.preserved import BETA, without_refusals

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
MESSAGES = [
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "Hello."}]},
    {"role": "user", "content": "Go on."},
]
DROPPED = {"prefix_mismatch_behavior": "drop_block"}


def sent(model="claude-opus-5-5", headers=(), messages=MESSAGES, own=None, **body):
    """Return the thinking and the header that are sent, if any."""
    call = {"model": model, "extra_body": {"messages": messages, **body}}
    call |= {"extra_headers": own} if own else {}
    call = without_refusals(call, dict(headers))
    return call["extra_body"].get("thinking"), call.get("extra_headers", {}).get("anthropic-beta")


@pytest.mark.parametrize(
    ("model", "binds"),
    [
        ("claude-opus-5-5", True),
        ("claude-haiku-5-5-20261001", True),
        ("claude-fable-5-1", True),
        ("claude-sonnet-6", True),
        ("claude-opus-10-1", True),
        ("claude-opus-5", False),
        ("claude-opus-5-20260901", False),
        ("claude-sonnet-4-6", False),
        ("claude-3-5-sonnet-20241022", False),
        ("another", False),
    ],
)
def test_models_that_bind_thoughts(model, binds):
    """From version 5.1 on, such a thought is dropped instead of refused."""
    asked = {"type": "adaptive", "block_binding": DROPPED}, BETA

    assert (asked if binds else (None, None)) == sent(model)


def test_without_thoughts():
    """Where none is sent back, nothing is asked for."""
    assert (None, None) == sent(messages=[MESSAGES[0], MESSAGES[2]])


@pytest.mark.parametrize(
    "thinking", [{"type": "disabled"}, {"type": "adaptive", "block_binding": {}}, "odd"]
)
def test_what_the_user_says(thinking):
    """An own choice stays, and nothing is asked for where thinking is off."""
    assert (thinking, None) == sent(thinking=thinking)


def test_other_fields_and_headers():
    """They are sent as well."""
    thinking = {"type": "adaptive", "display": "summarized"}
    asked = {**thinking, "block_binding": DROPPED}

    assert (asked, f"a,{BETA}") == sent(thinking=thinking, headers={"Anthropic-Beta": "a"})
    assert (asked, f"b,{BETA}") == sent(
        thinking=thinking, headers={"anthropic-beta": "a"}, own={"Anthropic-beta": "b"}
    )
