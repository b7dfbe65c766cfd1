"""What tests of streaming agents need: scripted models and servers, virtual time, leak checks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clock import VirtualHome
    from .marbles import marbles
    from .models import ScriptedModel
    from .server import ScriptedServer

_ROOM_OF = {
    "ScriptedModel": "models",
    "ScriptedServer": "server",
    "VirtualHome": "clock",
    "marbles": "marbles",
}

__all__ = ["ScriptedModel", "ScriptedServer", "VirtualHome", "marbles"]


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        return getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
