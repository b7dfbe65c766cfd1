"""Prices: what tokens cost, from a table that says where it is from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import UnknownPrice
from rxagent.events import Usage
from rxagent.prices import PRICES, Price, Prices, price_of, prices_of

from .strategies import usages

prices = st.builds(Price, *[st.floats(0, 100)] * 2, *[st.none() | st.floats(0, 100)] * 2)


@given(prices, usages, usages)
def test_the_price_of_a_sum_is_the_sum_of_prices(price, one, other):
    """Reports that make sense cost the same together, and never less than nothing."""
    both = [each for each in (one, other) if fits(each)]
    total = Usage.sum(*both) if len(both) == 2 else one

    assert price.of(one) >= 0
    if len(both) == 2:
        assert price.of(one) + price.of(other) == pytest.approx(price.of(total))


def fits(usage):
    """Return whether the input holds what was cached."""
    return usage.input_tokens >= usage.cached_tokens + usage.cache_write_tokens


def test_each_kind_of_token_has_its_price():
    """Input that is read from a cache or written to one is not paid twice."""
    price = Price(input=2, output=8, cached=0.5, cache_write=2.5)

    assert 14e-6 + 0.0 == pytest.approx(Price(2, 8).of(Usage(3, 1)))
    assert (2 * 2 + 8 + 3 * 0.5 + 4 * 2.5) / 1e6 == pytest.approx(price.of(Usage(9, 1, 3, 0, 4)))


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5-mini",
        "openai/gpt-5-mini",
        "gpt-5-mini-2025-08-07",
        "openai/gpt-5-mini-2025-08-07",
    ],
)
def test_a_model_is_found_without_its_maker_and_date(name):
    """Names that providers report lead to the same price."""
    assert PRICES["gpt-5-mini"] == PRICES[name] == PRICES.of(name) == PRICES.get(name)


def test_names_of_other_platforms_are_found():
    """Bedrock's names of Anthropic's models are known."""
    name = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

    assert PRICES["claude-sonnet-4-5"] == PRICES.of(name)


def test_an_unknown_model_has_no_price():
    """It is refused, as the error says what to write."""
    with pytest.raises(UnknownPrice, match=re.escape("prices={**PRICES, 'mine': Price(")) as got:
        PRICES.of("mine")

    assert "mine" == got.value.model
    assert "mine" not in PRICES
    assert PRICES.get("mine") is None
    with pytest.raises(KeyError):
        PRICES["mine"]
    with pytest.raises(UnknownPrice, match="without its name"):
        price_of(PRICES, None)


def test_the_table_says_where_it_is_from():
    """Source and date are known, and each price makes sense."""
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", PRICES.date)
    assert "LiteLLM" in PRICES.source
    assert f"<Prices of {len(PRICES)} models; {PRICES.source}, {PRICES.date}>" == repr(PRICES)
    for price in PRICES.values():
        assert 0 < price.input <= price.output
        assert price.cached is None or price.cached < price.input


def test_a_table_is_extended_or_replaced():
    """A dict with other prices is a table, and one price is that of all models."""
    mine = Price(1, 2)
    table = prices_of({**PRICES, "mine": mine})

    assert mine == table.of("mine") == price_of(mine, None) == price_of(mine, "any")
    assert PRICES["gpt-5"] == table.of("gpt-5")
    assert PRICES is prices_of(None)
    assert mine is prices_of(mine)
    assert "<Prices of 1 models; the office, 2026-01-01>" == repr(
        Prices({"mine": mine}, source="the office", date="2026-01-01")
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: Price(-1, 2), "input must be dollars for a million tokens, 0 or more, not -1"),
        (lambda: Price(1, "2"), "output must be dollars for a million tokens, .* not '2'"),
        (lambda: Prices(5), "prices must be a dict of models and prices, not 5"),
        (lambda: Prices({"mine": 3}), r"a Price for each, as .* 'mine': 3 is not"),
        (lambda: Prices({}, source=5), "source must be a str, not 5"),
    ],
)
def test_a_wrong_price_is_refused(wrong, sentence):
    """The error says what is wrong and what to write."""
    with pytest.raises((TypeError, ValueError), match=sentence):
        wrong()
