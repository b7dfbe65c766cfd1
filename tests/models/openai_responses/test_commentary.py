"""Commentary: what a model says before its answer, in messages of their own."""

import json
from functools import reduce

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from rxagent.agents import Agent
from rxagent.draft import Draft, grow
from rxagent.events import Finish, ReasoningDelta, TextDelta
from rxagent.models.openai_responses.conversation import input_items
from rxagent.testing import ScriptedModel
from rxagent.testing.far_ends.responses_events import event

HERE = "responses"
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
ENCRYPTED = {"type": "reasoning", "id": "rs_1", "encrypted_content": "e", "summary": []}


def said(text, phase, id="msg_1"):
    """Return a message item of a phase."""
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    kept = {"type": "message", "id": id, "role": "assistant", "status": "completed"}
    return {**kept, "content": content, "phase": phase}


def whole(*output):
    """Return a response that is not streamed."""
    response = {"object": "response", "status": "completed", "output": output}
    return [json.dumps(response).encode()]


def streamed(*output, has_ends=True, has_output=True):
    """Return the events of a response; each text comes in pieces of two characters."""
    events = []
    for at, item in enumerate(output):
        where = {"output_index": at, "item_id": item["id"]}
        begun = {**item, **({"content": []} if "content" in item else {})}
        events.append(event("response.output_item.added", output_index=at, item=begun))
        for part in item.get("content", ()):
            text = part["text"]
            for start in range(0, len(text), 2):
                piece = {"delta": text[start : start + 2], "content_index": 0, **where}
                events.append(event("response.output_text.delta", **piece))
        if has_ends:
            events.append(event("response.output_item.done", output_index=at, item=item))
    response = {"status": "completed", "output": output if has_output else []}
    return [*events, event("response.completed", response=response)]


FORMS = {
    "whole": whole,
    "streamed": streamed,
    "without ends": lambda *output: streamed(*output, has_ends=False),
    "without output": lambda *output: streamed(*output, has_output=False),
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def message(deltas):
    """Return the message of a turn."""
    return reduce(grow, deltas, Draft()).message


def sent(reply):
    """Return the items that a reply is sent back as."""
    return list(input_items([reply], HERE))


@forms
@pytest.mark.parametrize("comment", ["I'll confirm it now.", "It is confirmed.", "It is"])
def test_the_answer(read, form, comment):
    """The final answer is the text, even where the commentary says the same."""
    output = said(comment, "commentary"), said("It is confirmed.", "final_answer", "msg_2")
    deltas = read(*form(*output))

    assert "It is confirmed." == message(deltas).text
    assert comment == message(deltas).reasoning
    assert Finish("stop") == deltas[-1]


def test_as_it_comes(read):
    """Commentary is emitted as it comes, piece by piece, and so is the answer."""
    deltas = read(*streamed(said("Look.", "commentary"), said("Done.", "final_answer", "msg_2")))

    assert ["Lo", "ok", "."] == [one.text for one in deltas if isinstance(one, ReasoningDelta)]
    assert ["Do", "ne", "."] == [one.text for one in deltas if isinstance(one, TextDelta)]


@forms
@pytest.mark.parametrize(
    "answer", [(), (said("", "final_answer", "msg_2"),)], ids=["none", "empty"]
)
def test_alone(read, form, answer):
    """Where a reply holds nothing else, the commentary is its answer, before the finish reason."""
    deltas = read(*form(said("Look.", "commentary"), *answer))

    assert [TextDelta("Look."), Finish("stop")] == [
        one for one in deltas if not isinstance(one, ReasoningDelta)
    ]


@forms
def test_before_a_call(read, form):
    """Before a call it is no answer."""
    reply = message(read(*form(said("Look.", "commentary"), CALL)))

    assert ("", "Look.", 1) == (reply.text, reply.reasoning, len(reply.tool_calls))


@forms
def test_messages_without_a_phase(read, form):
    """A message without a phase is the answer."""
    reply = message(read(*form(said("Look.", "commentary"), said("Done.", None, "msg_2"))))

    assert ("Done.", "Look.") == (reply.text, reply.reasoning)


OUTPUT = st.lists(
    st.sampled_from(["commentary", "final_answer", None, "call", "reasoning"]),
    max_size=6,
)


@given(OUTPUT)
def test_all_forms_are_read_alike(read, kinds):
    """Streamed or whole, a reply has the same text, reasoning and calls, and is sent back alike."""
    output = []
    for at, kind in enumerate(kinds):
        if kind == "call":
            output.append({**CALL, "id": f"fc_{at}", "call_id": f"call_{at}"})
        elif kind == "reasoning":
            output.append({**ENCRYPTED, "id": f"rs_{at}", "encrypted_content": f"e{at}"})
        else:
            output.append(said(f"Text {at}.", kind, f"msg_{at}"))
    one, other = (message(read(*form(*output), origin=HERE)) for form in (whole, streamed))

    assert one == other
    assert sent(one) == sent(other)


# What is sent back.


def test_it_is_sent_back(read):
    """It is sent back as a message of its own, at its place, with its phase."""
    output = [
        {**ENCRYPTED},
        said("Look.", "commentary"),
        CALL,
        {**ENCRYPTED, "id": "rs_2", "encrypted_content": "e2"},
        said("Done.", "final_answer", "msg_2"),
    ]

    assert output == sent(message(read(*streamed(*output), origin=HERE)))


def test_alone_it_is_sent_back_once(read):
    """Commentary that is the answer is sent once, where it came."""
    output = [{**ENCRYPTED}, said("Look.", "commentary"), said("Go.", "commentary", "msg_2")]
    reply = message(read(*streamed(*output), origin=HERE))

    assert output == sent(reply)
    assert [{"role": "assistant", "content": "Look.Go."}] == sent(evolve(reply, extra=()))


def test_changed(read):
    """What an operator has changed is not sent as it was."""
    alone = message(read(*streamed(said("Look.", "commentary")), origin=HERE))
    called = message(read(*streamed(said("Look.", "commentary"), CALL), origin=HERE))

    assert ["*****"] == [item["content"] for item in sent(evolve(alone, text="*****"))]
    assert [] == sent(evolve(alone, text=""))
    assert ["function_call"] == [item["type"] for item in sent(evolve(called, reasoning="*****"))]


def test_elsewhere(read):
    """Another server gets the answer alone, as thoughts go to their maker only."""
    output = said("Look.", "commentary"), said("Done.", "final_answer", "msg_2")
    reply = message(read(*streamed(*output), origin=HERE))

    assert [{"role": "assistant", "content": "Done."}] == list(input_items([reply], "elsewhere"))


# Output types.


@frozen
class Dish:
    """What is served."""

    name: str


@forms
def test_output_types(read, form):
    """A value behind commentary is read in the first step."""
    output = said("I'll check.", "commentary"), said('{"name": "Soup"}', "final_answer", "msg_2")
    model = ScriptedModel([read(*form(*output))])

    assert Dish("Soup") == Agent(model, output=Dish, max_steps=1).run("What is there?")
