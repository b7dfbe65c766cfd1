"""Listening: what a model says, with a limit to the wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable

from ...draft import Draft, grow
from ...errors import ModelError
from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, TextDelta, Usage
from ...messages import Message, Request
from ...models import Model
from ...operators import normalise
from ..far_ends import FarEnd

__all__ = ["Listener", "Reply", "answer", "failure", "forms"]

_LONGEST = 20.0
"""Seconds after which a reply that does not come is an error: longer than any model needs."""

_E = TypeVar("_E", bound=ModelError)


class Reply:
    """The deltas of a reply.

    Args:
        deltas: The deltas.
    """

    def __init__(self, deltas: list[Delta]) -> None:
        self.deltas = deltas

    @property
    def text(self) -> str:
        """The text of the answer."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, TextDelta))

    @property
    def reasoning(self) -> str:
        """The text of the reasoning."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, ReasoningDelta))

    @property
    def refusal(self) -> str:
        """The text of the refusal."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, RefusalDelta))

    @property
    def reasons(self) -> list[str]:
        """The finish reasons; a whole reply has one."""
        return [delta.reason for delta in self.deltas if isinstance(delta, Finish)]

    @property
    def usages(self) -> list[Usage]:
        """The reports of usage."""
        return [delta for delta in self.deltas if isinstance(delta, Usage)]

    @property
    def message(self) -> Message:
        """The message that the deltas make."""
        draft = Draft()
        for delta in self.deltas:
            draft = grow(draft, delta)
        return draft.message


class Listener:
    """A subscription that keeps what it receives.

    Args:
        stream: The deltas.
        on_next: Called with each delta, on the run's own loop.
    """

    def __init__(
        self, stream: Observable[Delta], on_next: Callable[[Delta], object] = lambda delta: None
    ) -> None:
        self.deltas: list[Delta] = []
        self.error: Exception | None = None
        self._on_next = on_next
        self._ended = False
        self._changed = threading.Condition()
        self._subscription = stream.subscribe(self._next, self._end, self._end)

    @property
    def reply(self) -> Reply:
        """What was received so far."""
        return Reply(list(self.deltas))

    def dispose(self) -> None:
        """Leave."""
        self._subscription.dispose()

    def wait_deltas(self, count: int) -> None:
        """Block until this many deltas have come.

        Raises:
            TimeoutError: They have not.
        """
        self._wait(lambda: len(self.deltas) >= count or self._ended, f"{count} deltas")

    def wait_end(self) -> Reply:
        """Block until the stream has ended, and return what came.

        Raises:
            TimeoutError: It has not ended.
        """
        self._wait(lambda: self._ended, "its end")
        return self.reply

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, _LONGEST):
                self.dispose()
                raise TimeoutError(f"Waited {_LONGEST:g} s for {what}; there was: {self.deltas}")

    def _next(self, delta: Delta) -> None:
        with self._changed:
            self.deltas.append(delta)
            self._changed.notify_all()
        self._on_next(delta)

    def _end(self, error: Exception | None = None) -> None:
        with self._changed:
            self.error = error
            self._ended = True
            self._changed.notify_all()


def forms(far_end: FarEnd) -> list[dict[str, Any]]:
    """Return the options of each form of a reply: streamed, and whole where that is offered."""
    return [{}] if "whole_text" in far_end.not_offered else [{}, {"stream": False}]


def answer(model: Model, request: Request | str = "Hi") -> Reply:
    """Return the reply of a model, with the fragments of its calls made regular.

    Raises:
        Exception: What the model failed with.
        TimeoutError: The reply does not end.
    """
    listener = Listener(model(request).pipe(normalise()))
    reply = listener.wait_end()
    if listener.error is not None:
        raise listener.error
    return reply


def failure(model: Model, kind: type[_E], request: Request | str = "Hi") -> tuple[_E, Reply]:
    """Return the error of a model, and what it said before.

    Raises:
        AssertionError: There is none of this kind, or it does not name provider and model.
        TimeoutError: The reply does not end.
    """
    listener = Listener(model(request))
    reply = listener.wait_end()
    error = listener.error
    if not isinstance(error, kind):
        raise AssertionError(f"{error!r} is no {kind.__name__}; before it: {reply.deltas}")
    assert getattr(model, "model_id", None) == error.model, "the error names the model"
    assert getattr(model, "provider", None) == error.provider, "the error names the provider"
    return error, reply
