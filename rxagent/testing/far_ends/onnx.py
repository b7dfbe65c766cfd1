"""The far end of models that onnxruntime-genai runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...models import OnnxModel
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted
from .tiny import BLANK, END, onnx_folder

__all__ = ["OnnxFarEnd"]

_TEXT_ONLY = (
    "OnnxModel reads text only, as the engine has images for few families of models: "
    "https://onnxruntime.ai/docs/genai/"
)


class OnnxFarEnd(LocalFarEnd):
    """The far end of `OnnxModel`."""

    prefix: ClassVar[str] = "onnx"
    not_offered: ClassVar[Mapping[str, str]] = {
        **NOT_OFFERED,
        "images": _TEXT_ONLY,
        "images_of_results": _TEXT_ONLY,
        "kinds_of_images": _TEXT_ONLY,
        "several_images": _TEXT_ONLY,
    }

    def _made(self, name: str, options: Mapping[str, Any]) -> Scripted:
        return _Scripted(self._linked(name, onnx_folder()), **options)


class _Scripted(Scripted, OnnxModel):
    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        to_id = engine.tokenizer.to_token_id

        def encode(text: str) -> Sequence[int]:
            return list(map(int, engine.tokenizer.encode(text)))

        return encode, Marks(to_id(END), to_id(BLANK))

    def _force(self, engine: Any, play: Play) -> Mapping[str, Any]:
        def process(ids: Any, logits: Any) -> Any:
            logits[...] = -1e9
            logits[..., play.next()] = 0
            return logits

        return {"logits_processor": process}
