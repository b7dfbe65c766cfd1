"""Questions: calls that wait for a decision, and the decisions given by `run.decide`.

.. code-block:: text

    any thread   run.decide(id, decision) ─ offer ─▶ the run's queue ─▶ deliver
    the run      by_decision() ◀────────── each decision, also those given before

Calls may have the same id, at the same place and at the same time. So each question has an id of
its own, which is random: neither another run, whose events a tool may pass on, nor a later
question has it.
"""

from __future__ import annotations

from functools import partial
from secrets import token_hex

from reactivex import Observable, abc
from reactivex.disposable import Disposable

from ..arguments import shown
from ..decisions import Decision
from ..errors import NotAsked
from ..events import ApprovalAsked
from ..messages import ToolCall
from ..streams import RunScheduler

__all__ = ["GivenDecisions", "Question", "find_question"]


class Question:
    """A call that waits for a decision.

    Args:
        call: The call.
        scheduler: The run's.
    """

    __slots__ = ("_given", "_is_open", "_observers", "_run", "_seat", "call", "id", "takes_one")

    def __init__(self, call: ToolCall, scheduler: RunScheduler) -> None:
        self.call = call
        self.id = token_hex(8)
        self.takes_one = False
        """Whether the first decision counts, so that all others are refused."""
        self._run = scheduler
        self._is_open = True
        self._seat = [None]
        self._given: list[Decision] = []
        self._observers: list[abc.ObserverBase[Decision]] = []

    def open(self) -> None:
        """Take decisions from now on, unless it is closed; it was asked in either case."""
        by_call, call_id = self._run.questions_by_call, self.call.id
        by_call[call_id] = "" if call_id in by_call else self.id
        if self._is_open:
            self._run.questions[self.id] = self

    @property
    def is_waiting(self) -> bool:
        """Whether a decision can still count."""
        return self._is_open and bool(self._seat or not self.takes_one)

    def offer(self, decision: Decision) -> bool:
        """Queue a decision, on any thread; return False if it comes too late."""
        if not self._is_open:
            return False
        try:
            self._seat.pop()  # one step, which no other thread sees half done
        except IndexError:
            if self.takes_one:
                return False
        self._run.post_or_run(self._deliver, decision)
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
        self._run.questions.pop(self.id, None)


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
        question: Question | None = run_scheduler.scope.question
        if question is None or question.call.id != self._call.id:
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


def find_question(scheduler: RunScheduler, asked: ApprovalAsked | str) -> Question:
    """Return the question that waits for a decision.

    Args:
        scheduler: The run's.
        asked: The event that asked, or its id; or the id of the call, if the run has asked about
            one call of this id only.

    Raises:
        TypeError: It is neither.
        NotAsked: No such question waits, or the id is that of several calls.
    """
    if not isinstance(asked, ApprovalAsked | str):
        raise TypeError(
            "decide takes an ApprovalAsked, or its id: run.decide(event, Allow()). "
            f"{shown(asked)} is neither."
        )
    # Copied, since other threads read while the run changes it.
    waiting = {key: each for key, each in scheduler.questions.copy().items() if each.is_waiting}
    if isinstance(asked, ApprovalAsked):
        key, call_id = asked.id, asked.call.id
    else:
        key = asked if asked in waiting else scheduler.questions_by_call.get(asked, asked)
        call_id = asked
    question: Question | None = waiting.get(key)
    if question is not None:
        return question
    if not key:
        raise NotAsked(
            f"It is not known which question is meant, as {shown(call_id)} is the id of several "
            "calls. Give the ApprovalAsked of this run, or its id: run.decide(event, Allow()).",
            call_id=call_id,
        )
    known = ", ".join(f"{key!r} ({each.call.name})" for key, each in waiting.items()) or "none"
    raise NotAsked(
        f"The question about {shown(call_id)} waits for no decision: it was decided, has ended, or "
        f"was never asked. Questions that wait: {known}.",
        call_id=call_id,
    )
