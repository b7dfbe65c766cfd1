"""Approval: a call is asked about before it runs.

.. code-block:: text

    ApprovalAsked ─ policy(call) ─┬ a decision
                                  ├ an awaitable ─ a decision
                                  └ an Observable ─ its first decision
    ─ ApprovalAnswered ─┬ the call, perhaps edited, runs
                        └ CallDenied
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import reactivex as rx
from attrs import evolve
from reactivex import Observable, abc

from ..decisions import DECISIONS, Allow, AllowAll, Decision, Deny, Edit, check_decision
from ..errors import CallDenied, describe
from ..events import ApprovalAnswered, ApprovalAsked, Event
from ..messages import ToolCall
from ..runs.questions import GivenDecisions, Question
from ..streams import RunScheduler, observe_on_run, run_scoped
from ..streams import operators as stream_ops
from ..streams.calls import Returned, calling, cause_of
from ..streams.serial_queue import behind
from ..streams.sink import MergeSink, Producer, Sink, lift

__all__ = ["Approval", "Asking", "Policy", "ask_first", "asked_by"]

Policy: TypeAlias = Decision | Callable[[ToolCall], Any]
"""What decides on calls: a decision, or a function from a call to one, now or later."""


class Approval:
    """The approval of calls in one run of an agent and of its inner agents.

    Attributes:
        policy: What decides.
        allows_all: Whether AllowAll was decided.
        waiting: The questions that are open.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.allows_all = False
        self.waiting: dict[Asking, None] = {}

    def allow_all(self) -> None:
        """Ask no more; calls that wait run."""
        self.allows_all = True
        for asking in tuple(self.waiting):
            asking.decide(Allow())


def asked_by(policy: Policy, events: Observable[Event]) -> Observable[Event]:
    """Ask a policy about each call in a run of an agent, and in runs inside it.

    It travels with the scheduler, so an inner agent without a policy has that of the outer one.
    """

    def subscribe(
        observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        scope = run_scheduler.scope
        if scope.approval is None or scope.approval.policy is not policy:
            run_scheduler = run_scheduler.within(scope.under(Approval(policy)))
        return events.subscribe(observer, scheduler=run_scheduler)

    return run_scoped(Producer(subscribe, is_serial=True), is_serial=True)


def ask_first(
    call: ToolCall,
    observer: abc.ObserverBase[Event],
    scheduler: RunScheduler,
    approved: Callable[[ToolCall], None],
    denied: Callable[[CallDenied], None],
) -> Asking | None:
    """Return the question whether a call may run, which `begin` asks; None if none is needed.

    Args:
        call: The call.
        observer: Gets ApprovalAsked and ApprovalAnswered.
        scheduler: The run's; its scope says what approves.
        approved: Called with the call to run.
        denied: Called with the reason why it may not.
    """
    approval: Approval | None = scheduler.scope.approval
    if approval is None or approval.allows_all:
        return None
    policy: Any = approval.policy
    while hasattr(policy, "rule_for"):  # as `by_name` has; it is looked up at once
        policy = policy.rule_for(call)
    if policy is None:
        return None
    return Asking(approval, policy, call, observer, scheduler, approved, denied)


class Asking(Sink[Any, Event]):
    """Observes a policy until it decides on a call."""

    __slots__ = (
        "_approval",
        "_approved",
        "_call",
        "_decision",
        "_denied",
        "_policy",
        "_question",
        "_run",
    )

    def __init__(
        self,
        approval: Approval,
        policy: Policy,
        call: ToolCall,
        observer: abc.ObserverBase[Event],
        scheduler: RunScheduler,
        approved: Callable[[ToolCall], None],
        denied: Callable[[CallDenied], None],
    ) -> None:
        super().__init__(observer)
        self._approval = approval
        self._policy = policy
        self._call = call
        self._run = scheduler
        self._approved = approved
        self._denied = denied
        self._decision: Decision | None = None
        self._question = Question(call, scheduler)

    def begin(self) -> None:
        """Ask."""
        try:
            decisions = _decisions(self._policy, self._call, self._question)
        except Exception as error:
            self._question.close()
            decisions = rx.throw(error)
        # Before it is emitted, since an observer may decide at once.
        self._approval.waiting[self] = None
        self._question.open()
        self.observer.on_next(ApprovalAsked(self._call, self._question.id))
        if not self.is_stopped and self._decision is None:
            scope = self._run.scope.deciding(self._question)
            self.follow(decisions, self._run.within(scope))

    def on_next(self, value: Any) -> None:
        """Decide as the policy does."""
        try:
            check_decision("What a policy returns", value)
        except TypeError as error:
            self.on_error(error)
        else:
            self.decide(value)

    def on_error(self, error: Exception) -> None:
        """Deny, as the policy failed."""
        self.decide(Deny(f"the policy failed: {describe(behind(cause_of(error)))}"))

    def on_completed(self) -> None:
        """Deny, as no decision came."""
        self.decide(Deny("the policy ended without a decision"))

    def decide(self, decision: Decision) -> None:
        """Decide, unless that is done."""
        if self.is_stopped or self._decision is not None:
            return
        self._decision = decision
        self._close()
        self._run.when_resumed(self._answer)

    def _answer(self) -> None:
        if self.is_stopped:
            return
        self._dispose_source()
        observer, decision, call = self._stopping(), self._decision, self._call
        answered = partial(ApprovalAnswered, call.id, str(decision), id=self._question.id)
        if isinstance(decision, Deny):
            why = f": {decision.reason}" if decision.reason else "."
            denied = CallDenied(f"{call.name} was denied{why}", tool=call.name)
            observer.on_next(answered())
            self._denied(denied)
            return
        if isinstance(decision, Edit):
            call = evolve(call, arguments=decision.arguments)
        observer.on_next(answered(call))
        if isinstance(decision, AllowAll):
            self._approval.allow_all()
        self._approved(call)

    def _close(self) -> None:
        self._question.close()
        self._approval.waiting.pop(self, None)

    def dispose(self) -> None:
        """Ask no more."""
        super().dispose()
        self._close()


def _decisions(policy: Any, call: ToolCall, question: Question) -> Observable[Any]:
    """Return the decisions of a policy on a call.

    If the policy is known not to wait for `run.decide`, the question is closed.
    """
    if isinstance(policy, DECISIONS):
        question.close()
        return stream_ops.of(policy)
    if hasattr(policy, "stream_for"):
        stream = policy.stream_for(call)
        if not isinstance(stream, GivenDecisions):
            question.close()
        return _one_of(stream, question)
    decided = calling(partial(policy, call), name="the approval policy")
    return lift(partial(_Deciding, question))(decided)


def _one_of(stream: Observable[Any], question: Question) -> Observable[Any]:
    if isinstance(stream, GivenDecisions):  # by itself: no other source, and no count of several
        question.takes_one = True
        return stream
    return observe_on_run(stream)


class _Deciding(MergeSink[Any, Any]):
    """Emits what a policy returned, or what its streams emit."""

    __slots__ = ("_question",)

    def __init__(self, question: Question, observer: abc.ObserverBase[Any]) -> None:
        super().__init__(observer)
        self._question = question

    def on_next(self, value: Any) -> None:
        decided = value.value if isinstance(value, Returned) else value
        if isinstance(decided, Observable):
            self.join(_one_of(decided, self._question))
        else:
            self.observer.on_next(decided)
