"""Declined: what stays of a reply that a model declined to end, and that another one took over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from .cache import FALLBACK, THOUGHTS
from .opened import CALL, kind_of
from .server_tools import is_unanswered

__all__ = ["reason_of_fallback", "staying", "without_declined"]

_LEFT = {CALL, "connector_text", *THOUGHTS}
"""The blocks that Anthropic does not pass on to the model that takes over (November 2026)."""

_Block = Mapping[str, Any]


def staying(blocks: Sequence[_Block]) -> list[bool]:
    """Return of each block whether it stays if a `fallback` follows.

    Texts stay, since the other model goes on behind them, and so do results of the server's tools.
    Calls and thoughts do not, and neither does what the server's tools have not answered.
    """
    answered = {block.get("tool_use_id") for block in blocks}
    return [kind_of(block) not in _LEFT and not is_unanswered(block, answered) for block in blocks]


def without_declined(blocks: Sequence[Any]) -> list[Any]:
    """Return the blocks of a whole message that stay, and all behind its last `fallback`."""
    objects = [block if isinstance(block, Mapping) else {} for block in blocks]
    last = max((at for at, it in enumerate(objects) if kind_of(it) == FALLBACK), default=0)
    return [*compress(blocks, staying(objects[:last])), *blocks[last:]]


def reason_of_fallback(block: _Block) -> str:
    """Return in words what a `fallback` block says."""
    before, after = (_model_in(block.get(name)) for name in ("from", "to"))
    return f"{before or 'The model'} declined, and {after or 'another model'} took over."


def _model_in(info: Any) -> str:
    return str(info.get("model") or "") if isinstance(info, Mapping) else ""
