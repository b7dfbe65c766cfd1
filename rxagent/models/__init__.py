"""Models: functions from a request to a stream of deltas."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .functions import as_model
from .model import Model
from .resolve import prefixes, resolve

if TYPE_CHECKING:
    from .azure import AzureOpenAIModel
    from .openai import OpenAIModel

_ROOM_OF = {"AzureOpenAIModel": "azure", "OpenAIModel": "openai"}

__all__ = ["AzureOpenAIModel", "Model", "OpenAIModel", "as_model", "prefixes", "resolve"]


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        value = getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
