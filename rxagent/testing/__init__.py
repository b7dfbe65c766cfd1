"""Testing tools for streaming agents: scripted models and servers, the contract of models,
virtual time, leak checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .clock import VirtualScheduler
    from .contract import ModelContract
    from .exploring import explore
    from .far_ends import FarEnd
    from .faults import Faults
    from .marbles import marbles
    from .models import ScriptedModel
    from .server import ScriptedServer

_MODULE_OF = {
    "FarEnd": "far_ends",
    "Faults": "faults",
    "ModelContract": "contract",
    "ScriptedModel": "models",
    "ScriptedServer": "server",
    "VirtualScheduler": "clock",
    "explore": "exploring",
}

__all__ = [
    "FarEnd",
    "Faults",
    "ModelContract",
    "ScriptedModel",
    "ScriptedServer",
    "VirtualScheduler",
    "explore",
    "marbles",
]

__getattr__, __dir__ = lazily(__name__, _MODULE_OF, __all__, ["marbles"])
