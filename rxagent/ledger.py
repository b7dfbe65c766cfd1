"""Ledger: what several runs have spent together, and their common limits."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from math import ceil, inf
from pickle import PicklingError
from typing import Never

from attrs import frozen

from .arguments import number
from .events import Usage
from .prices import Price, Prices, may_be_free, price_of, prices_of

__all__ = ["Charge", "Ledger", "Spent"]

_ROUNDING = 1e-9
"""The part of a limit in dollars that is lost in sums."""


@frozen
class Spent:
    """What was spent.

    Attributes:
        tokens: Tokens of input and output, those that are only estimated yet included.
        usd: What they cost in dollars; None if the price of a model is unknown.
        steps: Steps of all agents.
        tool_calls: Calls whose code ran.
    """

    tokens: int = 0
    usd: float | None = 0.0
    steps: int = 0
    tool_calls: int = 0


class Charge:
    """What is entered in a ledger: output that is estimated, a report of usage, steps, or calls.

    `estimated` is negative where a report replaces it.
    """

    __slots__ = ("estimated", "model", "steps", "tool_calls", "usage")

    def __init__(
        self,
        estimated: float = 0.0,
        model: str | None = None,
        usage: Usage | None = None,
        steps: int = 0,
        tool_calls: int = 0,
    ) -> None:
        self.estimated = estimated
        self.model = model
        self.usage = usage
        self.steps = steps
        self.tool_calls = tool_calls


class Ledger:
    """What several runs have spent together, and what they may spend at most.

    Give it to `ops.budget(ledger=...)` of each run; any number of them may go on at once, on any
    threads. A run is cut as soon as what all of them have spent is more than a limit, and no
    further one begins once nothing is left. Without limits it only counts.

    Args:
        tokens: Tokens of input and output.
        usd: Dollars.
        steps: Steps of all agents.
        tool_calls: Calls of tools.
        prices: The prices of the models, as a table, a dict, or one `Price` for all of them; by
            default `PRICES`.
    """

    def __init__(
        self,
        *,
        tokens: int | None = None,
        usd: float | None = None,
        steps: int | None = None,
        tool_calls: int | None = None,
        prices: Mapping[str, Price] | Price | None = None,
    ) -> None:
        number("tokens", tokens, least=0, whole=True, what="a number of tokens", optional=True)
        number("usd", usd, least=0, what="a number of dollars", optional=True)
        number("steps", steps, least=0, whole=True, what="a number of steps", optional=True)
        number(
            "tool_calls", tool_calls, least=0, whole=True, what="a number of calls", optional=True
        )
        self.prices: Prices | Price = prices_of(prices)
        self._limits = {"tokens": tokens, "usd": usd, "steps": steps, "tool_calls": tool_calls}
        self._lock = threading.Lock()
        self._by_model: dict[str, Usage] = {}
        self._tokens = self._usd = 0.0
        self._is_priced = True
        self._steps = self._tool_calls = 0

    @property
    def limits(self) -> dict[str, float | None]:
        """What may be spent at most, by name; None is no limit."""
        return dict(self._limits)

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        with self._lock:
            usd = self._usd if self._is_priced else None
            return Spent(ceil(self._tokens), usd, self._steps, self._tool_calls)

    @property
    def usage_by_model(self) -> dict[str, Usage]:
        """What each model reported, by its name; that of unknown models by an empty name."""
        with self._lock:
            return dict(self._by_model)

    def enter(self, charge: Charge) -> None:
        """Enter a charge.

        Raises:
            UnknownPrice: Dollars are limited, and the price of a model is unknown.
        """
        usd = self._cost(charge)
        usage = charge.usage
        with self._lock:
            self._tokens += charge.estimated
            self._steps += charge.steps
            self._tool_calls += charge.tool_calls
            if usd is None:
                self._is_priced = False
            else:
                self._usd += usd
            if usage is not None:
                self._tokens += usage.total_tokens
                name = usage.model or ""
                self._by_model[name] = Usage.sum(self._by_model.get(name), usage) or usage

    def _cost(self, charge: Charge) -> float | None:
        if not charge.estimated and charge.usage is None:
            return 0.0
        try:
            if charge.usage is None:
                return self._output_price(charge.model) * charge.estimated / 1e6
            return price_of(self.prices, charge.usage.model).of(charge.usage)
        except LookupError:
            if self._limits["usd"] is not None:
                raise
            return None

    @property
    def exceeded(self) -> str | None:
        """The limit that is exceeded, in words; None if none is."""
        tokens, usd, steps, calls = self._limits.values()
        with self._lock:
            if tokens is not None and self._tokens > tokens:
                return f"{ceil(self._tokens):,} tokens were used, more than tokens={tokens}"
            if usd is not None and self._usd > usd * (1 + _ROUNDING):
                return f"${self._usd:.6g} were spent, more than usd={usd:g}"
            if steps is not None and self._steps > steps:
                return f"step {self._steps} would begin, after steps={steps}"
            if calls is not None and self._tool_calls > calls:
                return f"call {self._tool_calls} would begin, after tool_calls={calls}"
        return None

    @property
    def used_up(self) -> str | None:
        """The limit that leaves nothing to begin a run with, in words; None if none does."""
        tokens, usd = self._limits["tokens"], self._limits["usd"]
        with self._lock:
            if tokens is not None and self._tokens >= tokens:
                return f"{ceil(self._tokens):,} tokens were used, and tokens={tokens} leaves none"
            if usd is not None and self._usd >= usd and not may_be_free(self.prices):
                return f"${self._usd:.6g} were spent, and usd={usd:g} leaves nothing"
        return self.exceeded

    def room(self, models: Iterable[str | None]) -> float:
        """Return the tokens that some models may write before a limit is exceeded."""
        tokens, usd = self._limits["tokens"], self._limits["usd"]
        with self._lock:
            left = inf if tokens is None else tokens - self._tokens
            if usd is not None:
                dollars = max((self._output_price(model) for model in models), default=0.0)
                if dollars > 0:
                    left = min(left, (usd - self._usd) / dollars * 1e6)
        return left

    def _output_price(self, model: str | None) -> float:
        if isinstance(self.prices, Price):
            return self.prices.output
        return 0.0 if model is None else self.prices.of(model).output

    def __repr__(self) -> str:
        given = [f"{name}={value:g}" for name, value in self._limits.items() if value is not None]
        return f"<Ledger({', '.join(given)}): {self.spent!r}>"

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A ledger stays in its process, since its runs write to it. Send ledger.spent."
        )
