"""Ledgers: what several runs have spent, on any threads, and when that is too much."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from rxagent.events import Usage
from rxagent.ledger import Charge, Ledger, Spent
from rxagent.prices import Price


def test_nothing_is_lost_between_threads():
    """Charges of many threads at once add up."""
    ledger = Ledger(prices=Price(1, 1))

    def spend(_):
        for _ in range(500):
            ledger.enter(Charge(0.25))
            ledger.enter(Charge(usage=Usage(1, 1, model="m")))
            ledger.enter(Charge(steps=1, tool_calls=2))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, range(4)))

    assert Spent(4500, pytest.approx(0.0045), 2000, 4000) == ledger.spent
    assert {"m": Usage(2000, 2000)} == ledger.usage_by_model


@pytest.mark.parametrize(
    ("limit", "charge", "sentence"),
    [
        ({"tokens": 10}, Charge(10.25), "11 tokens were used, more than tokens=10"),
        ({"usd": 1}, Charge(usage=Usage(2_000_000, 0)), "$2 were spent, more than usd=1"),
        ({"steps": 0}, Charge(steps=1), "step 1 would begin, after steps=0"),
        ({"tool_calls": 0}, Charge(tool_calls=1), "call 1 would begin, after tool_calls=0"),
    ],
)
def test_a_limit_is_exceeded_by_more(limit, charge, sentence):
    """What is spent up to the limit is allowed, and the sentence names both."""
    ledger = Ledger(**limit, prices=Price(1, 1))
    assert ledger.exceeded is None
    ledger.enter(charge)

    assert sentence == ledger.exceeded


def test_cents_add_up_to_the_limit():
    """What sums of fractions lose does not exceed a limit."""
    ledger = Ledger(usd=0.3, prices=Price(1, 1))
    for _ in range(3):
        ledger.enter(Charge(usage=Usage(100_000, 0)))

    assert ledger.exceeded is None


def test_without_a_limit_in_dollars_an_unknown_price_is_unknown():
    """The dollars are then not known, and all else is counted."""
    ledger = Ledger(tokens=100)
    ledger.enter(Charge(usage=Usage(1, 1, model="mine")))

    assert Spent(2, None) == ledger.spent


def test_a_ledger_is_shown_with_what_was_spent():
    """It names its limits and sums, and stays in its process."""
    ledger = Ledger(usd=2.5, steps=3)

    assert "<Ledger(usd=2.5, steps=3): Spent(tokens=0, usd=0.0, steps=0, tool_calls=0)>" == repr(
        ledger
    )
    assert {"tokens": None, "usd": 2.5, "steps": 3, "tool_calls": None} == ledger.limits
    with pytest.raises(pickle.PicklingError, match="A ledger stays in its process"):
        pickle.dumps(ledger)


@pytest.mark.parametrize("name", ["tokens", "usd", "steps", "tool_calls"])
@pytest.mark.parametrize("wrong", [-1, "5", True])
def test_a_wrong_limit_is_refused(name, wrong):
    """The error names the limit and its value."""
    with pytest.raises((TypeError, ValueError), match=f"{name} must be a number of "):
        Ledger(**{name: wrong})
