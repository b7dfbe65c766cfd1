"""One answer: the cost of a delta, in short and long answers, and the memory of their text."""

import gc
import tracemalloc
from collections.abc import Iterator
from statistics import median

from openai import DefaultAioHttpClient

from rxagent.testing.scripts import tokens_text

from .row import Row
from .sides import Ours, Sdk
from .turns import cpu, per, take_turns

__all__ = ["long", "short"]

LONG = 100_000


def short(url: str, quick: bool) -> Iterator[Row]:
    """Compare the CPU time that a delta costs."""
    ours, sdk, aio = Ours(url), Sdk(url), Sdk(url, DefaultAioHttpClient)
    for count, most, times in ((2_000, 0.065, 15), (20_000, 0.05, 7)):
        model = f"tokens-{count}"

        def read(side: Ours | Sdk, model: str = model, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(model)))()

        by_aio = take_turns(lambda: read(ours), lambda: read(aio), 1 if quick else times // 4)
        turns = take_turns(lambda: read(ours), lambda: read(sdk), 3 if quick else times)
        note = f"with the SDK's aiohttp client {median(by_aio.theirs):.0f} µs"
        yield turns.row(f"CPU per delta, {count:,}", "µs", most, note)
    for side in (ours, sdk, aio):
        side.close()


def long(url: str, quick: bool) -> Iterator[Row]:
    """Compare a delta of a very long answer with one of a long answer, and measure the text."""
    ours = Ours(url)

    def read(count: int) -> float:
        return per(count, lambda: cpu(lambda: ours.read(f"tokens-{count}")))()

    turns = take_turns(lambda: read(LONG), lambda: read(LONG // 5), 3 if quick else 7)
    ratio = median(turns.ratios)
    yield Row(
        f"CPU per delta, {LONG:,}",
        median(turns.ours),
        "µs",
        "at most 1.20 x",
        ratio <= 1.2,
        f"linear: beside {median(turns.theirs):.2f} µs at {LONG // 5:,}",
        ratio=ratio,
    )
    weight = _kept(ours)
    yield Row(
        f"memory of a text of {LONG:,} deltas",
        weight,
        "x its bytes",
        "at most 3",
        weight <= 3,
        "all that an ended run keeps",
    )


def _kept(ours: Ours) -> float:
    """Return how many times the bytes of its text a run keeps."""
    model = f"tokens-{LONG}"
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    watched = ours.start(model)
    watched.wait()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(tokens_text(LONG).encode())
