"""Hosted: the models of hosts that speak OpenAI's chat protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .hosts import HOSTS, Host
from .openai import OpenAIModel
from .sdk import MissingKey

__all__ = ["HostedModel"]


class HostedModel(OpenAIModel):
    """A model of a host that speaks OpenAI's chat protocol.

    Args:
        model_id: The model's name.
        api_base: The server's URL; by default that of the host, or of its variable.
        api_key: The key; by default that of the host's variable.
        client_kwargs: More arguments for the SDK's `AsyncOpenAI`.
        http_client: As for `OpenAIModel`.
        stream: Whether the server streams its reply; the deltas are the same.
        options: As for `OpenAIModel`.
    """

    _host: ClassVar[Host]

    def __init__(
        self,
        model_id: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        client_kwargs: Mapping[str, Any] | None = None,
        http_client: Any = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(
            model_id,
            api="chat",
            api_base=api_base,
            api_key=api_key,
            client_kwargs=client_kwargs,
            http_client=http_client,
            stream=stream,
            **options,
        )

    def __repr__(self) -> str:
        name = f"{self.provider}:{self.model_id}"
        return f"resolve({name!r})"

    def _keeps_both(self, origin: str) -> bool:
        return False

    def _arguments(self) -> Mapping[str, Any]:
        arguments = {**self._host.arguments(), **self._client_kwargs}
        if not arguments["api_key"]:
            raise MissingKey(f"There is no {self._host.key}.")
        return arguments

    def _connect(self) -> Any:
        client = super()._connect()
        client.organization = client.project = None  # those of the environment are OpenAI's
        return client


def __getattr__(name: str) -> type[HostedModel]:
    """Return the class of a host's models, which has the host's prefix as its name."""
    if name not in HOSTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    host = HOSTS[name]
    attributes = {
        "__doc__": (HostedModel.__doc__ or "").replace("a host that", f"{host.name}, which", 1),
        "__module__": __name__,
        "_declaration": host.provider,
        "_environment": tuple(filter(None, (host.key, host.url_variable))),
        "_host": host,
        "_oddities": host.oddities,
        "_refused": frozenset(host.refused),
        "_usual_server": host.url,
    }
    kind = globals()[name] = type(name, (HostedModel,), attributes)
    return kind
