"""Contents: the texts of a whole item, in the forms in which servers send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exact_json import exact_text
from ..openai_chat.fields import whole
from ..openai_chat.nesting import is_deep
from ..openai_chat.reasoning import thoughts_in
from .parts import Part

__all__ = [
    "CALL",
    "KIND_OF",
    "MESSAGE",
    "OF_MODEL",
    "REASONING",
    "Texts",
    "arguments_in",
    "text_in",
    "texts_of",
    "typed",
]

CALL, MESSAGE, REASONING = "function_call", "message", "reasoning"
OF_MODEL = CALL, MESSAGE, REASONING
"""The items that the model itself has made."""


KIND_OF = {
    "arguments": CALL,
    "content": REASONING,
    "refusal": MESSAGE,
    "summary": REASONING,
    "text": MESSAGE,
}
"""The texts of items, each with the type of item that has it."""

Texts = dict[str, list[Part]]
"""The texts of a whole item by their names, each with its parts."""

_OF_PARTS = {
    "output_text": ("text", "text"),
    "reasoning_text": ("content", "text"),
    "refusal": ("refusal", "refusal"),
    "summary_text": ("summary", "text"),
}
"""The parts of whole items by their types: which of the texts they hold, and under what name."""


def typed(item: Any) -> Any:
    """Return an item with the type that its fields show, where it has none."""
    if not isinstance(item, Mapping) or item.get("type") is not None:
        return item
    if item.get("arguments") is not None or item.get("call_id") is not None:
        return {**item, "type": CALL}
    if item.get("summary") is not None or item.get("encrypted_content") is not None:
        return {**item, "type": REASONING}
    is_said = item.get("content") is not None and item.get("role") is None
    if is_said or item.get("role") == "assistant":
        return {**item, "type": MESSAGE}
    return item


def texts_of(item: Mapping[str, Any]) -> Texts:
    """Return the texts that an item holds; what cannot be read is left out."""
    texts: Texts = {}
    match item.get("type"):
        case "function_call":
            if arguments := arguments_in(item.get("arguments")):
                texts["arguments"] = [(0, arguments)]
        case "message":
            _add(texts, item.get("content"), "text")
        case "reasoning":
            _add(texts, item.get("summary"), "summary")
            _add(texts, item.get("content"), "content")
    return texts


def text_in(part: Any, usual: str) -> tuple[str, str]:
    """Return the name and the text of a part; an empty text if it has none.

    Args:
        part: The part.
        usual: The name of a text whose type is unknown.
    """
    if isinstance(part, str):
        return usual, whole(part)
    if not isinstance(part, Mapping):
        return usual, ""
    kind = part.get("type")
    name, under = _OF_PARTS.get(kind if isinstance(kind, str) else "", (usual, "text"))
    if KIND_OF[name] != KIND_OF[usual]:
        return usual, ""
    text = part.get(under)
    if KIND_OF[name] == REASONING and not is_deep(text):
        text = "".join(thought for thought in thoughts_in(text) if isinstance(thought, str))
    return name, whole(text) if isinstance(text, str) else ""


def arguments_in(value: Any) -> str:
    """Return arguments as text: some servers send an object."""
    if isinstance(value, str):
        return whole(value)
    return exact_text(value) if isinstance(value, Mapping | list) else ""


def _add(texts: Texts, content: Any, usual: str) -> None:
    parts = content if isinstance(content, list | tuple) else [content]
    for number, part in enumerate(parts):
        name, text = text_in(part, usual)
        if text:
            texts.setdefault(name, []).append((number, text))
