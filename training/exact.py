"""Exact: which share of fresh dialogues the model would write to the last token, by kind.

Each token to be learned is compared with the one that the model finds most likely after the right
ones before it. This takes seconds and no generation, so that a training can print it.
"""

from random import Random
from typing import Any

import torch

from .forward import hits_of
from .kinds.all import STAGES
from .tokens import batch_of, ids_of

__all__ = ["exact", "fresh"]

_SEED = "exact"


def fresh(tokenizer: Any, count: int) -> dict[str, list[Any]]:
    """Return so many batches of 16 dialogues of each kind, of a seed of their own."""
    return {
        kind.__name__: [
            batch_of([ids_of(tokenizer, kind(random)) for _ in range(16)], tokenizer.pad_token_id)
            for _ in range(count)
        ]
        for kind in STAGES["more"]
        for random in [Random(f"{_SEED} {kind.__name__}")]
    }


def exact(model: Any, dialogues: dict[str, list[Any]]) -> dict[str, int]:
    """Return how many percent of the dialogues of each kind are written as they are."""
    with torch.no_grad():
        return {
            name: round(100 * _mean([hits_of(model, *batch) for batch in batches]))
            for name, batches in dialogues.items()
        }


def _mean(hits: list[Any]) -> float:
    return torch.cat(hits).float().mean().item()
