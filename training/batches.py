"""Batches: examples of about one length together, so that little is padded."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

from .example import Example
from .kinds.all import KINDS, Kinds, examples
from .swapping import Swapping
from .tokens import batch_of, ids_of, swappable

__all__ = ["batches"]

_LONGEST = 448
_POOL = 64
_SWAPPED = ("tools", "fixing")


def batches(
    tokenizer: Any, seed: int | str, size: int, kinds: Kinds = KINDS
) -> Iterator[tuple[Any, Any]]:
    """Yield tokens and labels, of which -100 is not to be learned.

    Batches that follow each other have other lengths, and so other kinds of examples; those of
    processes side by side have the same, so that they take as long.
    """
    random = Random(0)
    swapping = Swapping(swappable(tokenizer), Random(f"{seed} swapping"))

    def read(example: Example) -> tuple[list[int], list[bool]]:
        ids, learned = ids_of(tokenizer, example)
        is_swapped = example.tools and example.kind in _SWAPPED
        return (swapping.swapped(ids, learned) if is_swapped else ids), learned

    made = map(read, examples(seed, kinds))
    short = (pair for pair in made if len(pair[0]) <= _LONGEST)
    while True:
        pool = sorted(islice(short, size * _POOL), key=lambda pair: len(pair[0]))
        parts = [pool[at : at + size] for at in range(0, len(pool), size)]
        random.shuffle(parts)
        for part in parts:
            yield batch_of(part, tokenizer.pad_token_id)
