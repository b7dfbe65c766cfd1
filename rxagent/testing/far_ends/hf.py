"""The far end of Hugging Face's models: a server of one's own, such as TGI."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from ...models import InferenceClientModel, Model
from ..frames import Body
from .openai import OpenAIFarEnd

__all__ = ["HfFarEnd"]


class HfFarEnd(OpenAIFarEnd):
    """The far end of `InferenceClientModel`."""

    prefix: ClassVar[str] = "hf"

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model that is called at the server, as at an Inference Endpoint."""
        return InferenceClientModel(name, api_base=self.server.url, token="hf_any", **options)

    def check(self, body: Body) -> None:
        """Check a request against the protocol, and against the fields that the SDK knows."""
        from huggingface_hub import ChatCompletionInput

        super().check(body)
        known = {field.name for field in fields(ChatCompletionInput)}
        if unknown := body.keys() - known - {"model"}:
            raise AssertionError(f"The provider's SDK knows no such fields: {sorted(unknown)}")
