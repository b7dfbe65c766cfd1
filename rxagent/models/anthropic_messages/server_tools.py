"""Server tools: calls that Anthropic makes and answers itself, such as those of a web search."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from .opened import CALL, kind_of

__all__ = ["is_unanswered", "without_unanswered"]

_Block = Mapping[str, Any]

_USE = "_tool_use"
"""How the types of such calls end."""


def is_unanswered(block: _Block, answered: Container[Any]) -> bool:
    """Return whether a block is a call of the server's whose result has not come.

    Args:
        block: The block.
        answered: The ids of the calls that have results.
    """
    kind = kind_of(block)
    return kind.endswith(_USE) and kind != CALL and block.get("id") not in answered


def without_unanswered(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks of a reply without the server's calls that have no result.

    Anthropic refuses every request in which something follows one of them, but results of calls
    that came beside it. A call of ours that was made within one of them is an ordinary call then.
    """
    answered = {block.get("tool_use_id") for block in blocks}
    kept = [block for block in blocks if not is_unanswered(block, answered)]
    if len(kept) == len(blocks):
        return blocks
    left = {block.get("id") for block in kept}
    return [block if _caller_of(block) in left else _without_caller(block) for block in kept]


def _caller_of(block: _Block) -> Any:
    """Return the id of the server's call within which a call was made."""
    caller = block.get("caller")
    return caller.get("tool_id") if isinstance(caller, Mapping) else None


def _without_caller(block: _Block) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "caller"}
