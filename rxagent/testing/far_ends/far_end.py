"""FarEnd: the other side of a provider's models, which answers them by a script.

.. code-block:: text

    contract ─ script of deltas ─▶ FarEnd ─ the provider's frames ─▶ its SDK ─▶ model ─▶ deltas
    contract ◀─ Request as read ── FarEnd ◀─── request, checked ──── its SDK ◀─ model ◀─ Request
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from types import TracebackType
from typing import Any, ClassVar, Self

from attrs import define, field

from ...events import Usage
from ...messages import Request
from ...models import Model
from .items import Item, Script

__all__ = ["Call", "FarEnd"]


@define(eq=False)
class Call:
    """One request to a far end, and what became of it.

    Attributes:
        model_id: The name of the model.
        body: The request as it arrived; for a local engine, what its prompt holds.
        left: Whether the client left before the answer was whole.
    """

    model_id: str
    body: Mapping[str, Any]
    left: bool = False


@define(eq=False)
class _Calls:
    calls: list[Call] = field(factory=list)
    faults: list[Exception] = field(factory=list)
    changed: threading.Condition = field(factory=threading.Condition)


class FarEnd(ABC):
    """The other side of a provider's models: a server on a socket, or an engine in this process.

    A subclass gives real models of the provider, whose requests are answered by scripts of
    deltas in the provider's own form. It works from `start` to `close`, or in a `with` block,
    whose end raises what was wrong with a request.

    A model that is served keeps its name in `model_id`.

    Attributes:
        prefix: The provider's prefix.
        not_offered: The cells of the contract that the provider does not offer, by their names,
            each with the reason and the provider's document that says so.
        finish_words: The finish reasons that the provider has, each with its own word.
        option: An option of requests, with a value that no field has by chance.
        longest: How many characters of a text it takes in a request; fewer for a small model.
        dated: The day when the contract was run, if that is not part of each test run.
    """

    prefix: ClassVar[str]
    not_offered: ClassVar[Mapping[str, str]] = {}
    finish_words: ClassVar[Mapping[str, str]]
    option: ClassVar[Mapping[str, Any]] = {"temperature": 0.625}
    longest: ClassVar[int] = 50_000
    dated: ClassVar[str] = ""

    def __init__(self) -> None:
        self._seen = _Calls()
        self._served = 0

    # What a subclass says.

    @abstractmethod
    def start(self) -> Self:
        """Start, and return when models can be called."""

    @abstractmethod
    def close(self) -> None:
        """End, and return when nothing is left open."""

    @abstractmethod
    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model, whose requests are answered by a script.

        Args:
            script: Returns what happens in answer to a request; it is called with each request
                as `read` reads it.
            options: Passed to the model's constructor.
        """

    @abstractmethod
    def check(self, body: Mapping[str, Any]) -> None:
        """Check a request against the types of the provider's own SDK.

        Raises:
            Exception: The request is not one of this provider.
        """

    @abstractmethod
    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the provider understands by a request: what the model was given.

        Messages that the provider wants merged are still merged, and `Message.reasoning` is the
        reasoning that is given back. What it has no place for is missing.
        """

    def patience(self, seconds: float) -> Mapping[str, Any]:
        """Return the options by which a model gives up after a silence."""
        return {"timeout": seconds}

    def used(self, items: Iterable[Item]) -> Usage | None:
        """Return the usage that a model reports for a script: the sum of those in it."""
        usages = (item for item in items if isinstance(item, Usage))
        return reduce(Usage.sum, usages, None)

    # What a test says.

    def serve(self, *items: Item, **options: Any) -> Model:
        """Return a new model, each of whose requests is answered by these items.

        Args:
            items: Deltas, and what goes wrong.
            options: Passed to the model's constructor.
        """
        return self.perform(lambda request: items, **options)

    @property
    def calls(self) -> list[Call]:
        """The calls in order of arrival."""
        with self._seen.changed:
            return list(self._seen.calls)

    @property
    def bodies(self) -> list[Mapping[str, Any]]:
        """The requests in order of arrival."""
        return [call.body for call in self.calls]

    @property
    def requests(self) -> list[Request]:
        """The requests in order of arrival, as the provider understands them."""
        return [self.read(call.body) for call in self.calls]

    def wait_call(self, model: Model, count: int = 1, timeout: float = 20.0) -> None:
        """Block until this many requests of a model have arrived.

        Raises:
            TimeoutError: They have not, after `timeout` seconds.
        """
        self._wait(lambda: len(self._calls_of(model)) >= count, "called", model, timeout)

    def wait_hang_up(self, model: Model, count: int = 1, timeout: float = 20.0) -> None:
        """Block until the far end saw the client leave this many requests of a model.

        Raises:
            TimeoutError: It has not, after `timeout` seconds.
        """

        def left() -> bool:
            return sum(call.left for call in self._calls_of(model)) >= count

        self._wait(left, "left", model, timeout)

    def verify(self) -> None:
        """Raise what was wrong with a request, or with its script, since the last time."""
        with self._seen.changed:
            faults, self._seen.faults = self._seen.faults, []
        if faults:
            raise faults[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if error is None:
            self.verify()

    # For subclasses.

    def _new_name(self) -> str:
        """Return a name that no model has yet."""
        self._served += 1
        return f"scripted-{self._served}"

    def _receive(self, model_id: str, body: Mapping[str, Any]) -> tuple[Call, Request]:
        """Note a request, check it, and return it as it is read.

        Raises:
            Exception: The request is not one of this provider; `__exit__` raises it too.
        """
        call = Call(model_id, body)
        with self._seen.changed:
            self._seen.calls.append(call)
            self._seen.changed.notify_all()
        with self._noting_faults():
            self.check(body)
            return call, self.read(body)

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        """Note what a script or its rendering fails with, so that `verify` raises it."""
        try:
            yield
        except Exception as error:
            with self._seen.changed:
                self._seen.faults.append(error)
            raise

    def _left(self, call: Call) -> None:
        """Note that the client has left a call."""
        with self._seen.changed:
            call.left = True
            self._seen.changed.notify_all()

    def _calls_of(self, model: Model) -> list[Call]:
        name = getattr(model, "model_id", None)
        return [call for call in self._seen.calls if call.model_id == name]

    def _wait(self, condition: Callable[[], bool], what: str, model: Model, timeout: float) -> None:
        with self._seen.changed:
            if not self._seen.changed.wait_for(condition, timeout):
                calls = self._calls_of(model)
                raise TimeoutError(f"{model!r} was not {what} within {timeout:g} s: {calls}")
