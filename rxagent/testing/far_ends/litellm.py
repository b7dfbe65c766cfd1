"""The far end of LiteLLM's models: a server that LiteLLM takes for OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ...models import LiteLLMModel, Model
from .openai import OpenAIFarEnd

__all__ = ["LiteLLMFarEnd"]


class LiteLLMFarEnd(OpenAIFarEnd):
    """The far end of `LiteLLMModel`."""

    prefix: ClassVar[str] = "litellm"
    not_offered: ClassVar[Mapping[str, str]] = {
        "refusals": "LiteLLM drops them: https://docs.litellm.ai/docs/completion/output",
    }

    def start(self) -> Self:
        """Start to serve; LiteLLM is imported first, which takes several seconds."""
        from ...models.litellm import loaded

        loaded()
        return super().start()

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model that LiteLLM calls at the server."""
        return LiteLLMModel(
            name,
            custom_llm_provider="openai",
            api_base=self.server.url,
            api_key="any",
            **options,
        )
