"""Tokens: the tokenizer, in which a space and a digit are tokens of their own.

So a word is the same tokens everywhere: in a question, in the name of a tool, between quotes. To
copy it is to repeat tokens.
"""

from itertools import islice
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from .example import END, PAD, SPECIAL, TAGS, Example
from .kinds.all import examples
from .kinds.phrases import FIXED

__all__ = ["batch_of", "ids_of", "made", "swappable"]

SIZE = 1280
_WORDS_FROM = 40_000


def made() -> Any:
    """Return the tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    whole = Regex(r" |\d|_|[^\s\d_]+|\s")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(whole, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(SPECIAL) - len(TAGS),
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    # Without merges of spaces and digits, this splits them as well, and every engine knows it.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[each for each in SPECIAL if each not in (END, PAD)],
        clean_up_tokenization_spaces=False,
    )
    fast.add_tokens(list(TAGS))
    assert len(fast) <= SIZE, len(fast)
    return fast


def _texts() -> Any:
    for example in islice(examples(0), _WORDS_FROM):
        text = "".join(part for part, _ in example.parts())
        for mark in (*SPECIAL, *TAGS):
            text = text.replace(mark, "\n")
        yield text


def ids_of(tokenizer: Any, example: Example) -> tuple[list[int], list[bool]]:
    """Return the tokens of an example, each with whether it is to be learned."""
    ids: list[int] = []
    learned: list[bool] = []
    for text, is_learned in example.parts():
        part = tokenizer.encode(text, add_special_tokens=False)
        ids += part
        learned += [is_learned] * len(part)
    return ids, learned


def batch_of(dialogues: list[tuple[list[int], list[bool]]], pad: int) -> tuple[Any, Any]:
    """Return the tokens and the labels of dialogues, of which -100 is not to be learned.

    The length is a multiple of 8: few lengths mean few matrix products to prepare.
    """
    longest = -(-max(len(ids) for ids, _ in dialogues) // 8) * 8
    ids = torch.full((len(dialogues), longest), pad)
    labels = torch.full((len(dialogues), longest), -100)
    for row, (tokens, learned) in enumerate(dialogues):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        marked = [
            token if is_learned else -100 for token, is_learned in zip(tokens, learned, strict=True)
        ]
        labels[row, : len(tokens)] = torch.tensor(marked)
    return ids, labels


def swappable(tokenizer: Any) -> list[int]:
    """Return the tokens of letters, without those that many replies have in common."""
    fixed = {each for text in FIXED for each in tokenizer.encode(text, add_special_tokens=False)}
    fixed |= set(tokenizer.get_added_vocab().values())
    pieces = tokenizer.get_vocab().items()
    letters = {number for piece, number in pieces if piece.isalpha() and piece not in "ĠĊ"}
    return sorted(letters - fixed)
