"""Requests of many shapes say what they mean, and no tool is one that the evaluation keeps back."""

from random import Random

import pytest

from training.example import is_near
from training.fresh_tools import FRESH
from training.kinds.all import STAGES, examples
from training.kinds.shapes import a_shape
from training.kinds.unfit import unfit
from training.recording import recording
from training.unseen_tools import UNSEEN

NAMES = {signature.split("(")[0] for signature, _, _ in UNSEEN + FRESH}
REQUESTS = {request for _, _, requests in UNSEEN + FRESH for request, _ in requests}


@pytest.mark.parametrize("seed", range(40))
def test_a_request_has_what_its_call_needs(seed):
    """The call in Python is one of the tool, with arguments that the request has."""
    asked, calls = a_shape(Random(seed)), []
    tool = recording(asked.tool, calls)

    exec(asked.python, {asked.tool.name: tool})

    assert [(asked.tool.name, asked.arguments)] == calls
    assert all(str(value) in asked.request for value in asked.arguments.values())


@pytest.mark.parametrize("stage", STAGES)
def test_no_tool_is_kept_back_and_seen(stage):
    """What the evaluation asks of unseen tools, and their names, are in no dialogue."""
    made = examples(1, STAGES[stage])

    for example in (next(made) for _ in range(2000)):
        assert not NAMES & {tool.name for tool in example.tools}
        assert example.question not in REQUESTS


def test_where_no_tool_fits_the_words_are_others_or_the_task_is_idle():
    """A task that no tool fits has a word of a tool in a small part, as a joke about it."""
    random = Random(1)
    some = [unfit(random) for _ in range(300)]
    near = [each for each in some if any(is_near(t.line, each.question) for t in each.tools)]

    assert 20 < len(near) < 100
    assert {"cannot"} == {each.answer for each in some}
