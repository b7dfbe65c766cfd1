"""Server tools: calls that Anthropic makes and answers itself, such as those of a web search.

Anthropic refuses every request in which such a call lacks its result, or a result its call. The
result stands in the same reply; in the next one, if calls of ours were made with it, and nothing
but their results comes between; or it is still to come.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from .opened import CALL, kind_of

__all__ = ["CONTAINER", "are_pending", "is_unanswered", "with_pairs_alone"]

CONTAINER = "container"
"""The name under which a reply says, and a request repeats, where the server's code runs."""


_Block = dict[str, Any]

_USE, _RESULT = "_tool_use", "_tool_result"
"""How the types of such calls and of their results end."""

_OURS = "tool_result"


def is_unanswered(block: Mapping[str, Any], answered: Container[Any]) -> bool:
    """Return whether a block is a call of the server's whose result has not come.

    Args:
        block: The block.
        answered: The ids of the calls that have results.
    """
    return _is_use(block) and block.get("id") not in answered


def with_pairs_alone(turns: Sequence[Sequence[_Block]], at: int) -> list[_Block]:
    """Return the blocks of a reply without calls that lack their results, and such results.

    A call of ours that was made within a call that is left out is an ordinary one then.

    Args:
        turns: The blocks of all turns, in which the model and the user alternate.
        at: Which of them is the reply.
    """
    called, answered = _ids_of_calls(turns, at), _ids_of_results(turns, at)
    kept = [
        block
        for block in turns[at]
        if not is_unanswered(block, answered)
        and not (_is_result(block) and block.get("tool_use_id") not in called)
    ]
    left = {None, *(block.get("id") for block in kept)}
    return [block if _caller_of(block) in left else _without_caller(block) for block in kept]


def are_pending(turns: Sequence[Sequence[_Block]]) -> bool:
    """Return whether a call of the server's waits for the results with which the turns end."""
    if len(turns) < 2 or not _is_of_results(turns[-1]):
        return False
    answered = {block.get("tool_use_id") for block in turns[-2]}
    return any(is_unanswered(block, answered) for block in turns[-2])


def _ids_of_calls(turns: Sequence[Sequence[_Block]], at: int) -> set[Any]:
    """Return the ids of the server's calls whose results may stand in a reply."""
    goes_on = at >= 2 and _is_of_results(turns[at - 1])
    blocks = [*turns[at], *(turns[at - 2] if goes_on else ())]
    return {block.get("id") for block in blocks if _is_use(block)}


def _ids_of_results(turns: Sequence[Sequence[_Block]], at: int) -> set[Any]:
    """Return the ids of the server's calls in a reply that have results, or will have them."""
    goes_on = at + 1 < len(turns) and _is_of_results(turns[at + 1])
    last = at + 1 if goes_on else at
    if last + 1 == len(turns):
        return _ids_of_calls(turns, at)
    blocks = [*turns[at], *(turns[at + 2] if goes_on else ())]
    return {block.get("tool_use_id") for block in blocks}


def _is_use(block: Mapping[str, Any]) -> bool:
    kind = kind_of(block)
    return kind.endswith(_USE) and kind != CALL


def _is_result(block: Mapping[str, Any]) -> bool:
    kind = kind_of(block)
    return kind.endswith(_RESULT) and kind != _OURS


def _is_of_results(blocks: Sequence[_Block]) -> bool:
    return all(block["type"] == _OURS for block in blocks)


def _caller_of(block: _Block) -> Any:
    """Return the id of the server's call within which a call was made."""
    caller = block.get("caller")
    return caller.get("tool_id") if isinstance(caller, Mapping) else None


def _without_caller(block: _Block) -> _Block:
    return {name: value for name, value in block.items() if name != "caller"}
