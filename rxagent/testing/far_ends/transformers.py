"""The far end of models that transformers runs."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from ...messages import Request
from ...models import Model, TransformersModel
from ...models.local.answer import Answer
from ...models.local.model import Settings
from .items import Script
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, scripted
from .tiny import BLANK, END, tiny_vision_model

__all__ = ["TransformersFarEnd"]


class TransformersFarEnd(LocalFarEnd):
    """The far end of `TransformersModel`."""

    prefix: ClassVar[str] = "transformers"
    not_offered: ClassVar[Mapping[str, str]] = NOT_OFFERED

    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model that says a script."""
        network, processor = tiny_vision_model()
        made = _Scripted(self._new_name(), model=network, processor=processor, **options)
        model: Model = scripted(made, self, script)
        return model


class _Scripted(Scripted, TransformersModel):
    def _generate(
        self, engine: Any, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        with self._played(engine, prompt, settings) as settings:
            super()._generate(engine, prompt, request, settings, answer)

    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        tokenizer = engine.tokenizer
        to_id = tokenizer.convert_tokens_to_ids

        def encode(text: str) -> list[int]:
            ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids

        return encode, Marks(to_id(END), to_id(BLANK))

    def _force(self, engine: Any, play: Play) -> dict[str, Any]:
        full_like = import_module("torch").full_like

        def process(ids: Any, scores: Any) -> Any:
            forced = full_like(scores, float("-inf"))
            forced[..., play.next()] = 0
            return forced

        processors = import_module("transformers").LogitsProcessorList([process])
        return {"logits_processor": processors}
