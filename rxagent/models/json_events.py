"""JsonEvents: the JSON values of a reply, read as deltas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from ..errors import ModelError
from ..events import Delta
from ..streams.fairness import REST, Rest, rested
from .errors import ErrorFactory

__all__ = ["JsonEvents"]


class JsonEvents(ABC):
    """Reads the JSON values of one reply, one after the other, as deltas.

    Attributes:
        answered: Whether anything of an answer was read.
        failure: The error that a value has reported, if one has.
        finished: Whether the answer is whole.
        is_stream: Whether the values are events of a stream.

    Args:
        errors: Makes the errors.
    """

    _what: ClassVar[str] = "an event"
    """A value, in words."""

    def __init__(self, errors: ErrorFactory) -> None:
        self.answered = self.finished = self.is_stream = False
        self.failure: ModelError | None = None
        self._errors = errors

    def read(self, value: Any, /) -> Iterator[Delta | Rest]:
        """Yield the deltas of a value, or of a list of them; REST, where much holds few deltas.

        Raises:
            MalformedReply: The value has an unknown shape.
        """
        try:
            for one in rested(value) if isinstance(value, list) else (value,):
                if one is REST:
                    yield REST
                else:
                    yield from self._read(one)
        except (AttributeError, LookupError, RecursionError, TypeError) as error:
            if self.failure is None:
                what = f"{self._what} of an unknown shape"
                raise self._errors.malformed(what, value) from error

    def fail(self, description: Any, /) -> None:
        """Note an error that the provider reports, the first one only."""
        if self.failure is None:
            self.failure = self._errors.reported(description)

    @abstractmethod
    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""

    @abstractmethod
    def _read(self, value: Any) -> Iterator[Delta | Rest]:
        """Yield the deltas of one value; what it lacks may raise an error of Python's."""
