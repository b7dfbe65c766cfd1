"""Testing tools for streaming agents: scripted models and servers, virtual time, leak checks."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .clock import VirtualScheduler
    from .marbles import marbles
    from .models import ScriptedModel
    from .server import ScriptedServer

_ROOM_OF = {
    "ScriptedModel": "models",
    "ScriptedServer": "server",
    "VirtualScheduler": "clock",
}

__all__ = ["ScriptedModel", "ScriptedServer", "VirtualScheduler", "marbles"]

__getattr__, __dir__ = lazily(__name__, _ROOM_OF, __all__, ["marbles"])
