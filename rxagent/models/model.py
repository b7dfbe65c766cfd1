"""The model: a function from a request to deltas."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from reactivex import Observable

from ..events import Delta
from ..messages import Message, Request

__all__ = ["Model"]


class Model(ABC):
    """What answers a request, or a text, or messages, by a cold stream of deltas.

    It holds nothing of any run, so one object serves any number of them at once.
    A function is a model too, see `as_model`; this class is for those that need no adapting.
    """

    is_model: ClassVar[bool] = True
    """Tells `as_model` that calling it returns at once, with an Observable of deltas."""

    @abstractmethod
    def __call__(self, said: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription asks anew."""
