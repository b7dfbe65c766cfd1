"""Approval: policies that decide whether the calls of an agent may run.

.. code-block:: python

    agent = Agent(model, tools=[read, delete], approve=by_name({"read": Allow(), "*": ask}))

A policy is a decision, or a function from a `ToolCall` to one: returned at once, awaited, or the
first that a returned Observable emits. A policy that fails, or ends without a decision, denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from inspect import isclass, signature
from typing import Any

from attrs import field, frozen
from reactivex import Observable

from ..arguments import mapping, shown
from ..decisions import DECISIONS, Allow, AllowAll, Decision, Deny, Edit
from ..frozen import frozen_mapping
from ..messages import ToolCall
from ..printable import one_line
from ..runs.questions import GivenDecisions
from ..streams import from_blocking
from ..streams import operators as stream_ops
from ..streams.interruptible_wait import Latch
from ..tools.approval import Policy
from .typed_lines import Terminal, typed

__all__ = [
    "Allow",
    "AllowAll",
    "Decision",
    "Deny",
    "Edit",
    "Policy",
    "by_decision",
    "by_name",
    "check_policy",
    "on_terminal",
    "read_decision",
]


# By name


def by_name(rules: Mapping[str, Policy | None]) -> Policy:
    """Return a policy that decides by the names of the tools.

    .. marbles:: approval/by_name

    Args:
        rules: A decision or a policy for each pattern, as ``"delete_*"``; of several that match,
            the first counts. A call that none matches is denied, so the last is often ``"*"``.
            With None as its rule, a call runs without a question, and without events of one.
    """
    for pattern, rule in mapping("rules", rules).items():
        if rule is not None:
            check_policy(f"The rule for {pattern!r}", rule)
    return _ByName(frozen_mapping("rules", rules))


@frozen
class _ByName:
    rules: Mapping[str, Policy | None] = field(hash=False)

    def rule_for(self, call: ToolCall) -> Policy | None:
        """Return the first rule that matches."""
        for pattern, rule in self.rules.items():
            if fnmatchcase(call.name, pattern):
                return rule
        return Deny(f"no rule allows {call.name}")

    def __call__(self, call: ToolCall) -> Any:
        rule = self.rule_for(call)
        if rule is None:
            return Allow()
        return rule if isinstance(rule, DECISIONS) else rule(call)


# By decision


def by_decision() -> Policy:
    """Return a policy that waits for ``run.decide(event, decision)``.

    The policy's stream for a call emits each decision given on it, so that several can be
    combined: ``rx.amb`` with a timer limits the wait, and ``take(2)`` is a quorum. By itself, the
    first decision counts, and `run.decide` refuses any other.

    .. marbles:: approval/by_decision
    """
    return _ByDecision()


@frozen
class _ByDecision:
    def stream_for(self, call: ToolCall) -> GivenDecisions:
        """Return the decisions on a call."""
        return GivenDecisions(call)

    def __call__(self, call: ToolCall) -> GivenDecisions:
        return GivenDecisions(call)


# On the terminal


def on_terminal(*, ask: Callable[[str], str] | None = None) -> Policy:
    """Return a policy that asks at the terminal, one call after the other.

    A question that is cancelled gives the terminal to the next one. Its stream for a call emits the
    decision, so that ``rx.amb`` with a timer limits the wait.

    Args:
        ask: Shows a text and returns the line typed after it, as `input` does; by default the
            text goes to stderr, and the line comes from stdin. EOFError denies.
    """
    return _OnTerminal(ask)


_TERMINAL = Terminal()


@frozen
class _OnTerminal:
    ask: Callable[[str], str] | None

    def stream_for(self, call: ToolCall) -> Observable[Decision]:
        """Return the decision on a call."""
        return stream_ops.defer(partial(self._asked, call))

    def _asked(self, call: ToolCall) -> Observable[Decision]:
        cancelled = Latch()

        def decide() -> Iterator[Decision]:
            with _TERMINAL.turn(cancelled):
                if not cancelled.is_set:
                    yield read_decision(call, self.ask or partial(typed, cancelled=cancelled))

        return from_blocking(decide, cancelled.set)

    def __call__(self, call: ToolCall) -> Observable[Decision]:
        return self.stream_for(call)


_CHOICES = "Run it? [y]es, [n]o, [a]ll of this run, [e]dit; other text denies and says why: "


def read_decision(call: ToolCall, ask: Callable[[str], str], *, is_shown: bool = False) -> Decision:
    """Ask for a decision on a call until a line can be read as one.

    Args:
        call: The call.
        ask: Shows a text and returns the line typed after it.
        is_shown: Whether the call is on the screen already.
    """
    shows = "" if is_shown else f"{one_line(call.name)} {one_line(call.arguments)}\n"
    text = f"{shows}{_CHOICES}"
    try:
        while True:
            said = ask(text).strip()
            match said.lower():
                case "y" | "yes":
                    return Allow()
                case "n" | "no":
                    return Deny("the user said no")
                case "a" | "all":
                    return AllowAll()
                case "e" | "edit":
                    text = "The arguments, as one JSON object: "
                    try:
                        return Edit(ask(text))
                    except ValueError as error:
                        text = f"{error}\n{_CHOICES}"
                case "":
                    text = _CHOICES
                case _:
                    return Deny(said)
    except EOFError:
        return Deny("no answer could be read from the terminal")


def check_policy(name: str, policy: Any) -> None:
    """Check that something is a decision, or can be called with a call.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(policy, DECISIONS):
        return
    if isclass(policy) or policy in (by_name, by_decision, on_terminal):
        called = getattr(policy, "__name__", "")
        raise TypeError(f"{name} is {called} itself. Write {called}(...).")
    if not callable(policy):
        raise TypeError(
            f"{name} must be a decision, as Allow(), or a function from a call to one, as "
            f"by_decision(), not {shown(policy)}."
        )
    try:
        bound = signature(policy)
    except ValueError:  # its signature is not known
        return
    try:
        bound.bind(None)
    except TypeError:
        raise TypeError(
            f"{name}, {shown(policy)}, cannot be called with one argument, the call: policy(call)."
        ) from None
