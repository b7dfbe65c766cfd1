"""Model: a function from a request to deltas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from reactivex import Observable

from ..attributes import OF_MODELS, advised
from ..events import Delta
from ..messages import Message, Request
from ..operators._models import Pipeable

__all__ = ["Model"]


@advised(OF_MODELS)
class Model(Pipeable, ABC):
    """Answers a request, a text, or messages, by a cold stream of deltas.

    It holds no state of a run, so one object serves any number of runs at once.
    A function is a model too, see `as_model`; this class is for those that need no adapting.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "generate" in vars(cls):
            raise TypeError(
                f"{cls.__name__} cannot be a model. Write `__call__(request)`, which returns a "
                "stream of deltas, instead of `generate`; or write a function of a request."
            )
        super().__init_subclass__(**kwargs)

    @abstractmethod
    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
