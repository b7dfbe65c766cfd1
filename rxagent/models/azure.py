"""Azure: OpenAI's models, as Azure serves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from ..arguments import mapping
from .openai import OpenAIModel
from .options import merged
from .provider import Provider
from .sdk import list_models
from .tokens import provided

__all__ = ["PROVIDER", "AzureOpenAIModel"]

_TOKEN = "azure_ad_token_provider"

PROVIDER = Provider(
    prefix="azure",
    model=f"{__name__}:AzureOpenAIModel",
    sdk="OpenAI's SDK",
    extra="openai",
    requires="openai[aiohttp]",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/",
    variables=("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION"),
    key_variable="AZURE_OPENAI_API_KEY",
    url_variable="AZURE_OPENAI_ENDPOINT",
    list_models=partial(list_models, "AzureOpenAI"),
    naming="the name of your deployment",
)


class AzureOpenAIModel(OpenAIModel):
    """A model that Azure serves.

    Arguments that are missing are read from the environment, as the SDK does it:
    AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY, AZURE_OPENAI_AD_TOKEN, OPENAI_API_VERSION.

    Args:
        model_id: The name of the model, and of the deployment unless that is given.
        api: As for `OpenAIModel`.
        azure_endpoint: The resource's URL, like `https://example.openai.azure.com`.
        api_version: The version of Azure's interface.
        azure_deployment: The deployment's name. Requests to the Responses API name it as their
            model; in those to chat completions it is in the address.
        api_key: The key, or a function that returns it, as for `OpenAIModel`.
        azure_ad_token_provider: A function, sync or async, that returns a token of Entra ID; a
            sync one is called on a worker thread.
        client_kwargs: More arguments for the SDK's `AsyncAzureOpenAI`.
        http_client: As for `OpenAIModel`.
        stream: As for `OpenAIModel`.
        options: As for `OpenAIModel`.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _sdk_client: ClassVar[str] = "AsyncAzureOpenAI"

    def __init__(
        self,
        model_id: str,
        *,
        api: str = "chat",
        azure_endpoint: str | None = None,
        api_version: str | None = None,
        azure_deployment: str | None = None,
        api_key: str | Callable[[], Any] | None = None,
        azure_ad_token_provider: Callable[[], Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        given = {
            "azure_endpoint": azure_endpoint,
            "api_version": api_version,
            "azure_deployment": azure_deployment,
            _TOKEN: azure_ad_token_provider,
        }
        super().__init__(
            model_id,
            api=api,
            api_key=api_key,
            client_kwargs=merged(given) | mapping("client_kwargs", client_kwargs),
            http_client=http_client,
            stream=stream,
            **options,
        )

    @property
    def _served_as(self) -> str:
        name: str = self._client_kwargs.get("azure_deployment") or self.model_id
        return name

    def _keeps_both(self, origin: str) -> bool:
        return True

    def _arguments(self) -> Mapping[str, Any]:
        given = super()._arguments()
        provider = given.get(_TOKEN)
        own = {_TOKEN: partial(provided, _TOKEN, provider)} if callable(provider) else {}
        return {**given, **own}
