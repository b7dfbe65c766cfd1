"""Questions: calls that wait for a decision, and the decisions given by `run.decide`.

.. code-block:: text

    any thread   run.decide(id, decision) ─ offer ─▶ the run's queue ─▶ deliver
    the run      by_decision() ◀────────── each decision, also those given before
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..arguments import shown
from ..decisions import Decision
from ..errors import NotAsked
from ..messages import ToolCall
from ..streams import RunScheduler

__all__ = ["GivenDecisions", "Question", "find_question"]


class Question:
    """A call that waits for a decision.

    Args:
        call: The call.
        path: The ids of the calls around it, and its own.
        takes_one: Whether the first decision counts, so that all others are refused.
    """

    __slots__ = ("_given", "_is_open", "_observers", "_seat", "call", "path", "takes_one")

    def __init__(self, call: ToolCall, path: tuple[str, ...], *, takes_one: bool) -> None:
        self.call = call
        self.path = path
        self.takes_one = takes_one
        self._is_open = True
        self._seat = [None]
        self._given: list[Decision] = []
        self._observers: list[abc.ObserverBase[Decision]] = []

    @property
    def is_waiting(self) -> bool:
        """Whether a decision can still count."""
        return self._is_open and bool(self._seat or not self.takes_one)

    def offer(self, decision: Decision, scheduler: RunScheduler) -> bool:
        """Queue a decision, on any thread; return False if it comes too late."""
        if not self._is_open:
            return False
        try:
            self._seat.pop()  # one step, which no other thread sees half done
        except IndexError:
            if self.takes_one:
                return False
        scheduler.post_or_run(self._deliver, decision)
        return True

    def _deliver(self, decision: Decision) -> None:
        self._given.append(decision)
        for observer in tuple(self._observers):
            observer.on_next(decision)

    def join(self, observer: abc.ObserverBase[Decision]) -> None:
        """Notify an observer of the decisions so far, and of those that follow."""
        self._observers.append(observer)
        for decision in tuple(self._given):
            observer.on_next(decision)

    def leave(self, observer: abc.ObserverBase[Decision]) -> None:
        """Notify an observer no more."""
        if observer in self._observers:
            self._observers.remove(observer)

    def close(self) -> None:
        """Refuse all further decisions."""
        self._is_open = False


class GivenDecisions(Observable[Decision]):
    """The decisions that `run.decide` gives on a call; it never completes."""

    never_blocks = True
    """Subscribing does not block."""

    def __init__(self, call: ToolCall) -> None:
        super().__init__()
        self._call = call

    def _subscribe_core(
        self, observer: abc.ObserverBase[Decision], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        question = run_scheduler.questions.get((*run_scheduler.scope.path, self._call.id))
        if question is None:
            observer.on_error(
                NotAsked(
                    f"{shown(self._call.id)} is asked in no run here. Return the stream of "
                    "by_decision() from the policy, so that it is subscribed in the run.",
                    call_id=self._call.id,
                )
            )
            return Disposable()
        run_scheduler.run_serialized(question.join, observer)
        return Disposable(partial(run_scheduler.run_serialized, question.leave, observer))


def find_question(
    questions: dict[tuple[str, ...], Question], call_id: str | Sequence[str]
) -> Question:
    """Return the question about a call.

    Args:
        questions: The questions of a run, by their paths.
        call_id: The id of the call, or the ids of the calls around it and its own.

    Raises:
        TypeError: It is no id.
        NotAsked: No call of this id waits, or several do.
    """
    path: Any = (call_id,) if isinstance(call_id, str) else call_id
    if not isinstance(path, Sequence) or not path or not all(isinstance(one, str) for one in path):
        raise TypeError(f"call_id must be the id of a call, a str, not {shown(call_id)}.")
    path = tuple(path)
    # Copied, since other threads read while the run changes it.
    waiting = {at: each for at, each in questions.copy().items() if each.is_waiting}
    found = [each for each in waiting.values() if each.path[-len(path) :] == path]
    exact = waiting.get(path) if len(path) > 1 else None
    if exact is not None or len(found) == 1:
        return exact or found[0]
    if not found:
        known = ", ".join(repr(each.call.id) for each in waiting.values()) or "none"
        raise NotAsked(
            f"The call {shown(call_id)} waits for no decision: it was decided, has ended, or was "
            f"never asked. Calls that wait: {known}.",
            call_id=path[-1],
        )
    paths = ", ".join(repr(each.path) for each in found)
    raise NotAsked(
        f"{len(found)} calls with the id {shown(call_id)} wait for a decision. Give the ids of "
        f"the calls around it, too, as one of: {paths}.",
        call_id=path[-1],
    )
