"""The far end of models that transformers runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from ...models import TransformersModel
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, encoder_of
from .tiny import tiny_vision_model

__all__ = ["TransformersFarEnd"]


class TransformersFarEnd(LocalFarEnd):
    """The far end of `TransformersModel`."""

    prefix: ClassVar[str] = "transformers"
    not_offered: ClassVar[Mapping[str, str]] = NOT_OFFERED

    def _made(self, name: str, options: Mapping[str, Any]) -> Scripted:
        network, processor = tiny_vision_model()
        return _Scripted(name, model=network, processor=processor, **options)


class _Scripted(Scripted, TransformersModel):
    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        return encoder_of(engine.tokenizer)

    def _force(self, engine: Any, play: Play) -> Mapping[str, Any]:
        full_like = import_module("torch").full_like

        def process(ids: Any, scores: Any) -> Any:
            forced = full_like(scores, float("-inf"))
            forced[..., play.next()] = 0
            return forced

        processors = import_module("transformers").LogitsProcessorList([process])
        return {"logits_processor": processors}
