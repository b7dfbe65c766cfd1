"""Inboxes: what is said to a run, from any thread, until the run has its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from attrs import frozen
from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from ..arguments import one_of, shown
from ..messages import Message
from ..streams.here_scheduler import subscribing_here
from ..streams.scheduler import RunScheduler

__all__ = ["Inbox", "Said", "Steer", "as_message", "check_steer"]

Steer: TypeAlias = Literal["concat", "switch"]
"""What a message does to the step that runs: nothing, or it cuts the answer."""

_STEERS = ("concat", "switch")


@frozen(eq=False)
class Said:
    """A message, and what it does to the step that runs; None for what the run does by default."""

    message: Message
    steer: Steer | None = None


def _nothing() -> None:
    pass


class Inbox(abc.DisposableBase):
    """A log of what is said to one run.

    Any thread adds to it, and so does a signal handler: each change is one step, which needs no
    lock. The run's loop thread takes from it, and closes it.
    """

    def __init__(self) -> None:
        self._log: dict[int, Said | None] = {}  # None is its end
        self._taken = 0
        self._read = 0
        self._notify: Callable[[], None] = _nothing
        self._fault: Exception | None = None
        self._source = SingleAssignmentDisposable()

    def put(self, said: Said) -> bool:
        """Add a message; return False if the inbox is closed."""
        if not self._put(said):
            return False
        self._notify()
        return True

    def _put(self, said: Said | None) -> bool:
        place = max(0, len(self._log) - 1)  # the last one, which may be the end
        while (found := self._log.setdefault(place, said)) is not said:
            if found is None:
                return False
            place += 1
        return True

    def follow(self, messages: Observable[Any], scheduler: abc.SchedulerBase | None) -> None:
        """Add the messages of a stream, too, until the inbox is closed."""
        with subscribing_here(RunScheduler.of(scheduler)) as here:
            self._source.disposable = messages.subscribe(
                self._add, self._fail, _nothing, scheduler=here
            )

    def _add(self, message: Any) -> None:
        try:
            said = Said(as_message("A message of the inbox", message))
        except Exception as error:
            self._source.dispose()
            self._fail(error)
        else:
            self.put(said)

    def _fail(self, error: Exception) -> None:
        self._fault = error
        self._notify()

    # On the run's loop thread

    def notify(self, notify: Callable[[], None]) -> None:
        """Call a function when something has been added, on any thread; now, if it was before."""
        self._notify = notify
        if self._log or self._fault is not None:
            notify()

    def take(self) -> Iterator[Said]:
        """Yield what was added and not taken yet.

        Raises:
            Exception: The stream that it follows has failed.
        """
        while (said := self._log.get(self._taken)) is not None:
            self._taken += 1
            yield said
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def note_read(self) -> None:
        """Note that the model reads all that was taken."""
        self._read = self._taken

    def close_if_read(self) -> bool:
        """Close the inbox unless something is in it that the model has not read."""
        if self._read != self._taken:
            return False
        return self._log.setdefault(self._taken, None) is None

    def dispose(self) -> None:
        """Close the inbox; what was added before can still be taken."""
        self._put(None)
        self._source.dispose()
        self._notify = _nothing


def as_message(name: str, message: Any) -> Message:
    """Return a text or a message of a user as a message.

    Raises:
        TypeError: It is something else.
        ValueError: It is empty, or a message of another role.
    """
    if isinstance(message, str):
        message = Message("user", message)
    if not isinstance(message, Message):
        raise TypeError(
            f"{name} must be a text or a Message, as Message('user', 'Stop'), not {shown(message)}."
        )
    if message.role != "user":
        raise ValueError(f"{name} must have the role 'user', not {message.role!r}.")
    if not (message.text.strip() or message.images):
        raise ValueError(f"{name} must have a text or images, but it is empty.")
    return message


def check_steer(steer: Any, *, optional: bool = False) -> None:
    """Check that an argument is a way to steer."""
    if not (optional and steer is None):
        one_of("steer", steer, _STEERS)
