"""Azure: OpenAI's models, as Azure serves them."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .openai import OpenAIModel

__all__ = ["AzureOpenAIModel"]


class AzureOpenAIModel(OpenAIModel):
    """A model that Azure serves.

    What is not given is read from the environment, as the SDK does it: AZURE_OPENAI_ENDPOINT,
    AZURE_OPENAI_API_KEY, AZURE_OPENAI_AD_TOKEN, OPENAI_API_VERSION.

    Args:
        model_id: The model's name, and the deployment's, if no other is given.
        azure_endpoint: The resource's URL, like `https://example.openai.azure.com`.
        api_version: The version of Azure's interface.
        azure_deployment: The deployment's name.
        api_key: The key.
        azure_ad_token_provider: A function, sync or async, that returns a token of Entra ID.
        client_kwargs: More arguments for the SDK's `AsyncAzureOpenAI`.
        http_client: As for `OpenAIModel`.
        stream: As for `OpenAIModel`.
        options: As for `OpenAIModel`.
    """

    provider: ClassVar[str] = "azure"
    _key_variable: ClassVar[str] = "AZURE_OPENAI_API_KEY"
    _sdk_client: ClassVar[str] = "AsyncAzureOpenAI"

    def __init__(
        self,
        model_id: str,
        *,
        azure_endpoint: str | None = None,
        api_version: str | None = None,
        azure_deployment: str | None = None,
        api_key: str | None = None,
        azure_ad_token_provider: Callable[[], Any] | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        named = {
            "azure_endpoint": azure_endpoint,
            "api_version": api_version,
            "azure_deployment": azure_deployment,
            "azure_ad_token_provider": azure_ad_token_provider,
        }
        given = {name: value for name, value in named.items() if value is not None}
        super().__init__(
            model_id,
            api_key=api_key,
            client_kwargs={**given, **(client_kwargs or {})},
            http_client=http_client,
            stream=stream,
            **options,
        )
