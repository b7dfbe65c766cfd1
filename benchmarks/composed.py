"""Operators around a model: what each adds to a delta, and what the usual ones add to a run."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from reactivex import Observable

from rxagent import Agent
from rxagent import operators as ops
from rxagent.agents.approval import by_name
from rxagent.agents.runnable import Runnable
from rxagent.events import Delta, Finish, TextDelta
from rxagent.messages import Request
from rxagent.models import Model
from rxagent.streams import each
from rxagent.streams import operators as stream_ops

from .row import Row
from .sides import Ours, Sdk
from .turns import cpu, per, take_turns

__all__ = ["careful", "rows"]

PIECE = TextDelta("token ")

LIMIT = 0.4
"""The microseconds of CPU that one operator may add to a delta."""


class _Saying(Model):
    """Says so many pieces, with no work of its own."""

    def __init__(self, count: int) -> None:
        self._deltas = [PIECE] * count + [Finish("stop")]

    def __call__(self, request: Any) -> Observable[Delta]:
        return stream_ops.from_items(self._deltas)


def _operators() -> list[Callable[[Any], Any]]:
    """Return ten operators, as one may put around a model."""
    return [
        ops.timeout(idle=20),
        ops.retry(2),
        ops.circuit_breaker(5, cooldown=30),
        ops.stop_at(["NEVER"]),
        ops.unless_refused(),
        ops.timeout(first=10, total=600),
        ops.retry(3, midstream=True),
        ops.watch(lambda _: None),
        ops.circuit_breaker(9),
        ops.timeout(total=900),
    ]


def rows(url: str, quick: bool) -> Iterator[Row]:
    """Measure what 1, 5 and 10 operators add to each delta of an answer."""
    count = 20_000 if quick else 100_000
    plain = _Saying(count).pipe()  # read as the others are
    for many in (1, 5, 10):
        piped = plain.pipe(*_operators()[:many])
        taken = take_turns(_reading(piped), _reading(plain), times=3 if quick else 9)
        added = [ours - theirs for ours, theirs in zip(taken.ours, taken.theirs, strict=True)]
        each_one = median(added) / count / many * 1e6
        yield Row(
            f"{many} operator{'s' * (many > 1)} around a model, each a delta",
            each_one,
            "µs",
            f"at most {LIMIT} µs",
            each_one <= LIMIT,
            f"beside {median(taken.theirs) / count * 1e6:.2f} µs for the stream itself",
        )


class _Careful(Ours):
    """An agent with what one puts around it in production."""

    def make(self, model: Model) -> Runnable:
        """Return an agent with a model."""
        careful = model.pipe(ops.timeout(idle=20), ops.retry(2))
        return Agent(careful, approve=by_name({"*": None})).pipe(ops.budget(tokens=10**9))


def careful(url: str, quick: bool) -> Iterator[Row]:
    """Compare a delta of an agent with retry, timeout, budget and approve around everything."""
    ours, sdk = _Careful(url), Sdk(url)
    for count, most, times in ((2_000, 0.065, 15), (20_000, 0.05, 7)):

        def read(side: Ours | Sdk, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(f"tokens-{count}")))()

        turns = take_turns(lambda: read(ours), lambda: read(sdk), 3 if quick else times)
        yield turns.row(f"the same with retry, timeout, budget, approve, {count:,}", "µs", most)
    sdk.close()


def _reading(model: Callable[[Request], Observable[Delta]]) -> Callable[[], float]:
    def read() -> None:
        for _ in each(model(Request.of("Hi")).pipe(ops.of_type(Finish))):
            pass

    return lambda: cpu(read)
