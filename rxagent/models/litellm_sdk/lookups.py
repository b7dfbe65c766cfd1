"""Lookups: what LiteLLM asks servers of its own accord, to price an answer or to count its tokens.

It asks Ollama, Lemonade and Hugging Face for the prices and limits of a model, and downloads
tokenizers, each time in the middle of what the event loop does, which would stand still meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from inspect import signature
from typing import Any

__all__ = ["asking", "keep_off_loops", "without_lookups"]

_HAS_ANSWERED: ContextVar[bool | None] = ContextVar("rxagent_litellm_has_answered", default=None)
"""Whether the provider has answered the request of this context; None if it is not rxagent's."""

_CATALOGUE = "catalog_only"
_ALONE = {_CATALOGUE: True}
"""The argument with which LiteLLM tells of a model only what it has brought along."""


def asking() -> None:
    """Say that a request of rxagent's is made in this context."""
    _HAS_ANSWERED.set(False)


def without_lookups() -> None:
    """Say that an answer has come, so that there is nothing left to be looked up."""
    _HAS_ANSWERED.set(True)


def keep_off_loops() -> None:
    """Let LiteLLM look nothing up on a loop, or behind an answer, in requests of rxagent's.

    Before a request is sent it may, since it does that on a thread: what a model of Ollama's can do
    decides how tools are described.
    """
    utils: Any = import_module("litellm.utils")
    known = getattr(utils, "get_model_info_helper", None)
    if known is not None and _CATALOGUE in signature(known).parameters:
        utils.get_model_info_helper = _instead(known, lambda *a, **k: known(*a, **k | _ALONE))
    tokenizer = getattr(utils, "_return_huggingface_tokenizer", None)
    if tokenizer is not None:
        utils._return_huggingface_tokenizer = _instead(tokenizer, lambda *_, **__: None)


def _instead(usual: Callable[..., Any], quiet: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(usual)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (quiet if _is_barred() else usual)(*args, **kwargs)

    return call


def _is_barred() -> bool:
    has_answered = _HAS_ANSWERED.get()
    return bool(has_answered) or (has_answered is not None and _is_on_loop())


def _is_on_loop() -> bool:
    return asyncio._get_running_loop() is not None
