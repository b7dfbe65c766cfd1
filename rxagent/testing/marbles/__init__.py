"""Marble diagrams: what a pipeline does, drawn in text, and checked in virtual time."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .diagram import Diagram, Note, Pipeline, Source, Watch
from .performance import Outcome, perform
from .picture import draw
from .reading import parse, read
from .report import report
from .scope import attempts, model_of, request
from .stage import Marbles, marbles
from .updating import updated

__all__ = [
    "Diagram",
    "Marbles",
    "Note",
    "Outcome",
    "Pipeline",
    "Source",
    "Watch",
    "attempts",
    "draw",
    "marbles",
    "model_of",
    "parse",
    "perform",
    "read",
    "report",
    "request",
    "updated",
]


class _CallableModule(ModuleType):
    """This module, which can be called like the function `marbles` in it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Marbles:
        return marbles(*args, **kwargs)


# `from rxagent.testing import marbles` may find the function or this module.
sys.modules[__name__].__class__ = _CallableModule
