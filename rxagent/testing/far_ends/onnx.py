"""The far end of models that onnxruntime-genai runs."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from ...messages import Request
from ...models import Model, OnnxModel
from ...models.local.answer import Answer
from ...models.local.model import Settings
from .items import Script
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, scripted
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
    }

    def start(self) -> Self:
        """Make a folder for the models."""
        self._folder = Path(tempfile.mkdtemp(prefix="rxagent-onnx-"))
        return self

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)

    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model that says a script; its name is a folder of its own."""
        folder = self._folder / self._new_name()
        folder.symlink_to(onnx_folder())
        model: Model = scripted(_Scripted(folder, **options), self, script)
        return model


class _Scripted(Scripted, OnnxModel):
    def _generate(
        self, engine: Any, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        with self._played(engine, prompt, settings) as settings:
            super()._generate(engine, prompt, request, settings, answer)

    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        to_id = engine.tokenizer.to_token_id

        def encode(text: str) -> Sequence[int]:
            return list(map(int, engine.tokenizer.encode(text)))

        return encode, Marks(to_id(END), to_id(BLANK))

    def _force(self, engine: Any, play: Play) -> dict[str, Any]:
        def process(ids: Any, logits: Any) -> Any:
            logits[...] = -1e9
            logits[..., play.next()] = 0
            return logits

        return {"logits_processor": process}
