"""Places: what can be piped to a model, a tool and an agent, and what the errors advise."""

import re

import pytest

from rxagent import operators as ops
from rxagent.agents.runnable import _AGENT
from rxagent.operators._models import _MODEL
from rxagent.operators._operator import StreamOperator
from rxagent.tools.piping import TOOL

ARGUMENTS = {
    "budget": (100,),
    "guard": (lambda text: True,),
    "of_type": (str,),
    "partial": (list[int],),
    "retry": (2,),
    "sealed_at": ("items[*]",),
    "stop_at": (["STOP"],),
    "timeout": (1,),
    "watch": (print,),
}
"""What the operators that need arguments are called with."""

NOT_OF_STREAMS = {
    "circuit_breaker",
    "concurrency",
    "draft",
    "fallback",
    "hedge",
    "race",
    "rate_limit",
    "record",
    "recorded",
}
"""Operators on models, and what makes one of several; they are refused by another rule."""

PLACES = {"model": _MODEL, "agent": _AGENT, "tool": TOOL}
EMITTED = {"model(request)": "deltas", "agent(task)": "events"}
"""What the streams emit to which an error sends an operator."""

OPERATORS = [name for name in ops.__all__ if name not in NOT_OF_STREAMS]


def made(name):
    """Return an operator, called with arguments that it takes."""
    return getattr(ops, name)(*ARGUMENTS.get(name, ()))


def refused(operator, place):
    """Return why an operator cannot stand at a place; None if it can."""
    try:
        operator.at(place)
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", OPERATORS)
def test_the_place_that_an_error_names_takes_the_operator(name):
    """An operator stands at a place, or the error names one where it can stand."""
    operator = made(name)
    assert isinstance(operator, StreamOperator)
    for why in filter(None, (refused(operator, place) for place in PLACES.values())):
        advised = re.findall(r"`(?:Agent\()?(model|agent)\.pipe\(", why)
        assert [] == [why for right in advised if refused(operator, PLACES[right])]
        streams = re.findall(r"`(\w+\(\w+\))\.pipe\(", why)
        takes = operator._fit.takes
        for stream in streams:
            assert takes is None or EMITTED[stream] in takes.split(" or "), why
        assert advised or streams or "ops.accumulate()" in why


@pytest.mark.parametrize("name", OPERATORS)
def test_a_tool_takes_what_works_on_values(name):
    """What reads deltas, events or messages would never emit anything of a tool's values."""
    on_values = {"branch", "budget", "lines", "of_type", "partial", "retry", "sealed_at"}
    on_values |= {"sentences", "timeout", "watch", "words"}
    why = refused(made(name), TOOL)

    assert (name in on_values) == (why is None)
    assert why is None or "and a tool emits values" in why


@pytest.mark.parametrize("name", OPERATORS)
def test_a_model_and_an_agent_stay_what_they_are(name):
    """What emits anything but deltas is refused by a model, and so is what emits no events."""
    operator = made(name)
    for place in (_MODEL, _AGENT):
        if operator._fit.emits is not None:
            with pytest.raises(TypeError, match=f"cannot be piped to an? {place.name}: it "):
                operator.at(place)
