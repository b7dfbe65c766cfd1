"""The CPU time that a delta costs: in a model, in a whole agent, and in its SDK's own loop."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from statistics import median
from typing import Protocol

from rxagent.events import Delta, TextDelta
from rxagent.models import Model

from .row import Row
from .sides import TASK
from .turns import cpu, per, take_turns

__all__ = ["TURNS", "Alone", "OnALoop", "compare"]

TURNS: Mapping[int, int] = {2_000: 15, 20_000: 7}
"""How often answers are read, by the number of their deltas."""


class _Reader(Protocol):
    """Reads answers; a model of the far end is named by what it says."""

    def read(self, model: str, /) -> object:
        """Read an answer."""

    def close(self) -> None:
        """Close what is open."""


class OnALoop:
    """A reader of answers on a loop of its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def read(self, model: str, /) -> None:
        """Read an answer."""
        self._runner.run(self.answer(model))

    @abstractmethod
    async def answer(self, model: str, /) -> None:
        """Read an answer on the loop."""

    def close(self) -> None:
        """Close the loop, and with it the clients."""
        self._runner.close()


class Alone(OnALoop):
    """The model alone, subscribed on a loop of its own.

    Args:
        make: Returns the model of a name; called once for each.
    """

    def __init__(self, make: Callable[[str], Model]) -> None:
        super().__init__()
        self._made = cache(make)

    async def answer(self, model: str, /) -> None:
        """Read an answer on the loop."""
        ended = asyncio.get_running_loop().create_future()
        length = 0

        def add(delta: Delta) -> None:
            nonlocal length
            if type(delta) is TextDelta:
                length += len(delta.text)

        deltas = self._made(model)(TASK)
        deltas.subscribe(add, ended.set_exception, lambda: ended.set_result(None))
        await ended


def compare(
    name: str,
    says: str,
    limit: float,
    sides: tuple[_Reader, _Reader],
    quick: bool,
    *,
    agent: _Reader | None = None,
    turns: Mapping[int, int] = TURNS,
) -> Iterator[Row]:
    """Compare a model with its SDK's loop, for answers of several lengths, and close them.

    Args:
        name: The provider, in words.
        says: The prefix of the models of the far end.
        limit: What the ratio is at most.
        sides: The model, and the SDK.
        quick: Whether to take few turns.
        agent: A whole agent with three viewers, which is noted.
        turns: How many turns to take, by the number of deltas.
    """
    ours, sdk = sides
    for count, times in turns.items():

        def read(side: _Reader, count: int = count) -> float:
            return per(count, lambda: cpu(lambda: side.read(f"{says}-{count}")))()

        note = "the model alone"
        if agent is not None:
            whole = take_turns(lambda: read(agent), lambda: read(sdk), 1 if quick else times // 4)
            note += f"; a whole agent with three viewers {median(whole.ours):.0f} µs"
        taken = take_turns(lambda: read(ours), lambda: read(sdk), min(times, 3) if quick else times)
        yield taken.row(f"CPU per delta, {name}, {count:,}", "µs", limit, note)
    for side in filter(None, (ours, sdk, agent)):
        side.close()
