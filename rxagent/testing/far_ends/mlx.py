"""The far end of models that mlx-lm runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from ...models import MLXModel
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, encoder_of
from .tiny import tiny_folder

__all__ = ["MLXFarEnd"]

_TEXT_ONLY = "It reads text only; images are for mlx-vlm: https://github.com/ml-explore/mlx-lm"


class MLXFarEnd(LocalFarEnd):
    """The far end of `MLXModel`."""

    prefix: ClassVar[str] = "mlx"
    not_offered: ClassVar[Mapping[str, str]] = {
        **NOT_OFFERED,
        "images": _TEXT_ONLY,
        "images_of_results": _TEXT_ONLY,
        "kinds_of_images": _TEXT_ONLY,
        "several_images": _TEXT_ONLY,
    }

    def _made(self, name: str, options: Mapping[str, Any]) -> Scripted:
        return _Scripted(self._linked(name, tiny_folder()), **options)


class _Scripted(Scripted, MLXModel):
    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        return encoder_of(engine.tokenizer, ahead=1)

    def _force(self, engine: Any, play: Play) -> Mapping[str, Any]:
        core = import_module("mlx.core")

        def process(ids: Any, logits: Any) -> Any:
            forced = core.full(logits.shape, -1e9)
            forced[..., play.next()] = 0
            return forced

        return {"logits_processors": [process]}
