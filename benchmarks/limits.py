"""Limits: 1,000 runs that share one rate."""

from collections.abc import Callable, Iterator
from functools import partial

from reactivex import Observable

from rxagent import operators as ops
from rxagent.events import Delta
from rxagent.messages import Request
from rxagent.models import as_model
from rxagent.testing.clock import VirtualScheduler

from .row import Row
from .turns import cpu

__all__ = ["rate"]

RUNS = 1_000
RATE = 600
"""Requests a minute."""


async def answering(_: Request) -> str:
    """Answer at once, as a task on the loop."""
    return "Hello"


def rate(url: str, quick: bool) -> Iterator[Row]:
    """Measure how equally runs are served that always ask again, and what their turns cost.

    Time is virtual, so that the limit decides, and not the speed of the machine.
    """
    rounds = 21 if quick else 40
    seconds = (rounds + 0.5) * RUNS / RATE * 60  # so that the end is in the middle of a round
    model = as_model(answering)
    limited: list[int] = []
    busy = cpu(lambda: limited.extend(_served(ops.rate_limit(RATE)(model), seconds)))
    mean = sum(limited) / RUNS
    spread = max(max(limited) - mean, mean - min(limited)) / mean
    yield Row(
        f"{RUNS:,} runs through one rate limit, spread",
        spread * 100,
        "%",
        "at most 5 %",
        spread <= 0.05,
        f"{min(limited)} to {max(limited)} requests each, in {seconds:,.0f} s of virtual time",
    )
    free: list[int] = []
    alone = cpu(lambda: free.extend(_served(model, 0.0, rounds)))
    added = busy / sum(limited) - alone / sum(free)
    yield Row(
        f"{RUNS:,} runs through one rate limit, CPU of a turn",
        added * 1e6,
        "µs",
        note=f"beside {alone / sum(free) * 1e6:.0f} µs for a request without a limit",
    )


def _served(
    model: Callable[[Request], Observable[Delta]], seconds: float, most: int | None = None
) -> list[int]:
    """Let all runs ask again and again, for some time or so often; return how often each was."""
    served = [0] * RUNS
    with VirtualScheduler() as scheduler:

        def ask(number: int) -> None:
            answer = model(Request.of("Hi"))
            answer.subscribe(on_completed=partial(completed, number), scheduler=scheduler)

        def completed(number: int) -> None:
            served[number] += 1
            if most is None or served[number] < most:
                ask(number)

        for number in range(RUNS):
            ask(number)
        if most is None:
            scheduler.advance_to(seconds)
        else:
            scheduler.run()
    return served
