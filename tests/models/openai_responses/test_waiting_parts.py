"""Parts of a text whose beginning may be what came before them."""

import json

import pytest

from rxagent.events import TextDelta


def message(*texts):
    """Return a message with these parts."""
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"id": "m", "type": "message", "role": "assistant", "content": parts}


@pytest.mark.parametrize("streamed", [(), (0,), (0, 2)], ids=["none", "first", "outer"])
@pytest.mark.parametrize(
    "texts",
    [["Yes.", "Yes. It is.", "Bye."], ["1", "10", "2"], ["\n", "\n- tea", "\n- milk"]],
    ids=["words", "digits", "lines"],
)
def test_parts_that_begin_with_those_before(read, texts, streamed):
    """A part that may repeat the text before it waits for the item, and so do those behind it."""
    at = {"item_id": "m", "output_index": 0}
    whole = message(*texts)
    events = [{"type": "response.output_item.added", "output_index": 0, "item": message()}]
    for number, text in enumerate(texts):
        part = {**at, "content_index": number}
        if number in streamed:
            events += [{"type": "response.output_text.delta", **part, "delta": one} for one in text]
        events.append({"type": "response.output_text.done", **part, "text": text})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": whole})
    response = {"status": "completed", "output": [whole]}
    events.append({"type": "response.completed", "response": response})
    frames = [f"data: {json.dumps(event)}\n\n".encode() for event in events]

    said = [delta.text for delta in read(*frames) if isinstance(delta, TextDelta)]
    assert "".join(texts) == "".join(said)
