"""The far end of models that mlx-lm runs."""

import shutil
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

from ...messages import Request
from ...models import MLXModel, Model
from ...models.local.answer import Answer
from ...models.local.model import Settings
from .items import Script
from .local import NOT_OFFERED, Encode, LocalFarEnd, Marks, Play, Scripted, scripted
from .tiny import BLANK, END, tiny_folder

__all__ = ["MLXFarEnd"]

_TEXT_ONLY = "It reads text only; images are for mlx-vlm: https://github.com/ml-explore/mlx-lm"


class MLXFarEnd(LocalFarEnd):
    """The far end of `MLXModel`."""

    prefix: ClassVar[str] = "mlx"
    not_offered: ClassVar[Mapping[str, str]] = {
        **NOT_OFFERED,
        "images": _TEXT_ONLY,
        "images_of_results": _TEXT_ONLY,
    }

    def start(self) -> Self:
        """Make a folder for the models."""
        self._folder = Path(tempfile.mkdtemp(prefix="rxagent-mlx-"))
        return self

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder)

    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model that says a script; its name is a folder of its own."""
        folder = self._folder / self._new_name()
        folder.symlink_to(tiny_folder())
        model: Model = scripted(_Scripted(str(folder), **options), self, script)
        return model


class _Scripted(Scripted, MLXModel):
    def _generate(
        self, engine: Any, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        with self._played(engine, prompt, settings) as settings:
            super()._generate(engine, prompt, request, settings, answer)

    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        tokenizer = engine.tokenizer
        to_id = tokenizer.convert_tokens_to_ids

        def encode(text: str) -> list[int]:
            ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
            return ids

        return encode, Marks(to_id(END), to_id(BLANK), ahead=1)

    def _force(self, engine: Any, play: Play) -> dict[str, Any]:
        core = import_module("mlx.core")

        def process(ids: Any, logits: Any) -> Any:
            forced = core.full(logits.shape, -1e9)
            forced[..., play.next()] = 0
            return forced

        return {"logits_processors": [process]}
