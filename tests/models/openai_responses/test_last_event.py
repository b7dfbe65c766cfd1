"""What only the last event of a reply of OpenAI's Responses protocol has."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.messages import Message
from rxagent.models.openai_responses.conversation import input_items
from rxagent.testing.frames import sse

from ...laws import examples

HERE = "responses"
LATE = ("encrypted_content", "phase", "namespace", "action", "id")
"""Fields that a server may leave out of all events but the last one."""


def reasoning(at, text):
    """Return the item of a thought."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item = {"type": "reasoning", "id": f"rs_{at}", "encrypted_content": f"e{at}"}
    return {**item, "summary": summary}


def said(at, phase):
    """Return the item of a message."""
    part = {"type": "output_text", "text": f"Text {at}.", "annotations": []}
    phase = {"phase": phase} if phase else {}
    return {"type": "message", "id": f"msg_{at}", "role": "assistant", "content": [part], **phase}


def call(at):
    """Return the item of a call."""
    item = {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": "add"}
    return {**item, "arguments": '{"a": 2}', "namespace": "sums"}


def search(at):
    """Return the item of a tool of the server."""
    return {"type": "web_search_call", "id": f"ws_{at}", "action": {"query": f"q{at}"}}


KINDS = st.sampled_from(
    [
        lambda at: reasoning(at, f"Hm {at}."),
        lambda at: reasoning(at, ""),
        lambda at: said(at, None),
        lambda at: said(at, "final_answer"),
        call,
        search,
    ]
)


def without(item, names, empty):
    """Return an item that lacks some fields, or has nothing in them."""
    kept = {name: value for name, value in item.items() if name not in names}
    return {**dict.fromkeys(names & item.keys()), **kept} if empty else kept


def events(output, late, empty):
    """Yield the events of a reply, which lack some fields of each item."""
    for index, (item, names) in enumerate(zip(output, late, strict=True)):
        known = without(item, names, empty)
        begun = {**known, "content": []} if item["type"] == "message" else known
        begun = {**begun, "arguments": ""} if item["type"] == "function_call" else begun
        begun = {**begun, "summary": []} if item["type"] == "reasoning" else begun
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        where = {"output_index": index, "item_id": known.get("id")}
        match item["type"]:
            case "message":
                text, name = item["content"][0]["text"], "output_text.delta"
                where["content_index"] = 0
            case "reasoning":
                text = "".join(part["text"] for part in item["summary"])
                name, where["summary_index"] = "reasoning_summary_text.delta", 0
            case "function_call":
                text, name = item["arguments"], "function_call_arguments.delta"
            case _:
                text = name = ""
        if text:
            yield {"type": f"response.{name}", **where, "delta": text}
        yield {"type": "response.output_item.done", "output_index": index, "item": known}
    yield {"type": "response.completed", "response": {"status": "completed", "output": output}}


def given_back(read, output, late, empty=False):
    """Return the message of a reply, and the items with which it is sent back."""
    deltas = read(*map(sse, events(output, late, empty)), origin=HERE)
    message = reduce(grow, deltas, Draft()).message
    results = [Message("tool", "5", tool_call_id=call.id) for call in message.tool_calls]
    history = [Message("user", "Hi"), message, *results, Message("user", "Go on.")]
    return message.text, list(input_items(history, HERE))


@examples(300)
@given(
    st.lists(st.tuples(KINDS, st.sets(st.sampled_from(LATE))), min_size=1, max_size=5),
    st.booleans(),
)
def test_what_only_the_last_event_has(read, items, empty):
    """Whichever event has a field of an item, the item is sent back with it, and at its place."""
    output = [kind(at) for at, (kind, _) in enumerate(items)]
    late = [names for _, names in items]

    expected = given_back(read, output, [set()] * len(output))

    assert expected == given_back(read, output, late, empty)


def test_what_the_last_event_says_otherwise(read):
    """What an item had when it was whole is not replaced."""
    first, other = reasoning(0, "Hm."), {**reasoning(0, "Hm."), "encrypted_content": "other"}
    *begun, end = events([first, call(1)], [set(), set()], False)
    end["response"]["output"] = [other, call(1)]
    message = reduce(grow, read(*map(sse, [*begun, end]), origin=HERE), Draft()).message

    assert "e0" == next(input_items([message], HERE))["encrypted_content"]
