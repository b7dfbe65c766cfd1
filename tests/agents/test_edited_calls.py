"""Edited calls: the model reads that the arguments were changed, however the call was written."""

import pytest

from rxagent import Agent, CodeAgent, State, tool
from rxagent.agents.approval import Allow, Edit, by_name
from rxagent.events import ApprovalAnswered, ToolStarted
from rxagent.messages import Message, ToolCall
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel

from .grammar import assert_run

PATIENCE = 20


@tool
def wipe(path: str) -> str:
    """Wipe a file.

    Args:
        path: The file.
    """
    if path == "lost":
        raise OSError("no such disk")
    return f"wiped {path}"


CALL = '{"name": "wipe", "arguments": {"path": "a"}}'
CODE = "<code>\nprint(wipe('a'))\n</code>"
END = "<code>final_answer('end')</code>"
RULES = {"wipe": Edit({"path": "b"}), "*": Allow()}
CHANGED = 'The arguments were changed before the call ran: {"path": "b"}\nwiped b'
CHANGED_IN_CODE = (
    "Result of python_interpreter:\nThe arguments of wipe were changed before the call ran: "
    '{"path": "b"}\nPrinted:\nwiped b'
)
NATIVE = Message("assistant", tool_calls=[ToolCall("c1", "wipe", '{"path": "a"}')])


def run_of(kind, said, rules=RULES, **options):
    """Return a run whose model says something, then the answer, and what it read last."""
    requests = []
    model = ScriptedModel([said, END if kind is CodeAgent else "end"])

    def noting(request):
        requests.append(request)
        return model(request)

    run = kind(noting, [wipe], approve=by_name(rules), **options).start("x")
    assert "end" == run.result(PATIENCE)
    return run, requests[1].messages[-1].text


@pytest.mark.parametrize("said", [NATIVE, CALL, f"<tool_call>{CALL}</tool_call>"])
def test_a_call(said):
    """A native one, and one that is written as text, with its tags or without them."""
    run, read = run_of(Agent, said)
    events = list(run)
    state = fold_all(State(), events)

    assert CHANGED == read.removeprefix("Result of wipe:\n")
    assert_run(events)
    assert state == fold_all(State(), state.events())
    assert state.messages() == fold_all(State(), state.events()).messages()
    assert read in [message.text for message in state.messages()]


@pytest.mark.parametrize("said", [NATIVE, CALL])
def test_wherever_a_run_is_left(said):
    """The model reads that arguments were changed once the call has begun; no state loses it."""
    events = list(run_of(Agent, said)[0])
    answered, begun = (
        next(place for place, event in enumerate(events) if isinstance(event, kind))
        for kind in (ApprovalAnswered, ToolStarted)
    )
    for place in range(answered, len(events)):
        state = fold_all(State(), events[: place + 1])
        texts = [message.text for message in state.messages()]
        again = fold_all(State(), state.events())

        assert (place >= begun) == any("were changed" in text for text in texts)
        assert (state.steps, texts) == (again.steps, [each.text for each in again.messages()])


@pytest.mark.parametrize("said", [NATIVE, CALL])
@pytest.mark.parametrize(
    ("arguments", "why"), [({"path": "lost"}, "OSError: no such"), ({"file": "b"}, "InvalidArgum")]
)
def test_a_call_that_fails(said, arguments, why):
    """Its error, which may be that of the new arguments, follows."""
    run, read = run_of(Agent, said, {"wipe": Edit(arguments)})
    state = fold_all(State(), run)

    assert "The arguments were changed before the call ran: {" in read
    assert why in read
    assert state.messages() == fold_all(State(), state.events()).messages()


@pytest.mark.parametrize("said", [NATIVE, CALL])
def test_a_call_that_is_not_edited(said):
    """Nothing is said of one that runs as it is."""
    assert "wiped a" == run_of(Agent, said, {"*": Allow()})[1].removeprefix("Result of wipe:\n")


def test_code():
    """The code that runs is in what the model reads."""
    rules = {"python_interpreter": Edit({"code": "print(42)\nfinal_answer('end')"})}
    run = CodeAgent(ScriptedModel([CODE]), [wipe], approve=by_name(rules)).start("x")
    run.result(PATIENCE)

    assert (
        'changed before the call ran: {"code": "print(42)'
        in fold_all(State(), run).messages()[-1].text
    )


@pytest.mark.parametrize("executor", ["sandbox", "process"])
@pytest.mark.parametrize("eager", [False, True])
def test_a_call_of_code(executor, eager):
    """Code that calls a tool gets the value; the model reads what has changed it."""
    run, read = run_of(CodeAgent, CODE, executor=executor, eager=eager)

    assert CHANGED_IN_CODE == read
    assert read in [message.text for message in fold_all(State(), run).messages()]
