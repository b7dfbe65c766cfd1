"""TextReader: thoughts, calls and text of a model that writes them all as text."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import ReasoningDelta, TextDelta, ToolCallDelta
from rxagent.models.local.text_reader import TextReader

TOOLS = {"add": {}}
CALL = '{"name": "add", "arguments": {"a": 2}}'
WHOLE = f"<think>I add.</think>\n\nSo:\n<tool_call>\n{CALL}\n</tool_call>"


def read(pieces, prompt="", tools=TOOLS):
    """Return reasoning, text and calls of a text in pieces."""
    reader = TextReader(prompt, tools)
    deltas = [delta for piece in pieces for delta in reader.add(piece)]
    deltas += reader.end(is_cut=False)
    kinds = {
        kind: "".join(delta.text for delta in deltas if isinstance(delta, kind))
        for kind in (ReasoningDelta, TextDelta)
    }
    calls = [(d.name, d.arguments) for d in deltas if isinstance(d, ToolCallDelta)]
    assert len(calls) == reader.calls
    return kinds[ReasoningDelta], kinds[TextDelta], calls


@given(st.sets(st.integers(0, len(WHOLE)), max_size=10))
def test_all_parts(cuts):
    """Thoughts, text and calls are separated, however they are cut."""
    places = [0, *sorted(cuts), len(WHOLE)]
    pieces = [WHOLE[a:b] for a, b in pairwise(places)]

    assert ("I add.", "So:", [("add", '{"a": 2}')]) == read(pieces)


def test_a_thought_that_the_prompt_opens():
    """If the template has opened the thought, the text begins in it, and nothing is retracted."""
    reader = TextReader("<|im_start|>assistant\n<think>\n", TOOLS)

    assert [ReasoningDelta("Well")] == reader.add("Well")
    assert [] == [d for d in reader.add("</think>Yes") if isinstance(d, ReasoningDelta)]


def test_a_call_behind_a_thought_may_be_bare():
    """Bare JSON behind a thought is a call too."""
    assert ("Well.", "", [("add", '{"a": 2}')]) == read([f"<think>Well.</think>\n{CALL}"])


def test_calls_in_thoughts_are_thoughts():
    """What a model considers to call is not called."""
    thought = f"<tool_call>{CALL}</tool_call>?"

    assert (thought, "No.", []) == read([f"<think>{thought}</think>No."])
