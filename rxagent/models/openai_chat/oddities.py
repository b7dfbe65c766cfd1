"""Oddities: what servers demand of the messages of a request, though OpenAI's does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from attrs import evolve, frozen

from .ids import IdForm

__all__ = [
    "DEEPSEEKS",
    "GEMINIS",
    "MISTRALS",
    "USUAL",
    "Oddities",
    "apart",
    "joined",
    "oddities_of",
]


_USUAL_IDS = IdForm()


@frozen
class Oddities:
    """What a server demands of the messages of a request.

    Attributes:
        ids: The ids of calls that it accepts.
        thought: What stands for a missing thought, where each message of a turn with calls must
            have its `reasoning_content`, in all later requests as well; empty elsewhere.
        between: The text of a message of the model that stands between the result of a tool and a
            message that the server refuses right behind it; empty elsewhere.
        signature: What stands for the signature that the calls of the latest turn must have;
            empty elsewhere.
        alternate: Whether messages of the user's that follow each other have to be one.
    """

    ids: IdForm = _USUAL_IDS
    thought: str = ""
    between: str = ""
    signature: str = ""
    alternate: bool = False


USUAL = Oddities()
"""Those of most servers."""

DEEPSEEKS = Oddities(thought=" ")
"""Those of DeepSeek's and Moonshot's servers, which answer 400 where the thought of a turn with
calls is missing; DeepSeek V4 also where it is empty, as users report (November 2026)."""

MISTRALS = Oddities(
    ids=IdForm(re.compile("[a-zA-Z0-9]{9}"), takes_own=False),
    between="I have read the result.",
    alternate=True,
)
"""Those of Mistral's server, and of the templates of its models on other servers: they refuse other
ids, also those that the server made, and a user's message behind a tool's or another of the user's
(November 2026)."""

GEMINIS = Oddities(signature="skip_thought_signature_validator")
"""Those of Gemini 3, which answers 400 to a call of the latest turn that has no signature. Google
documents this one for calls of other models (November 2026)."""

_OF_MISTRAL = re.compile(
    r"\bmistral\.ai\b|(?:codes|devs|magis|minis|mis|mix|pix|vox)tral", re.IGNORECASE
)
"""Mistral's server, and its models."""

_OF_GEMMA = re.compile("gemma", re.IGNORECASE)
"""Models whose templates refuse a user's message behind another (November 2026)."""

_UNSIGNED = re.compile(
    r"(?:.*/)?(?:gemini-[12](?!\d)|gemma|learnlm).*|(?!google/)[^/]+/(?!.*gemini).*", re.IGNORECASE
)
"""Models whose calls need no signature: older ones of Google's, and those of others, which Vertex
serves under the name of their publisher (November 2026)."""


@lru_cache
def oddities_of(origin: str | None, model: str, declared: Oddities = USUAL) -> Oddities:
    """Return what a model at an origin demands.

    Args:
        origin: Where the request goes.
        model: The name of the model.
        declared: What its host demands.
    """
    if _OF_MISTRAL.search(f"{origin or ''} {model}"):
        return MISTRALS
    if declared.signature and _UNSIGNED.fullmatch(model):
        declared = evolve(declared, signature="")
    return evolve(declared, alternate=True) if _OF_GEMMA.search(model) else declared


def apart(messages: Iterable[dict[str, Any]], between: str) -> Iterator[dict[str, Any]]:
    """Yield messages, with one of the model behind results that neither it nor a tool follows."""
    role = ""
    for message in messages:
        if role == "tool" and message["role"] not in ("tool", "assistant"):
            yield {"role": "assistant", "content": between}
        role = message["role"]
        yield message


def joined(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield messages, with those of the user's that follow each other in one."""
    latest: dict[str, Any] | None = None
    for message in messages:
        if latest is not None and latest["role"] == message["role"] == "user":
            latest = {**latest, "content": _both(latest["content"], message["content"])}
            continue
        if latest is not None:
            yield latest
        latest = message
    if latest is not None:
        yield latest


def _both(one: Any, other: Any) -> Any:
    """Return two contents, which are texts or lists of parts, as one."""
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(filter(None, (one, other)))
    return [*_parts(one), *_parts(other)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)
