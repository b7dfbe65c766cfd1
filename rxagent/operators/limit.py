"""Limits of how many requests are sent, shared by all runs of a model."""

from __future__ import annotations

from collections import deque
from math import inf

from ..arguments import number
from ..events import Usage
from ._gate import Gate, Ticket
from ._models import Answer, ask, model_operator

__all__ = ["concurrency", "rate_limit"]


@model_operator
def rate_limit(requests: int | None = None, tokens: int | None = None, per: float = 60.0) -> Answer:
    """Send at most so many requests, or tokens, in any `per` seconds.

    Further requests wait, and are sent in the order in which they came. The limit belongs to the
    operator that this returns: all models that it is piped to share it, and all of their runs, on
    any threads. When a server answers with a time to wait (Retry-After), no request is sent
    before.

    The tokens of a request are estimated when it is sent, by the length of its messages, and
    corrected by each report of usage. A request that is larger than the limit is sent alone.

    The order matters. In ``pipe(rate_limit(...), retry(...))`` each attempt counts, and waits for
    its turn; in ``pipe(retry(...), rate_limit(...))`` all attempts count as one. A request that
    waits is not silent: `timeout(idle=, first=)` and `hedge` count from when it is sent, and
    `timeout(total=)` from the subscription.

    .. marbles:: limit/rate_limit

    Args:
        requests: The number of requests.
        tokens: The number of tokens, of input and output.
        per: The seconds.
    """
    number("requests", requests, least=1, whole=True, what="a number of requests", optional=True)
    number("tokens", tokens, least=1, whole=True, what="a number of tokens", optional=True)
    number("per", per, above=0)
    if requests is None and tokens is None:
        raise TypeError("No limit is given: write rate_limit(requests=60), or tokens=.")
    gate = Gate(_Rate(requests, tokens, per), reads_usage=tokens is not None)
    return lambda model, request: gate.through(ask(model, request), request)


@model_operator
def concurrency(limit: int) -> Answer:
    """Let a model answer at most `limit` requests at the same time.

    Further requests wait, and are sent in the order in which they came, each when an answer has
    ended or was disposed. The limit belongs to the operator that this returns, as that of
    `rate_limit` does. A run that is paused keeps its place. One whose event loop has stopped, or
    is closed, gives it to a run that waits.

    .. marbles:: limit/concurrency

    Args:
        limit: The number of requests.
    """
    number("limit", limit, least=1, whole=True, what="a number of requests")
    gate = Gate(_Places(limit), has_places=True)
    return lambda model, request: gate.through(ask(model, request), request)


class _Places:
    """A number of places, which are taken by answers that have not ended."""

    def __init__(self, places: int) -> None:
        self._free = places

    def seconds(self, ticket: Ticket, now: float) -> float:
        return 0.0 if self._free else inf

    def passed(self, ticket: Ticket, now: float) -> None:
        ticket.at = now
        self._free -= 1

    def ended(self, ticket: Ticket) -> None:
        self._free += 1

    withdrawn = ended

    def reported(self, ticket: Ticket, usage: Usage, now: float) -> None: ...

    def pause(self, seconds: float, now: float) -> None: ...


class _Rate:
    """Numbers of requests and tokens in a window of time that ends now.

    The tokens of a request count from when it was sent.
    """

    def __init__(self, requests: int | None, tokens: int | None, per: float) -> None:
        self._requests = requests
        self._tokens = tokens
        self._per = per
        self._sent: deque[Ticket] = deque()
        self._sum = 0.0
        self._paused_until = -inf

    def seconds(self, ticket: Ticket, now: float) -> float:
        self._forget(now)
        wait = self._paused_until - now
        if self._requests is not None and len(self._sent) >= self._requests:
            wait = max(wait, self._sent[-self._requests].at + self._per - now)
        if self._tokens is not None:
            wait = max(wait, self._until_room(self._tokens - ticket.tokens, now))
        return wait

    def _until_room(self, most: float, now: float) -> float:
        """Return the seconds until the tokens in the window are `most`, or none are left."""
        left, wait = self._sum, 0.0
        for ticket in self._sent:
            if left <= most:
                break
            left -= ticket.tokens
            wait = ticket.at + self._per - now
        return wait

    def passed(self, ticket: Ticket, now: float) -> None:
        ticket.at = now
        self._sent.append(ticket)
        self._sum += ticket.tokens

    def reported(self, ticket: Ticket, usage: Usage, now: float) -> None:
        self._forget(now)
        known = ticket.tokens if ticket.is_reported else 0.0
        ticket.is_reported = True
        self._count(ticket, known + usage.total_tokens)

    def _count(self, ticket: Ticket, tokens: float) -> None:
        if self._sent and ticket.at >= self._sent[0].at:  # it is in the window
            self._sum += tokens - ticket.tokens
        ticket.tokens = tokens

    def pause(self, seconds: float, now: float) -> None:
        self._paused_until = max(self._paused_until, now + seconds)

    def ended(self, ticket: Ticket) -> None: ...

    def withdrawn(self, ticket: Ticket) -> None:
        if ticket in self._sent:
            self._sent.remove(ticket)
            self._sum -= ticket.tokens

    def _forget(self, now: float) -> None:
        """Forget what was sent before the window, or by another clock, which has a later time."""
        while self._sent and not now - self._per < self._sent[0].at - 1e-6 <= now + self._per:
            self._sum -= self._sent.popleft().tokens
        if not self._sent:
            self._sum = 0.0
