"""A model that is wrong with `stream=False` alone fails the cell that states what it breaks."""

import json

import pytest
import reactivex as rx
from attrs import evolve
from reactivex import operators as rxo

from rxagent.events import Finish, TextDelta, ToolCallDelta, Usage
from rxagent.testing.far_ends.openai import OpenAIFarEnd

from .test_damages import DamagedFarEnd, broken_off, changed, flat, run, without, without_ends


class WholeFarEnd(DamagedFarEnd):
    """A far end whose models are damaged where they do not stream."""

    def connect(self, name, /, **options):
        """Return a damaged model, or a right one that streams."""
        if options.get("stream", True):
            return OpenAIFarEnd.connect(self, name, **options)
        return super().connect(name, **options)


def with_fractions(arguments):
    """Return arguments whose whole numbers have a fraction."""
    return json.dumps(json.loads(arguments, parse_int=float))


WRONG = {
    "text is stripped": ("white_space_is_text", without_ends),
    "text is cut": ("text_around_calls", changed(TextDelta, lambda d: [TextDelta(d.text[:6])])),
    "arguments are flat": (
        "arguments_are_exact",
        changed(ToolCallDelta, lambda d: [evolve(d, arguments=flat(d.arguments))]),
    ),
    "whole numbers have fractions": (
        "arguments_are_exact",
        changed(ToolCallDelta, lambda d: [evolve(d, arguments=with_fractions(d.arguments))]),
    ),
    "a limit is a call": (
        "finish_reasons",
        changed(Finish, lambda d: [Finish("tool_calls" if d.reason == "length" else d.reason)]),
    ),
    "calls are lost": ("finish_reasons", without(ToolCallDelta)),
    "an unknown reason is stop": (
        "unknown_finish_reason",
        rxo.catch(lambda *_: rx.of(Finish("stop"))),
    ),
    "usage lacks what was cached": (
        "usage_in_detail",
        changed(Usage, lambda d: [evolve(d, cached_tokens=0)]),
    ),
    "usage is zero": ("usage_may_be_unknown", changed(Finish, lambda d: [Usage(0, 0), d])),
    "a cut body is an empty answer": (
        "cut_before_its_end",
        rxo.catch(lambda *_: rx.of(Finish("stop"))),
    ),
    "a time-out is a lost connection": (
        "time_out_at_opening",
        rxo.catch(lambda error, _: broken_off(error)),
    ),
    "each error is one of the server": (
        "reported_kinds",
        rxo.catch(lambda error, _: broken_off(error)),
    ),
}


@pytest.mark.parametrize(("cell", "damage"), WRONG.values(), ids=WRONG)
def test_a_wrong_whole_reply_fails(cell, damage):
    """The cell fails with the wrong version."""
    with WholeFarEnd(damage) as far_end, pytest.raises(AssertionError):
        run(cell, far_end)


def test_stops_of_whole_replies():
    """A model that forgets the stops of a whole reply fails."""
    with (
        WholeFarEnd(of_request=lambda r: r.evolve(stop=["three"])) as far_end,
        pytest.raises(AssertionError),
    ):
        run("stops_are_cut", far_end)


@pytest.mark.parametrize("cell", sorted({"stops_are_cut", *(cell for cell, _ in WRONG.values())}))
def test_the_right_model_passes(cell):
    """The same cells pass with the model as it is."""
    with OpenAIFarEnd() as far_end:
        run(cell, far_end)
