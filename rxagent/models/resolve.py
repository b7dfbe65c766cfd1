"""Resolve: from a name such as `openai:gpt-5-mini` to its model, by the provider's declaration."""

from __future__ import annotations

from importlib import import_module
from os import environ
from typing import TYPE_CHECKING, Any

from ..arguments import shown, text
from ..errors import describe
from .hosts import HOSTS
from .model import Model
from .provider import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["find_provider", "load_provider", "prefixes", "resolve", "usable"]

_MODULES = (
    "anthropic",
    "azure",
    "bedrock",
    "builtin",
    "hf",
    "litellm",
    "mlx",
    "onnx",
    "openai",
    "responses",
    "transformers",
    "vllm",
)
"""The modules of this package that declare a provider, each named by its prefix."""

_BUILT_IN = frozenset((*_MODULES, *HOSTS))


def prefixes() -> tuple[str, ...]:
    """Return the prefixes that a model's name may have, with those of other packages."""
    return tuple(sorted({*_BUILT_IN, *_installed()}))


def resolve(name: str, **options: Any) -> Model:
    """Return the model of a name that begins with its provider: `openai:gpt-5-mini`.

    Args:
        name: The provider, a colon, and the name by which the provider knows the model.
        options: Passed to the model's class.

    Raises:
        ValueError: The name has no provider, or one that is unknown or cannot be loaded.
    """
    text("The name of a model", name)
    prefix, colon, model_id = name.partition(":")
    if not colon or "/" in prefix:
        before, _, after = name.partition("/")
        suggestion = f"{before}:{after}" if before in prefixes() else f"openai:{name}"
        raise ValueError(
            f"The name {name!r} has no provider: write {suggestion!r}, "
            f"or one of {_known()} before the name."
        )
    if not model_id and prefix in _BUILT_IN:
        raise ValueError(f"{name!r} names no model: write one after the colon.")
    return load_provider(prefix).load()(model_id, **options)


def load_provider(prefix: str) -> Provider:
    """Return the declaration of a provider.

    Raises:
        ValueError: There is none of this prefix, or it cannot be loaded.
    """
    if prefix in HOSTS:
        return HOSTS[prefix].provider
    if prefix in _MODULES:
        declared: Provider = import_module(f".{prefix}", __package__).PROVIDER
        return declared
    if (entry := _installed().get(prefix)) is None:
        raise ValueError(
            f"There is no provider {prefix!r}; those known are {_known()}. "
            "For a server that speaks OpenAI's protocol, write OpenAIModel(name, api_base=...)."
        )
    owner = f"The provider {prefix!r} of the package {entry.dist.name if entry.dist else '?'}"
    try:
        found = entry.load()
    except Exception as error:
        raise ValueError(
            f"{owner} cannot be loaded: {describe(error)}. Update or uninstall that package."
        ) from error
    if not isinstance(found, Provider) or found.prefix != prefix:
        raise ValueError(
            f"{owner} cannot be loaded: {entry.value} is {shown(found)}, and not a Provider with "
            f"prefix={prefix!r}. Update or uninstall that package."
        )
    return found


def usable() -> str:
    """Return in a sentence which models can be named here; no server is asked."""
    ready = []
    for prefix in prefixes():
        provider = find_provider(prefix)
        keys = [*provider.variables, provider.key_variable] if provider else []
        if provider and provider.is_installed() and all(environ.get(key) for key in keys if key):
            host = HOSTS.get(prefix)
            if host is None or host.key is not None:  # not a server that may not run
                ready.append("builtin:tiny" if prefix == "builtin" else f"{prefix}:NAME")
    named = f"Here it can be {', '.join(ready)}. " if ready else ""
    return (
        f"{named}Write its name, like 'openai:gpt-5-mini' with OPENAI_API_KEY set; "
        "`rxagent models` shows what each provider needs."
    )


def find_provider(prefix: str | None) -> Provider | None:
    """Return the declaration of a provider, or None if there is no usable one."""
    try:
        return load_provider(prefix or "")
    except ValueError:
        return None


def _known() -> str:
    return ", ".join(f"{prefix}:" for prefix in prefixes())


def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # it takes 30 ms to import

    return {entry.name: entry for entry in entry_points(group="rxagent.providers")}
