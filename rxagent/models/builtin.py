"""The built-in model: a tiny one that is part of this package, for demonstrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve

from ..arguments import number
from ..messages import Request
from .local.answer import Answer
from .local.model import Settings
from .onnx import OnnxModel
from .provider import THIS_MACHINE, Provider

__all__ = ["BUILTIN", "PROVIDER", "UNSURE", "BuiltinModel"]

BUILTIN = "builtin:tiny"
"""The name of the built-in model."""

PROVIDER = Provider(
    prefix="builtin",
    model=f"{__name__}:BuiltinModel",
    sdk="onnxruntime-genai",
    extra="builtin",
    requires="rxagent[builtin]",
    docs="https://onnxruntime.ai/docs/genai/",
    modules=("onnxruntime_genai",),
    list_models=lambda timeout: (THIS_MACHINE, ["tiny"]),
)

UNSURE = (
    "I am not sure about this, so I do not answer it. I am a small demonstration model: "
    "I can calculate, convert units, work out percentages and dates, and call tools."
)
"""What the model says where it is unsure of what it would write."""

_MAX_TOKENS = 512


class BuiltinModel(OnnxModel):
    """A tiny model that is part of rxagent: it needs no key, no server and no download.

    It is for demonstrations and tests. It calculates, converts units, works out percentages and
    dates, and calls a tool whose name or description has words of the task, though it may copy
    names and arguments wrongly; asked anything else, it says what it can do. Where it is unsure of
    a token, it drops its answer and says so; so it emits an answer when that is complete. It reads
    the task and what was done for it, but neither instructions nor earlier tasks. Its card says
    how often it is right.

    Args:
        model_id: The only one is `tiny`.
        min_probability: How likely the likeliest next token must be, always, for it to count as
            sure; with 0 each token is emitted when it is made, sure or not.
        options: As for `OnnxModel`; `max_tokens` is 512 by default.
    """

    _declaration: ClassVar[Provider] = PROVIDER

    def __init__(
        self, model_id: str = "tiny", *, min_probability: float = 0.8, **options: Any
    ) -> None:
        if model_id != "tiny":
            raise ValueError(f"There is one built-in model, {BUILTIN}, and no {model_id!r}.")
        number("min_probability", min_probability, least=0, what="a probability of at most 1")
        if min_probability > 1:
            raise ValueError(f"min_probability is at most 1, not {min_probability!r}.")
        super().__init__(model_id, **{"max_tokens": _MAX_TOKENS, **options})
        self._min_probability = min_probability

    @property
    def _folder(self) -> Path:
        return Path(__file__).with_name("tiny")

    def _generate(
        self, engine: Any, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        if not self._min_probability:
            super()._generate(engine, prompt, request, settings, answer)
            return
        process = settings.sampling.get("logits_processor")
        check = _checking(self._min_probability, process)
        checked = {**settings.sampling, "logits_processor": check}
        answer.hold()
        try:
            super()._generate(engine, prompt, request, evolve(settings, sampling=checked), answer)
        except _UnsureError:
            answer.begin(self._reader(engine, prompt, request))
            for piece in _unsure(prompt).splitlines(keepends=True):
                answer.add(piece, len(engine.tokenizer.encode(piece)))
            answer.end(len(engine.tokenizer.encode(prompt)), "stop")


class _UnsureError(Exception):
    """The model is unsure of a token."""


def _checking(least: float, process: Callable[[Any, Any], Any] | None) -> Callable[[Any, Any], Any]:
    """Return a processor of logits that raises where the likeliest token is not likely enough."""
    numpy = import_module("numpy")  # which onnxruntime-genai brings

    def check(ids: Any, logits: Any) -> Any:
        if process is not None:
            logits = process(ids, logits)
        if numpy.exp(logits - logits.max()).sum() * least > 1:
            raise _UnsureError
        return logits

    return check


def _unsure(prompt: str) -> str:
    """Return what is said in place of an answer: by code, if the prompt asks for code."""
    if not prompt.startswith("<|code|>") or "<|closing|>" in prompt:
        return UNSURE
    return f"Thought: I am not sure.\n<code>\nfinal_answer({json.dumps(UNSURE)})\n</code>"
