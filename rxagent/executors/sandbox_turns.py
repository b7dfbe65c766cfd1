"""The turns of code in the sandbox: each lasts until it needs something, has ended or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from time import perf_counter
from typing import Any, TypeAlias

from attrs import frozen

from ..errors import PoolExhausted
from ..streams import RunScheduler
from .sandbox_awaits import Place
from .sandbox_errors import is_limit, is_of_code
from .sandbox_values import cannot_leave, plain
from .sandbox_variables import SandboxVariables
from .sandbox_workers import THREADS

__all__ = ["Awaited", "Called", "Ended", "Failed", "Item", "Turns", "Undefined"]

_LINGER = 0.02
"""Seconds for which a thread waits for the next turn; another one costs 0.1 ms (2026-11-28)."""

_TRIP = 0.01
"""Seconds that count, at most, of the time between two turns, as the run may have been paused."""


@frozen
class Ended:
    """The code ended; the value of its last expression, or why that cannot leave the sandbox."""

    value: Any
    fault: str | None = None


@frozen
class Failed:
    """The code raised an error, met a limit, or cannot be run."""

    error: Exception


@frozen
class Called:
    """The code calls a function, or one of the system.

    `fault` says why an argument cannot leave the sandbox; there are no arguments then. `place` is
    where the call stands in the code.
    """

    snapshot: Any
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    is_system: bool
    fault: str | None = None
    place: Place | None = None


@frozen
class Awaited:
    """The code waits, and has called what it may wait for, by numbers.

    `place` is where the `await` stands in the code.
    """

    snapshot: Any
    ids: frozenset[int]
    place: Place | None = None


@frozen
class Undefined:
    """The code reads a name that has no value."""

    snapshot: Any


Item: TypeAlias = Ended | Failed | Called | Awaited | Undefined
"""What a turn ends with."""


def _nothing(*_: Any) -> None:
    pass


class _Prints:
    """Passes on what code prints, until it is closed.

    The library keeps it in objects that the garbage collector does not look into.
    """

    def __init__(self, printed: Callable[[str, str], None]) -> None:
        self._printed: Callable[[str, str], None] | None = printed

    def __call__(self, stream: str, text: str) -> None:
        if (printed := self._printed) is not None:
            printed(stream, text)

    def close(self) -> None:
        """Pass on nothing more, and refer to nothing."""
        self._printed = None


class Turns:
    """Lets code compute on a thread, and passes on how each turn ended, on the loop's thread.

    While it waits for a tool it soon has no thread.

    Args:
        variables: Those of the session.
        scheduler: The run's.
        arrive: Called with what each turn ended with.
        dispose: Ends the code; called when the script ends first.
    """

    def __init__(
        self,
        variables: SandboxVariables,
        scheduler: RunScheduler,
        arrive: Callable[[Item], None],
        dispose: Callable[[], None],
    ) -> None:
        self._variables = variables
        self._scheduler = scheduler
        self._arrive = arrive
        self._dispose = dispose
        self._session: Any = None
        self._prints: _Prints | None = None
        self._began = self._ended = 0.0
        self._counts = False
        self._lock = Lock()
        self._next: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._has_thread = False
        self._leave: Callable[[], None] = lambda: None
        self.used = 0.0
        """The seconds that the code has used, without those of its tools."""
        self.is_over = False
        self.has_answer = False
        """Whether the code has given the final answer, so that its variables are to be saved."""

    def start(self, code: str, tools: dict[str, Any], printed: Callable[[str, str], None]) -> None:
        """Begin the first turn.

        Args:
            code: The code.
            tools: Functions that it may call, to be bound to their names.
            printed: Called with what it prints, on a thread.
        """
        prints = self._prints = _Prints(printed)

        def step() -> Any:
            self._session = self._variables.session(lambda: self.is_over)
            if self._variables.are_lost:
                left = self._variables.tell_what_is_left()
                printed("stdout", f"(The sandbox was replaced. {left})\n")
            self._began = perf_counter()
            return self._session.feed_start(code, inputs=tools, print_callback=prints)

        self.go_on(step)

    def go_on(self, step: Callable[[], Any], *, counted: bool = False) -> None:
        """Begin the next turn.

        Args:
            step: Lets the code go on.
            counted: Whether the time since the last turn is the code's own, not that of a tool.
        """
        self._counts = counted
        with self._lock:
            if self._has_thread:
                self._next.put(step)
                return
            self._has_thread = True
        job = partial(self._work, step)
        try:
            self._leave = self._scheduler.work(
                "rxagent-sandbox", job, self._dispose, self._refuse, workers=THREADS, name="code"
            )
        except PoolExhausted as error:
            self._refuse(error)

    def close(self) -> None:
        """Begin no other turn."""
        self.is_over = True
        if self._prints is not None:
            self._prints.close()
        self._next.put(None)
        self._leave()
        self._arrive, self._dispose = _nothing, _nothing  # whose owner holds this
        self._session = None

    def _refuse(self, error: Exception) -> None:
        self._scheduler.when_resumed(partial(self._arrive, Failed(error)))

    # On the thread.

    def _work(self, step: Callable[[], Any]) -> None:
        following: Callable[[], Any] | None = step
        while following is not None:
            self._turn(following)
            following = self._wait_for_next()

    def _wait_for_next(self) -> Callable[[], Any] | None:
        try:
            return self._next.get(timeout=_LINGER if self._scheduler.can_wait else 0)
        except Empty:
            pass
        with self._lock:
            try:  # it may have come right now
                return self._next.get_nowait()
            except Empty:
                self._has_thread = False
                return None

    def _turn(self, step: Callable[[], Any]) -> None:
        self._began = perf_counter()
        if self._counts:
            self.used += min(self._began - self._ended, _TRIP)
        # No name of this frame, which an error's traceback keeps, may keep the error.
        self._pass_on(_item_of(step))

    def _pass_on(self, item: Item) -> None:
        self._ended = perf_counter()
        self.used += self._ended - self._began
        if not self.is_over:
            self._remember(item)
        self._scheduler.when_resumed(partial(self._arrive, item))

    def _remember(self, item: Item) -> None:
        """Save the variables, if the code has ended and its process is well."""
        if isinstance(item, Failed):
            is_well = is_of_code(item.error) and not is_limit(item.error)
        else:
            is_well = isinstance(item, Ended)
        if is_well:
            self._variables.remember(self._session, always=self.has_answer)


def _item_of(step: Callable[[], Any]) -> Item:
    """Let the code go on, and return what that ends with."""
    try:
        return _read(step())
    except Exception as error:
        return Failed(error)


def _read(snapshot: Any) -> Item:
    """Return what the library says of the end of a turn; its values are copied here."""
    match type(snapshot).__name__:
        case "MontyComplete":
            (value,), fault = _copied("the value of the last line", lambda: [snapshot.output])
            return Ended(value, fault)
        case "FunctionSnapshot":
            name = str(snapshot.function_name)
            what = f"an argument of {name}"
            args, fault = _copied(what, lambda: snapshot.args)
            named, other = _copied(what, lambda: snapshot.kwargs.values())
            kwargs = {} if other else dict(zip(snapshot.kwargs, named, strict=True))
            return Called(
                snapshot,
                name,
                tuple(args),
                kwargs,
                snapshot.is_os_function,
                fault or other,
                _place(snapshot),
            )
        case "FutureSnapshot":
            return Awaited(snapshot, frozenset(snapshot.pending_call_ids), _place(snapshot))
    return Undefined(snapshot)


def _place(snapshot: Any) -> Place:
    position = snapshot.position
    return position.filename, position.start, position.end


def _copied(what: str, read: Callable[[], Iterable[Any]]) -> tuple[list[Any], str | None]:
    """Return copies of values, or why they cannot leave the sandbox; reading may raise, too."""
    try:
        return list(map(plain, read())), None
    except Exception as error:
        return [None], cannot_leave(what, error)
