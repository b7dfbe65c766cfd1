"""Resolve: from a name like `openai:gpt-5-mini` to the model it means."""

from importlib import import_module
from typing import Any

from ..arguments import text
from .model import Model

__all__ = ["prefixes", "resolve"]

_PROVIDERS = {
    "azure": ("azure", "AzureOpenAIModel"),
    "openai": ("openai", "OpenAIModel"),
}
"""The room and the class of each prefix."""


def prefixes() -> tuple[str, ...]:
    """Return what may stand before the colon of a model's name."""
    return tuple(_PROVIDERS)


def resolve(name: str, **options: Any) -> Model:
    """Return the model of a name with its provider before it: `openai:gpt-5-mini`.

    Args:
        name: The provider, a colon, and the name by which the provider knows the model.
        options: Passed to the model's class.

    Raises:
        ValueError: The name has no provider, or one that is unknown.
    """
    text("The name of a model", name)
    provider, colon, model_id = name.partition(":")
    known = ", ".join(f"{prefix}:" for prefix in prefixes())
    if not colon or "/" in provider:
        before, _, after = name.partition("/")
        meant = f"{before}:{after}" if before in _PROVIDERS else f"openai:{name}"
        raise ValueError(
            f"The model {name!r} does not say who provides it: write {meant!r}, "
            f"or one of {known} before the name."
        )
    if provider not in _PROVIDERS:
        raise ValueError(
            f"There is no provider {provider!r}; those known are {known}. "
            "For a server that speaks OpenAI's protocol, write OpenAIModel(name, api_base=...)."
        )
    if not model_id:
        raise ValueError(f"{name!r} names no model: write one after the colon.")
    room, kind = _PROVIDERS[provider]
    model: Model = getattr(import_module(f".{room}", __package__), kind)(model_id, **options)
    return model
