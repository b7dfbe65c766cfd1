"""The far end of models that vLLM runs.

The engine starts once, in a minute, and says all scripts; one that has failed is started again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import uuid4

from ...models import VLLMModel
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, encoder_of
from .tiny import tiny_folder

__all__ = ["ENGINE", "VLLMFarEnd"]

ENGINE: Mapping[str, Any] = {
    "dtype": "float32",
    "enforce_eager": True,
    "gpu_memory_utilization": 0.1,
    "logits_processors": [f"{__package__}.vllm_forcing:Forcing"],
}
"""The arguments of the engine of a tiny model, on a CPU."""

_LONGEST = 4000
"""How many tokens of an endless script are said."""

_IMAGES = (
    "VLLMModel reads text only; `vllm serve` reads images, through OpenAIModel: "
    "https://docs.vllm.ai/en/latest/features/multimodal_inputs/"
)
_KEPT = (
    "It reports the tokens that it had kept, but tells none of reasoning and of writing apart: "
    "https://docs.vllm.ai/en/latest/api/vllm/outputs/"
)
_NO_SENTENCE = (
    "An engine that fails says no more than that it has; its processes print the cause: "
    "https://docs.vllm.ai/en/latest/usage/troubleshooting/"
)


class VLLMFarEnd(LocalFarEnd):
    """The far end of `VLLMModel`."""

    prefix: ClassVar[str] = "vllm"
    not_offered: ClassVar[Mapping[str, str]] = {
        **NOT_OFFERED,
        "images": _IMAGES,
        "images_of_results": _IMAGES,
        "kinds_of_images": _IMAGES,
        "reported_at_opening": _NO_SENTENCE,
        "reported_beside_the_end": _NO_SENTENCE,
        "reported_in_midstream": _NO_SENTENCE,
        "several_images": _IMAGES,
        "usage_in_detail": _KEPT,
    }
    dated: ClassVar[str] = "2026-11-28"

    def start(self) -> Self:
        """Start the engine, unless it runs."""
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        self.plain()._load()
        return super().start()

    @property
    def made(self) -> int:
        """How many tokens the engine has made for scripts."""
        return sum(file.stat().st_size for file in self._folder.glob("*.made"))

    def count_file(self) -> Path:
        """Return a new file, to which the engine adds a byte for each token."""
        return self._folder / f"{uuid4().hex}.made"

    def plain(self, **options: Any) -> VLLMModel:
        """Return a new model that says no script."""
        return _Plain(str(tiny_folder()), model_kwargs=ENGINE, **options)

    def _made(self, name: str, options: Mapping[str, Any]) -> Scripted:
        return _Scripted(self._linked(name, tiny_folder()), model_kwargs=ENGINE, **options)


class _Shared:
    """The one engine, for all models."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Any = None

    def get(self, load: Callable[[], Any]) -> Any:
        """Return the engine; load it if there is none that works."""
        with self._lock:
            if self._engine is None or self._engine.is_dead:
                self._engine = None  # before another one takes its memory
                self._engine = load()
            return self._engine


_SHARED = _Shared()


class _Plain(VLLMModel):
    def _load(self) -> Any:
        return _SHARED.get(VLLMModel(str(tiny_folder()), model_kwargs=ENGINE)._load)


class _Scripted(Scripted, _Plain):
    far_end: VLLMFarEnd

    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        return encoder_of(engine.tokenizer)

    def _force(self, engine: Any, play: Play) -> Mapping[str, Any]:
        ids: list[int] = []
        fails = False
        try:
            while len(ids) < _LONGEST and not play.is_over:
                ids.append(play.next())
        except RuntimeError:
            fails = True
        script = {"ids": ids, "fails": fails, "made": str(self.far_end.count_file())}
        return {"extra_args": script}
