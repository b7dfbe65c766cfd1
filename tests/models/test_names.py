"""Names and ids of calls, as they are sent."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.messages import Message, ToolCall
from rxagent.models.chat_requests import chat_messages

NAMES = st.text(max_size=80) | st.sampled_from(["add", "functions.add", "", "my tool", "x" * 100])
IDS = st.text(max_size=60) | st.sampled_from(["a", "b", ""])


@given(st.lists(st.lists(st.tuples(IDS, NAMES), max_size=4), max_size=3))
def test_what_is_sent_is_acceptable(turns):
    """Every name and id fits, no id is given twice, and each result has the id of its call."""
    said = []
    for calls in turns:
        said.append(Message("assistant", "", [ToolCall(id, name) for id, name in calls]))
        said += [Message("tool", str(at), tool_call_id=id) for at, (id, _) in enumerate(calls)]

    sent = list(chat_messages(said))

    calls = [call for message in sent for call in message.get("tool_calls", ())]
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", call["function"]["name"]) for call in calls)
    ids = [call["id"] for call in calls]
    assert all(1 <= len(id) <= 40 for id in ids)
    assert len(ids) == len(set(ids))
    assert ids == [message["tool_call_id"] for message in sent if message["role"] == "tool"]


@pytest.mark.parametrize(
    ("name", "sent"),
    [("add", "add"), ("functions.add", "functions_add"), ("", "unnamed"), ("ü tool", "__tool")],
)
def test_names(name, sent):
    """A name that would be refused is mended, and one that would not stays as it is."""
    (message,) = chat_messages([Message("assistant", "", [ToolCall("a", name)])])

    assert ("a", sent) == (
        message["tool_calls"][0]["id"],
        message["tool_calls"][0]["function"]["name"],
    )
