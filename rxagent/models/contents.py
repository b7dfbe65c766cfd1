"""Contents: what the parts of a message's content tell, in all their forms."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ..streams.fairness import REST, Rest, rested
from .failures import failure_in
from .reasonings import thoughts_in

__all__ = ["Channel", "Failed", "spoken"]

Channel = Literal["text", "reasoning", "refusal"]

_THOUGHT = re.compile(r"(.*[_.-])?(thinking|reasoning|thoughts?)([_.-].*)?", re.IGNORECASE)


class Failed(tuple[Any]):
    """The description of an error that stands in the place of a part; it has one item."""


def spoken(content: Any) -> Iterator[tuple[Channel, str] | Failed | Rest]:
    """Yield what a content tells: pieces of text, of reasoning, of a refusal, or an error.

    Raises:
        TypeError: It is neither text, nor an object, nor a list of them.
    """
    match content:
        case str():
            yield "text", content
        case list():  # of parts, as Mistral's models that think
            for part in rested(content):
                if part is REST:
                    yield REST
                elif part:
                    yield from spoken(part)
        case Mapping():
            yield from _of_part(content)
        case _:
            raise TypeError


def _of_part(part: Mapping[str, Any]) -> Iterator[tuple[Channel, str] | Failed | Rest]:
    if (error := failure_in(part, inside=True)) is not None:
        yield Failed((error,))
        return
    kind = part.get("type")
    is_thought = isinstance(kind, str) and _THOUGHT.fullmatch(kind)
    thought = part if is_thought or part.get("thought") is True else part.get("thinking")
    for piece in thoughts_in(thought):
        if piece:
            yield REST if piece is REST else ("reasoning", piece)
    if thought is part:
        return
    refusal = part.get("refusal")
    if refusal and isinstance(refusal, str):
        yield "refusal", refusal
    for name in ("text", "value", "content"):
        if text := part.get(name):
            yield from spoken(text)
            return
