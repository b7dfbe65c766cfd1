"""Batches: examples of about one length together, so that little is padded."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import torch

from .kinds.all import KINDS, Kinds, examples
from .tokens import ids_of

__all__ = ["batches"]

_LONGEST = 448
_POOL = 64


def batches(
    tokenizer: Any, seed: int | str, size: int, kinds: Kinds = KINDS
) -> Iterator[tuple[Any, Any]]:
    """Yield tokens and labels, of which -100 is not to be learned.

    Batches that follow each other have other lengths, and so other kinds of examples; those of
    processes side by side have the same, so that they take as long.
    """
    random = Random(0)
    made = (ids_of(tokenizer, example) for example in examples(seed, kinds))
    short = (pair for pair in made if len(pair[0]) <= _LONGEST)
    while True:
        pool = sorted(islice(short, size * _POOL), key=lambda pair: len(pair[0]))
        parts = [pool[at : at + size] for at in range(0, len(pool), size)]
        random.shuffle(parts)
        for part in parts:
            yield _padded(part, tokenizer.pad_token_id)


def _padded(part: list[tuple[list[int], list[bool]]], pad: int) -> tuple[Any, Any]:
    longest = max(len(ids) for ids, _ in part)
    ids = torch.full((len(part), longest), pad)
    labels = torch.full((len(part), longest), -100)
    for row, (tokens, learned) in enumerate(part):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        marked = [
            token if is_learned else -100 for token, is_learned in zip(tokens, learned, strict=True)
        ]
        labels[row, : len(tokens)] = torch.tensor(marked)
    return ids, labels
