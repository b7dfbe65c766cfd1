"""Preserved thinking: thoughts that Anthropic takes back only behind the same conversation.

Some Claude models bind each thought to the system prompt, the tools and the messages before it. A
request in which one of these has changed, as in an agent's last step, which offers no tools, is
refused, unless it asks for such thoughts to be dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .cache import THOUGHTS

__all__ = ["BETA", "without_refusals"]

BETA = "thinking-binding-controls-2026-08-01"
"""The value of the header that such a request needs (November 2026)."""

_HEADER = "anthropic-beta"
_BINDING = "block_binding"
_DROPPED = {"prefix_mismatch_behavior": "drop_block"}

_BINDS = re.compile(r"claude-[a-z]+-(?:5-[1-9]\d?|[6-9]|[1-9]\d)(?!\d)", re.IGNORECASE)
"""The models that bind thoughts: those from version 5.1 on (November 2026)."""


def without_refusals(call: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the arguments of a request that asks for thoughts to be dropped where need be.

    Args:
        call: The arguments of the SDK's `create`.
        headers: The headers that the client sends anyway.
    """
    body = call["extra_body"]
    thinking = body.get("thinking") or {"type": "adaptive"}  # which these models do by themselves
    is_given = not isinstance(thinking, Mapping) or _BINDING in thinking
    if is_given or thinking.get("type") == "disabled":
        return call
    if not _BINDS.match(call["model"]) or not _has_thoughts(body.get("messages", ())):
        return call
    own = {name.lower(): value for name, value in (call.get("extra_headers") or {}).items()}
    given = {name.lower(): value for name, value in headers.items()} | own
    betas = ",".join(filter(None, [given.get(_HEADER), BETA]))
    return {
        **call,
        "extra_headers": {**own, _HEADER: betas},
        "extra_body": {**body, "thinking": {**thinking, _BINDING: _DROPPED}},
    }


def _has_thoughts(messages: Iterable[Any]) -> bool:
    contents = (message.get("content") for message in messages if isinstance(message, Mapping))
    blocks = (block for content in contents if isinstance(content, list) for block in content)
    return any(isinstance(block, Mapping) and block.get("type") in THOUGHTS for block in blocks)
