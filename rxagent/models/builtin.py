"""The built-in model: a tiny one that is part of this package, for demonstrations."""

from pathlib import Path
from typing import Any, ClassVar

from .onnx import OnnxModel
from .provider import THIS_MACHINE, Provider

__all__ = ["BUILTIN", "PROVIDER", "BuiltinModel"]

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

_MAX_TOKENS = 512


class BuiltinModel(OnnxModel):
    """A tiny model that is part of rxagent: it needs no key, no server and no download.

    It is for demonstrations and tests. It calculates, converts units, works out percentages and
    dates, and calls a tool whose name or description has words of the task, though it may copy
    names and arguments wrongly; asked anything else, it says what it can do. It reads the task and
    what was done for it, but neither instructions nor earlier tasks. Its card says how often it is
    right.

    Args:
        model_id: The only one is `tiny`.
        options: As for `OnnxModel`; `max_tokens` is 512 by default.
    """

    _declaration: ClassVar[Provider] = PROVIDER

    def __init__(self, model_id: str = "tiny", **options: Any) -> None:
        if model_id != "tiny":
            raise ValueError(f"There is one built-in model, {BUILTIN}, and no {model_id!r}.")
        super().__init__(model_id, **{"max_tokens": _MAX_TOKENS, **options})

    @property
    def _folder(self) -> Path:
        return Path(__file__).with_name("tiny")
