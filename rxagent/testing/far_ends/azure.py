"""The far end of Azure's models."""

from __future__ import annotations

from typing import Any, ClassVar

from ...models import AzureOpenAIModel, Model
from .openai import OpenAIFarEnd

__all__ = ["AzureFarEnd"]


class AzureFarEnd(OpenAIFarEnd):
    """The far end of `AzureOpenAIModel`."""

    prefix: ClassVar[str] = "azure"

    def connect(self, name: str, /, **options: Any) -> Model:
        """Return a model that Azure serves, connected to the server."""
        return AzureOpenAIModel(
            name,
            azure_endpoint=self.url,
            api_version="2024-10-21",
            api_key="any",
            **options,
        )
