"""Piping: what a tool emits passes through operators, as plain values.

.. code-block:: text

    function ─ outputs ─▶ values ─▶ operators ─▶ values ─▶ outputs ─ call
"""

from __future__ import annotations

from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..errors import PoolExhausted, ToolError
from ..operators._operator import Operator, Place, applied
from ..streams.calls import Raised, cause_of
from ..streams.sink import Producer, Sink, lift
from .outputs import Pictured, Returned, with_images

__all__ = ["TOOL", "piped"]

TOOL = Place("tool", "values", "tool.stream(arguments)")


def piped(source: Observable[Any], operators: tuple[Operator, ...]) -> Observable[Any]:
    """Return the outputs of a tool that operators make of those of its function."""
    if not operators:
        return source

    def subscribe(
        observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        outputs = _Outputs(observer)
        values = lift(partial(_Values, outputs))(source)
        return outputs.follow(applied(TOOL, operators, values), scheduler)

    return Producer(subscribe)


class _Values(Sink[Any, Any]):
    """Emits the values of outputs, and what the function raised."""

    __slots__ = ("_outputs",)

    def __init__(self, outputs: _Outputs, observer: abc.ObserverBase[Any]) -> None:
        super().__init__(observer)
        self._outputs = outputs

    def on_next(self, value: Any) -> None:
        if isinstance(value, Returned | Pictured):
            self._outputs.latest = value
            value = value.value
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        cause = cause_of(error)
        self._outputs.errors[id(cause)] = cause, error
        super().on_error(cause)


class _Outputs(Sink[Any, Any]):
    """Emits values as outputs; what operators pass on unchanged is the same output again."""

    __slots__ = ("errors", "latest")

    def __init__(self, observer: abc.ObserverBase[Any]) -> None:
        super().__init__(observer)
        self.latest: Returned | Pictured | None = None
        self.errors: dict[int, tuple[Exception, Exception]] = {}

    def on_next(self, value: Any) -> None:
        latest = self.latest
        same = latest is not None and latest.value is value
        self.observer.on_next(latest if same else with_images(value))

    def on_error(self, error: Exception) -> None:
        _, known = self.errors.get(id(error), (error, None))
        if known is None:  # an operator raised it
            known = error if isinstance(error, ToolError | PoolExhausted) else Raised(error)
        super().on_error(known)
