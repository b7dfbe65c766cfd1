"""Whatever a model writes as code, the run keeps its grammar and ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent import CodeAgent, State, tool, wire
from rxagent.errors import ModelError, ModelUnavailable, NoAnswer
from rxagent.events import (
    Finish,
    MessageCompleted,
    StepRetried,
    TextDelta,
    ToolCompleted,
    ToolOutput,
    Usage,
)
from rxagent.state import fold, fold_all
from rxagent.testing import ScriptedModel, VirtualScheduler

from ..laws import examples
from .grammar import assert_calls, assert_run


@tool
def add(a: int, b: int = 1) -> int:
    """Return the sum of two integers."""
    return a + b


def played(agent):
    """Return the events of a run in virtual time, and the error that ended it."""
    events, errors = [], []
    with VirtualScheduler() as scheduler:
        agent("?").subscribe(events.append, errors.append, scheduler=scheduler)
        scheduler.run()
    return events, (errors or [None])[0]


PIECES = [
    *("<code>", "</code>", "<co", "de>", "</", "```python\n", "\n```\n", "\n", "Hm. ", "x"),
    *("x = 1\n", "print(x)\n", "add(1)\n", "add(a='b')\n", "1 / 0\n", "if x:\n", "    x = 2\n"),
    *("else:\n", "final_answer(x)\n", "final_answer(", ")\n", "@add\n", "'''", "while False: x\n"),
    *("<code>\nx = add(1)\n", "x = add(x)\n", "print(add(2))\n", "<code>\nx = 1\n"),
    *('{"thought": "", "code": "', '"}', "import os\n", "\ud800", "\x00", "é"),
]
texts = st.sampled_from(PIECES).map(TextDelta)
others = st.sampled_from(
    [Usage(1, 2), StepRetried(2, "ModelTimeout: silent"), Finish("stop"), Finish("length")]
)
deltas = st.lists(texts | texts | texts | others, max_size=8)
replies = st.lists(
    st.builds(lambda items: [*items, Finish("stop")], deltas) | deltas, min_size=1, max_size=3
)
last = [[TextDelta("<code>final_answer(0)</code>")]] * 3
forms = st.sampled_from(
    [{}, {"eager": True}, {"structured": True}, {"code_block_tags": "markdown", "eager": True}]
)


@examples(60)
@given(replies, forms)
def test_a_run_keeps_its_grammar(turns, form):
    """Each call ends, texts are those of the deltas, and the fold is that of any prefix."""
    agent = CodeAgent(ScriptedModel([*turns, *last]), [add], max_steps=4, **form)
    events, error = played(agent)

    if error is None:
        assert_run(events)
    else:
        assert isinstance(error, NoAnswer | ModelError | LookupError)
        assert_calls(events)
    said = []
    for event in events:
        match event:
            case TextDelta(text):
                said.append(text)
            case StepRetried():
                said.clear()
            case MessageCompleted(message):
                assert "".join(said) == message.text
                said.clear()
    whole = fold_all(State(), events)
    assert whole == fold_all(State(), [wire.loads(wire.dumps(event)) for event in events])
    for place in range(0, len(events), 7):
        state = fold_all(State(), events[:place])
        for event in events[place:]:
            state = fold(state, event)
        assert whole == state


def test_a_failing_model_ends_the_run():
    """Code that ran stays done, and the error is the model's."""
    broken = ModelUnavailable("It broke off.")
    events, error = played(CodeAgent(ScriptedModel(["<code>x = 1</code>", broken])))

    assert broken is error
    assert_calls(events)


@pytest.mark.parametrize("eager", [False, True])
def test_text_outside_of_code_is_never_run(eager):
    """Only what stands between the tags is."""
    said = "add(1)\n<code>\nprint(add(2))\nfinal_answer(add(3))\n</code>\nadd(4)\n"
    events, _ = played(CodeAgent(ScriptedModel([said]), [add], eager=eager))
    inside = [event.value for event in events if isinstance(event, ToolOutput)]

    assert_run(events)
    assert [3, 4] == [event.value for event in inside if isinstance(event, ToolCompleted)]
