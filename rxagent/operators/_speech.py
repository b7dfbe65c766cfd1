"""What the operators on models agree upon."""

from collections.abc import Callable
from typing import TypeAlias

import reactivex as rx
from reactivex import Observable

from ..events import Delta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..messages import Request

__all__ = ["SPEECH", "Model", "ask"]

Model: TypeAlias = Callable[[Request], Observable[Delta]]
"""A function that answers a request by a cold stream of deltas."""

SPEECH = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)
"""The deltas by which a model begins to speak; a report of usage is none."""


def ask(model: Model, request: Request) -> Observable[Delta]:
    """Return a model's answer, asked for at subscribe; what the model raises is its `on_error`."""
    return rx.defer(lambda _: model(request))
