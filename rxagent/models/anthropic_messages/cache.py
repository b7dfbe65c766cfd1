"""Cache marks: where a prefix of a request ends that Anthropic keeps for the next one."""

from __future__ import annotations

from typing import Any

__all__ = ["CACHES", "FALLBACK", "THOUGHTS", "mark"]

CACHES = (False, True, "5m", "1h")
"""The values of `cache`: no marks, marks with Anthropic's usual time, or with this time."""

THOUGHTS = ("thinking", "redacted_thinking")
"""The blocks that end no reply."""

FALLBACK = "fallback"
"""The block behind which another model goes on."""

_UNMARKED = (*THOUGHTS, FALLBACK)
"""The blocks that take no mark."""


def mark(body: dict[str, Any], cache: bool | str) -> None:
    """Mark a request: its system or else its tools, its last turn, and the user's before it.

    The first mark serves all conversations of an agent. The last one keeps this conversation for
    its next turn, which finds it by the mark before the last one.

    Args:
        body: The fields of the request, which are changed.
        cache: A value of `CACHES`.
    """
    if not cache:
        return
    control = {"type": "ephemeral"}
    if isinstance(cache, str):
        control["ttl"] = cache
    turns = body.get("messages") or []
    users = [turn["content"] for turn in turns[:-1] if turn["role"] == "user"]
    last = [turns[-1]["content"]] if turns else []
    for blocks in (body.get("system") or body.get("tools"), *users[-1:], *last):
        for block in reversed(blocks or ()):
            if block.get("type") not in _UNMARKED:
                block["cache_control"] = control
                break
