"""Prices: what the tokens of a model cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from .arguments import number, shown, text, valid
from .errors import UnknownPrice
from .events import Usage
from .price_table import DATE, SOURCE, TABLE

__all__ = ["PRICES", "Price", "Prices", "may_be_free", "price_of", "prices_of"]

_MILLION = 1_000_000
_DOLLARS: dict[str, Any] = {"least": 0, "what": "dollars for a million tokens"}
_MAKER = re.compile(
    r"(openai|anthropic|gemini|google|mistral|deepseek)/|(bedrock/)?([a-z]+\.)?anthropic\."
)
_VERSION = re.compile(r"(-\d{4}-\d\d-\d\d|-20\d{6})?(-v\d+:\d+)?$")


@frozen
class Price:
    """What a million tokens of a model cost, in dollars.

    Attributes:
        input: A million tokens of input.
        output: A million tokens of output, reasoning included.
        cached: A million tokens of input that are read from a cache; by default as `input`.
        cache_write: A million tokens of input that are written to a cache; by default as `input`.
    """

    input: float = field(validator=valid(number, **_DOLLARS))
    output: float = field(validator=valid(number, **_DOLLARS))
    cached: float | None = field(default=None, validator=valid(number, optional=True, **_DOLLARS))
    cache_write: float | None = field(
        default=None, validator=valid(number, optional=True, **_DOLLARS)
    )

    def of(self, usage: Usage) -> float:
        """Return what the tokens of a report cost, in dollars."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        plain = max(usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, 0)
        dollars = plain * self.input + usage.output_tokens * self.output
        return (
            dollars + usage.cached_tokens * cached + usage.cache_write_tokens * written
        ) / _MILLION


class Prices(Mapping[str, Price]):
    """The prices of several models by name, with their source.

    A name also finds the price of the same model without the prefix of its maker and the date of
    its version: ``"openai/gpt-5-mini-2025-08-07"`` that of ``"gpt-5-mini"``.

    Args:
        prices: The price of each model.
        source: Where they are from.
        date: The day on which they were read there, as ``"2026-11-28"``.
    """

    def __init__(
        self, prices: Mapping[str, Price], *, source: str = "the program", date: str | None = None
    ) -> None:
        text("source", source)
        text("date", date, optional=True)
        self.source = source
        self.date = date
        self._prices = _checked(prices)

    def of(self, model: str) -> Price:
        """Return the price of a model.

        Raises:
            UnknownPrice: The table does not have it.
        """
        price = self._prices.get(model)
        if price is None:
            price = self._prices.get(_VERSION.sub("", _MAKER.sub("", model, count=1)))
        if price is None:
            raise UnknownPrice(
                f"The price of the model {model!r} is unknown. Give it, in dollars for a million "
                f"tokens: prices={{**PRICES, {model!r}: Price(input=..., output=...)}}, with "
                "`from rxagent.prices import PRICES, Price`.",
                model=model,
            )
        return price

    def __getitem__(self, model: str) -> Price:
        try:
            return self.of(model)
        except UnknownPrice:
            raise KeyError(model) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def __repr__(self) -> str:
        when = f", {self.date}" if self.date else ""
        return f"<Prices of {len(self)} models; {self.source}{when}>"


def _checked(prices: Any) -> dict[str, Price]:
    if not isinstance(prices, Mapping):
        raise TypeError(f"prices must be a dict of models and prices, not {shown(prices)}.")
    for model, price in prices.items():
        if not (isinstance(model, str) and isinstance(price, Price)):
            raise TypeError(
                "prices must be a dict of the names of models and a Price for each, as "
                f"{{'my-model': Price(input=1, output=4)}}; {shown(model)}: {shown(price)} is not."
            )
    return dict(prices)


def _read(table: str) -> dict[str, Price]:
    prices = {}
    for line in table.strip().splitlines():
        model, *dollars = line.split()
        prices[model] = Price(*(None if each == "-" else float(each) for each in dollars))  # type: ignore[arg-type]  # only the last two may be missing
    return prices


PRICES = Prices(_read(TABLE), source=SOURCE, date=DATE)
"""The prices of well-known models; `PRICES.source` and `PRICES.date` say where they are from."""


def price_of(prices: Prices | Price, model: str | None) -> Price:
    """Return the price of a model; one alone is that of all models, also of an unknown one.

    Raises:
        UnknownPrice: The table does not have it.
    """
    if isinstance(prices, Price):
        return prices
    if model is None:
        raise UnknownPrice(
            "A model reported its usage without its name, so its price is unknown. Give one price "
            "for all models: prices=Price(input=..., output=...), in dollars for a million tokens, "
            "with `from rxagent.prices import Price`."
        )
    return prices.of(model)


def may_be_free(prices: Prices | Price) -> bool:
    """Return whether one of the models costs nothing."""
    each = [prices] if isinstance(prices, Price) else prices.values()
    return any(price.input == price.output == 0 for price in each)


def prices_of(prices: Any) -> Prices | Price:
    """Return the argument `prices` of a limit: a table, a dict, one price, or None for PRICES."""
    if prices is None:
        return PRICES
    return prices if isinstance(prices, Prices | Price) else Prices(prices)
