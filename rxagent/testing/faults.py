"""Faults: a scripted server that sometimes fails, in ways that are drawn from a seed.

.. code-block:: python

    faults = Faults(seed=7, rate=0.3)
    server.scenario("flaky", faults.around(plain))

Which fault a request meets depends on the seed, on the request, and on how often that request has
come before, so the same program meets the same faults again, whatever runs at the same time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from ..arguments import number, one_of
from .frames import DONE, Body, frame
from .scenarios import Ending, Item, Scenario
from .scripts import failure

__all__ = ["KINDS", "Faults"]

_STALL = 3600.0
"""Seconds for which a server that stalls is silent: until the client gives up."""
_SLOW = 0.05
"""The most seconds that slow headers and `Retry-After` take."""
_GARBAGE = b"data: {this is not JSON\n\n"


class Faults:
    """Deals faults to the requests of a scripted server.

    Args:
        seed: Where the drawing begins.
        rate: The part of the requests that meet a fault, from 0 to 1.
        kinds: The kinds of faults, of `KINDS`.

    Attributes:
        dealt: How often each kind was dealt.
    """

    def __init__(self, seed: int, rate: float = 0.5, kinds: Sequence[str] = ()) -> None:
        number("rate", rate, least=0, what="a part of the requests")
        for kind in kinds:
            one_of("kinds", kind, tuple(KINDS))
        self.seed = seed
        self.rate = rate
        self.kinds = tuple(kinds) or tuple(KINDS)
        self.dealt: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()

    def around(self, scenario: Scenario) -> Scenario:
        """Return a scenario that does as another one, unless a request meets a fault."""

        def faulty(body: Body, *numbers: float) -> Iterable[Item]:
            items: list[Item] = list(scenario(body, *numbers))  # type: ignore[arg-type]
            request = json.dumps(body, sort_keys=True)
            self._requests[request] += 1
            random = Random(f"{self.seed} {self._requests[request]} {request}")
            if random.random() >= self.rate:
                return items
            kind = random.choice(self.kinds)
            self.dealt[kind] += 1
            return KINDS[kind](body, items, random)

        return faulty


def _cut(body: Body, items: list[Item], random: Random) -> Iterable[Item]:
    sent = b"".join(_bytes_of(body, items)) + DONE
    return [sent[: random.randrange(len(sent))], Ending.ABORT]


def _bytes_of(body: Body, items: Iterable[Item]) -> Iterable[bytes]:
    for item in items:
        if isinstance(item, bytes):
            yield item
        elif isinstance(item, dict):
            yield frame(body, item)


def _early(items: list[Item], random: Random) -> list[Item]:
    return items[: random.randrange(len(items))]


def _garbage(body: Body, items: list[Item], random: Random) -> Iterable[Item]:
    at = random.randrange(len(items))
    return [*items[:at], _GARBAGE, *items[at:]]


def _duplicate(body: Body, items: list[Item], random: Random) -> Iterable[Item]:
    """Send a frame twice that says nothing: two words that are equal may both be meant."""
    silent = [at for at, item in enumerate(items) if isinstance(item, dict) and not _says(item)]
    at = random.choice(silent) if silent else len(items)
    return [*items[: at + 1], *items[at:]]


def _says(chunk: dict[str, Any]) -> bool:
    deltas = [choice.get("delta") or {} for choice in chunk.get("choices") or []]
    said = ("content", "refusal", "reasoning", "reasoning_content", "tool_calls")
    return any(delta.get(name) for delta in deltas for name in said)


KINDS: dict[str, Callable[[Body, list[Item], Random], Iterable[Item]]] = {
    "refused": lambda body, items, random: [Ending.REFUSE],
    "429": lambda body, items, random: [failure(429)],
    "429 with Retry-After": lambda body, items, random: [
        failure(429, round(random.uniform(0, _SLOW), 3))
    ],
    "5xx": lambda body, items, random: [failure(random.choice((500, 502, 503)))],
    "cut": _cut,
    "stall": lambda body, items, random: [*_early(items, random), _STALL],
    "garbage frame": _garbage,
    "slow headers": lambda body, items, random: [random.uniform(0, _SLOW), *items],
    "headers that never come": lambda body, items, random: [_STALL],
    "duplicate frame": _duplicate,
    "half-closed": lambda body, items, random: [*_early(items, random), Ending.HALF_CLOSE],
}
"""The kinds of faults, each with what is sent in place of the items of a script."""
