"""Ledger: what several runs have spent together, and their common limits."""

import threading
from collections.abc import Mapping
from pickle import PicklingError
from typing import Never

from attrs import frozen

from .arguments import number
from .events import Usage
from .prices import Price, Prices, price_of, prices_of

__all__ = ["Charge", "Ledger", "Spent"]


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
    """Something to enter in a ledger: estimated output, a report of usage, steps or calls.

    A report takes back the estimates that it replaces.
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
    """The sums that several runs have spent together, and what they may spend at most.

    Give it to `ops.budget(ledger=...)` of each run; any number of them may go on at once, on any
    threads. A run is cut as soon as what all of them have spent is more than a limit, and no
    further one begins. Without limits it only counts.

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
            return Spent(round(self._tokens), usd, self._steps, self._tool_calls)

    @property
    def usage_by_model(self) -> dict[str, Usage]:
        """The usage that each model reported, by its name; that of unknown ones by an empty name."""
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
        estimated = 0.0
        try:
            if charge.estimated and (charge.model is not None or isinstance(self.prices, Price)):
                price = price_of(self.prices, charge.model)
                estimated = price.output * charge.estimated / 1e6
            if charge.usage is None:
                return estimated
            return estimated + price_of(self.prices, charge.usage.model).of(charge.usage)
        except LookupError:
            if self._limits["usd"] is not None:
                raise
            return None

    @property
    def exceeded(self) -> str | None:
        """The limit that is exceeded, as a sentence; None if none is."""
        spent, limits = self.spent, self._limits
        tokens, usd, steps, calls = (limits[name] for name in limits)
        if tokens is not None and spent.tokens > tokens:
            return f"{spent.tokens:,} tokens were used, more than tokens={tokens}"
        if usd is not None and spent.usd is not None and spent.usd > usd:
            return f"${spent.usd:.6g} were spent, more than usd={usd:g}"
        if steps is not None and spent.steps > steps:
            return f"more than steps={steps} steps began"
        if calls is not None and spent.tool_calls > calls:
            return f"more than tool_calls={calls} calls began"
        return None

    def __repr__(self) -> str:
        given = [f"{name}={value:g}" for name, value in self._limits.items() if value is not None]
        return f"<Ledger({', '.join(given)}): {self.spent!r}>"

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A ledger stays in its process, since its runs write to it. Send ledger.spent."
        )


