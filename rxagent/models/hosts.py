"""Hosts: servers that speak OpenAI's chat protocol, each with its address, its key, its oddities.

Another one is one more line of `_HOSTS`. The address of each can be set by a variable, such as
`OLLAMA_BASE_URL`. `hosted` has the class of their models.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from .openai_chat.oddities import DEEPSEEKS, GEMINIS, MISTRALS, USUAL, Oddities
from .provider import Provider

__all__ = ["HOSTS", "Host", "declared_at"]


@frozen
class Host:
    """A host of models.

    Attributes:
        prefix: What stands before the colon of a model's name.
        name: Its name in words.
        url: Its usual address.
        key: The environment variable of its key; None for a server of your own, which needs none.
        docs: The page where a user reads about its models.
        refused: Fields of a request that it refuses, though OpenAI's has them.
        oddities: What it demands of the messages of a request, though OpenAI's does not.
        elsewhere: A pattern of other addresses with the same demands; None for no others.
    """

    prefix: str
    name: str
    url: str
    key: str | None
    docs: str
    refused: Iterable[str] = field(default=(), kw_only=True)
    oddities: Oddities = field(default=USUAL, kw_only=True)
    elsewhere: re.Pattern[str] | None = field(default=None, kw_only=True)

    def is_at(self, url: str) -> bool:
        """Return whether an address has the demands of the host, which none of your own has."""
        is_its = self.key is not None and urlsplit(self.url).hostname == urlsplit(url).hostname
        return is_its or (self.elsewhere is not None and self.elsewhere.match(url) is not None)

    @property
    def url_variable(self) -> str:
        """The environment variable of another address."""
        return f"{self.prefix.upper()}_BASE_URL"

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of a client of the SDK; the key is None if it is missing."""
        key = os.environ.get(self.key) if self.key else "none"
        return {"base_url": os.environ.get(self.url_variable) or self.url, "api_key": key}

    @property
    def provider(self) -> Provider:
        """Its declaration."""
        return Provider(
            prefix=self.prefix,
            model=f"{__package__}.hosted:{self.prefix}",
            sdk="OpenAI's SDK",
            extra="openai",
            requires="openai[aiohttp]",
            docs=self.docs,
            variables=(self.key,) if self.key else (),
            key_variable=self.key,
            url_variable=self.url_variable,
            list_models=partial(_list_models, self),
        )


_HOSTS = (
    Host(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "https://api-docs.deepseek.com",
        oddities=DEEPSEEKS,
    ),
    Host(
        "gemini",
        "Google's Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "https://ai.google.dev/gemini-api/docs/openai",
        oddities=GEMINIS,
        elsewhere=re.compile(  # Vertex's endpoint of OpenAI's protocol, in all regions
            r"https://(?:[\w-]+-)?aiplatform(?:\.[\w-]+\.rep)?\.googleapis\.com/.*/endpoints/openapi\b"
        ),
    ),
    Host(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "https://console.groq.com/docs/models",
    ),
    Host(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "https://docs.mistral.ai",
        refused=["stream_options"],  # it answers 422; its last chunk has the usage anyway
        oddities=MISTRALS,
    ),
    Host(
        "moonshot",
        "Moonshot, with its models Kimi",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        "https://platform.moonshot.ai/docs",
        oddities=DEEPSEEKS,
    ),
    Host(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/models",
    ),
    Host(
        "together",
        "Together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "https://docs.together.ai/docs/serverless-models",
    ),
    Host(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        "https://docs.x.ai/docs/models",
    ),
    # Servers of your own.
    Host(
        "llamacpp",
        "llama.cpp's server",
        "http://127.0.0.1:8080/v1",
        None,
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    ),
    Host("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", None, "https://lmstudio.ai/docs"),
    Host("ollama", "Ollama", "http://127.0.0.1:11434/v1", None, "https://docs.ollama.com"),
)

HOSTS = {host.prefix: host for host in _HOSTS}
"""The hosts by their prefixes."""


@lru_cache
def declared_at(url: str) -> Oddities:
    """Return what the host at an address demands; that of most servers for an unknown one."""
    return next((host.oddities for host in _HOSTS if host.is_at(url)), USUAL)


def _list_models(host: Host, timeout: float) -> tuple[str, list[str]]:
    from .sdk import list_models

    return list_models("OpenAI", timeout, **host.arguments())
