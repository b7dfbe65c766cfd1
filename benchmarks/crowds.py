"""Crowds: 200 answers read at once in one process, slow and fast."""

from collections.abc import Iterator
from statistics import median

from .row import Row
from .sides import Ours, Sdk
from .turns import cpu, per, take_turns, wall

__all__ = ["paced", "unpaced"]

MANY = 200


def paced(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time of a delta when each run receives one per 20 ms."""
    ours, sdk, count = Ours(url), Sdk(url), 150
    model = f"tokens-{count}-every-20"

    def read(side: Ours | Sdk) -> float:
        return per(MANY * count, lambda: cpu(lambda: side.read(model, MANY)))()

    turns = take_turns(lambda: read(ours), lambda: read(sdk), 1 if quick else 4)
    yield turns.row(f"CPU per delta, {MANY} runs at 20 ms", "µs", 0.5, f"{count} deltas each")
    sdk.close()


def unpaced(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time of a delta, and the number per second, without pauses."""
    ours, sdk, count = Ours(url), Sdk(url), 500
    model = f"tokens-{count}"
    seconds: dict[str, list[float]] = {ours.name: [], sdk.name: []}

    def read(side: Ours | Sdk) -> float:
        def work() -> None:
            seconds[side.name].append(wall(lambda: side.read(model, MANY)))

        return per(MANY * count, lambda: cpu(work))()

    turns = take_turns(lambda: read(ours), lambda: read(sdk), 1 if quick else 3)
    yield turns.row(f"CPU per delta, {MANY} runs unpaced", "µs", 0.13, f"{count} deltas each")
    fast, slow = (MANY * count / median(taken[1:]) for taken in seconds.values())
    pairs = zip(seconds[ours.name][1:], seconds[sdk.name][1:], strict=True)
    times = median(other / one for one, other in pairs)
    yield Row(
        f"deltas a second, {MANY} runs unpaced",
        fast,
        "",
        "at least 7.00 x",
        times >= 7,
        "by the clock, the server's time included",
        slow,
        times,
    )
    sdk.close()
