"""Own tags: between which models write their thoughts in their text, by the models' names."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["ALL_TAGS", "THINK", "Tags", "own_tags", "tags_of"]

Tags = tuple[str, str]
"""What opens a thought, and what closes it."""

THINK: Tags = "<think>", "</think>"
"""The tags of most models."""

_OWN: dict[str, Tags] = {
    r"exaone-deep": ("<thought>", "</thought>"),
    r"gpt-oss": ("<reasoning>", "</reasoning>"),
    r"kimi-vl": ("◁think▷", "◁/think▷"),
    r"magistral": ("[THINK]", "[/THINK]"),
    r"(?<![a-z])nova(?![a-z])": ("<thinking>", "</thinking>"),
    r"seed-oss": ("<seed:think>", "</seed:think>"),
}
"""Tags of models that have their own, by what their names contain: EXAONE Deep, gpt-oss behind
Bedrock's OpenAI-compatible endpoint, Kimi-VL, Magistral and Seed-OSS where the server parses no
thoughts, and Amazon's Nova (November 2026)."""

_OPENED = ("<thought>",)
"""What templates of models with own tags have opened already, so that the other one comes alone."""

ALL_TAGS = (THINK, *_OWN.values())


def own_tags(model_id: str | None) -> Tags | None:
    """Return the tags that a model has of its own; None if it has none."""
    name = (model_id or "").lower()
    return next((tags for pattern, tags in _OWN.items() if re.search(pattern, name)), None)


@lru_cache
def tags_of(model_id: str | None) -> tuple[Tags, ...]:
    """Return all tags that a model may use; of the first, the closing one may come alone."""
    own = own_tags(model_id)
    if own is None:
        return (THINK,)
    return (own, THINK) if own[0] in _OPENED else (THINK, own)
