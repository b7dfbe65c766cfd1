"""Requests of Anthropic's Messages protocol."""

import json
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.draft import Draft, grow
from rxagent.messages import Image, Message, ProviderData, Request, ToolCall, ToolSpec
from rxagent.models.anthropic_messages.cache import mark
from rxagent.models.anthropic_messages.reply import MessageReply
from rxagent.models.anthropic_messages.request import message_body
from rxagent.models.errors import ErrorFactory
from rxagent.streams.fairness import REST
from rxagent.testing.far_ends.anthropic import check_turns
from rxagent.testing.far_ends.anthropic_events import signature_of

HERE = "anthropic"
USER = Message("user", "What is 2 + 3?")
CALL = ToolCall("toolu_1", "add", '{"a": 2}')
CALLED = Message("assistant", tool_calls=[CALL])
RESULT = Message("tool", "5", tool_call_id="toolu_1")


def turns(*messages, origin=None):
    """Return the turns in which messages are sent."""
    return message_body(Request(messages), origin)["messages"]


def text(text):
    """Return a block of text."""
    return {"type": "text", "text": text}


def result(id, content="5"):
    """Return the result of a call."""
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def test_a_conversation():
    """The system's texts become a field; a call has its input as an object."""
    system = [Message("system", "Be brief."), Message("system", "Be kind.")]
    body = message_body(Request([*system, USER, CALLED, RESULT]))

    assert [text("Be brief."), text("Be kind.")] == body["system"]
    use = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 2}}
    assert [
        {"role": "user", "content": [text("What is 2 + 3?")]},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result("toolu_1")]},
    ] == body["messages"]


def test_nothing_that_was_not_asked_for():
    """A request for a text alone has no field but its messages."""
    assert {"messages"} == message_body(Request("Hi")).keys()


def test_results_come_first():
    """What is said between a call and its result is sent behind the result."""
    _, _, sent = turns(USER, CALLED, Message("user", "Hurry."), RESULT)

    assert [result("toolu_1"), text("Hurry.")] == sent["content"]


def test_a_result_without_its_call():
    """A result whose call is missing, or has one already, is sent as a text."""
    _, _, sent = turns(USER, CALLED, RESULT, RESULT)

    assert ["tool_result", "text"] == [block["type"] for block in sent["content"]]
    (alone,) = turns(RESULT)
    assert alone["content"] == [text("The result of the call toolu_1: 5")]


def test_images():
    """Images go as URLs or as base64, in messages and in results."""
    url, jpeg = Image("https://example.com/cat.png"), Image("data:image/jpg;base64,AA==")
    plain = Image("data:image/png,%89P")
    _, _, sent = turns(
        USER,
        CALLED,
        Message("tool", "A cat.", tool_call_id="toolu_1", images=[jpeg]),
        Message("user", images=[url, plain]),
    )
    by_url = {"type": "url", "url": url.url}
    cat = {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}
    other = {"type": "base64", "media_type": "image/png", "data": "iVA="}

    assert [
        result("toolu_1", [text("A cat."), {"type": "image", "source": cat}]),
        {"type": "image", "source": by_url},
        {"type": "image", "source": other},
    ] == sent["content"]


@pytest.mark.parametrize("blank", ["", " \n"])
def test_blank_texts(blank):
    """Blank texts are left out, and messages of nothing else."""
    said = Message("assistant", blank, [CALL])
    messages = [Message("system", blank), USER, Message("user", blank), said]
    body = message_body(Request([*messages, Message("tool", "", tool_call_id="toolu_1")]))

    kinds = [[block["type"] for block in turn["content"]] for turn in body["messages"]]
    assert [["text"], ["tool_use"], ["tool_result"]] == kinds
    assert "system" not in body


def test_nothing_but_blank_texts():
    """A conversation is never empty."""
    for messages in ([Message("user", " ")], [Message("system", "\n"), Message("assistant", "")]):
        (turn,) = message_body(Request(messages))["messages"]

        assert ("user", ["text"]) == (turn["role"], [block["type"] for block in turn["content"]])


def test_the_assistant_speaks_first_and_last():
    """The first turn is the user's, and what the model continues has no space at its end."""
    first, _, _, last = turns(
        Message("assistant", "Hello."), USER, Message("assistant", "It is \n")
    )

    assert ("user", [text("It is")]) == (first["role"], last["content"])


def test_the_system_alone():
    """A system's text without a conversation is what the user says."""
    body = message_body(Request([Message("system", "Say hello.")]))

    assert {"messages": [{"role": "user", "content": [text("Say hello.")]}]} == body


def test_tools():
    """A tool has a schema of type object, even without parameters."""
    body = message_body(Request("Hi", [ToolSpec("now", "Return the time.")]))
    schema = {"type": "object", "properties": {}}

    assert [{"name": "now", "description": "Return the time.", "input_schema": schema}] == body[
        "tools"
    ]


def test_stops():
    """Stops are sent, but for those of white space, which Anthropic does not accept."""
    assert ["STOP"] == message_body(Request("Hi", stop=["STOP", "\n\n"]))["stop_sequences"]


@pytest.mark.parametrize("arguments", ["", "3", "{", '{"a": NaN}', "[" * 100_000])
def test_arguments_that_are_no_object(arguments):
    """Arguments that are no JSON object are sent as an empty one."""
    call = ToolCall("toolu_1", "add", arguments)
    _, said, _ = turns(USER, Message("assistant", tool_calls=[call]), RESULT)

    assert {} == said["content"][0]["input"]


# What is given back.

texts = st.text(st.characters(categories=["L", "So"]), min_size=1, max_size=5)
thoughts = texts.map(
    lambda said: {"type": "thinking", "thinking": said, "signature": signature_of(said)}
)
redacted = st.builds(lambda data: {"type": "redacted_thinking", "data": data}, texts)
uses = st.just({"type": "tool_use", "name": "add", "input": {"a": 2}})
contents = st.lists(texts.map(text) | thoughts | redacted | uses, min_size=1, max_size=8)


def read(content, origin=HERE, **fields):
    """Return the message of a reply with this content."""
    message = {"type": "message", "content": content, "stop_reason": "tool_use", **fields}
    reply = MessageReply(ErrorFactory("anthropic", "m"), origin)
    draft = Draft()
    for delta in chain(reply.feed(json.dumps(message).encode()), reply.end()):
        draft = draft if delta is REST else grow(draft, delta)
    return draft.message


@given(contents)
def test_blocks_are_given_back(content):
    """A reply is sent back as it came: each block, unchanged and in its order.

    Only thoughts at its end are left out, with which Anthropic accepts none.
    """
    content = [
        {**block, "id": f"toolu_{at}"} if block["type"] == "tool_use" else block
        for at, block in enumerate(content)
    ]
    left = list(content)
    while left and "thinking" in left[-1]["type"]:
        left.pop()
    asked, *replied = turns(USER, read(content), origin=HERE)

    assert [USER.text] == [block["text"] for block in asked["content"]]
    assert left == (replied[0]["content"] if replied else [])


def test_a_reply_of_thoughts_alone():
    """Where nothing is left of a reply, the user's messages before and after it are one."""
    thought = {"type": "thinking", "thinking": "I add.", "signature": "s"}
    (turn,) = turns(USER, read([thought]), Message("user", "Go on."), origin=HERE)

    assert [text(USER.text), text("Go on.")] == turn["content"]


def test_thoughts_stay_with_their_server():
    """Thoughts are given back to the server that signed them, and only unchanged."""
    thought = {"type": "thinking", "thinking": "I add.", "signature": "s"}
    said = read([thought, text("Five.")])
    changed = Message("assistant", said.text, reasoning="I subtract.", extra=said.extra)

    assert [thought, text("Five.")] == turns(USER, said, origin=HERE)[1]["content"]
    assert [text("Five.")] == turns(USER, said, origin=f"{HERE} http://here")[1]["content"]
    assert [text("Five.")] == turns(USER, changed, origin=HERE)[1]["content"]


SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "a"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
OURS = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
WITHIN = {**OURS, "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}}


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ([text("Hm."), SEARCH], [text("Hm.")]),
        ([SEARCH], []),
        ([SEARCH, FOUND, text("Hm.")], [SEARCH, FOUND, text("Hm.")]),
        ([SEARCH, FOUND], [SEARCH, FOUND]),
        ([{**SEARCH, "type": "mcp_tool_use"}, text("Hm.")], [text("Hm.")]),
        ([text("Hm."), SEARCH, OURS], [text("Hm."), OURS]),
        ([text("Hm."), SEARCH, WITHIN], [text("Hm."), OURS]),
    ],
)
def test_calls_of_the_server(content, left):
    """One without a result is left out where something follows: Anthropic refuses it there."""
    said = read(content)
    results = [RESULT] if OURS in left else []
    asked, *replied = turns(USER, said, *results, Message("user", "Go on."), origin=HERE)

    check_turns([asked, *replied])
    assert left == (replied[0]["content"] if left else [])
    assert "Go on." == [asked, *replied][-1]["content"][-1]["text"]
    assert content == turns(USER, said, origin=HERE)[1]["content"]


@pytest.mark.parametrize("call", [OURS, WITHIN])
def test_calls_of_the_server_beside_ours(call):
    """The server answers its own once the results of ours have come, and nothing with them."""
    content = [text("Hm."), SEARCH, call]
    found = read([FOUND, text("Five.")])
    history = turns(USER, read(content), RESULT, found, Message("user", "Go on."), origin=HERE)

    check_turns(history)
    assert content == turns(USER, read(content), RESULT, origin=HERE)[1]["content"]
    assert [content, [FOUND, text("Five.")]] == [history[1]["content"], history[3]["content"]]


def test_calls_of_the_server_without_a_reply_that_answers():
    """A reply that knows nothing of a call shows that another request was answered."""
    said = read([text("Hm."), SEARCH, OURS])
    replied = Message("assistant", "Five.")
    sent = turns(USER, said, RESULT, replied, Message("user", "Go on."), origin=HERE)

    check_turns(sent)
    assert [text("Hm."), OURS] == sent[1]["content"]


def test_results_of_the_server_without_a_call():
    """A memory policy may have left out the reply with the call."""
    found = read([FOUND, text("Five.")])
    sent = turns(USER, found, Message("user", "Go on."), origin=HERE)

    check_turns(sent)
    assert [text("Five.")] == sent[1]["content"]
    assert [USER.text, "Go on."] == [
        block["text"]
        for turn in turns(USER, read([FOUND]), Message("user", "Go on."), origin=HERE)
        for block in turn["content"]
    ]


def test_the_container_of_code_that_waits():
    """While the server's code waits for the result of a tool of ours, its container is named."""
    said = read([SEARCH, WITHIN], container={"id": "container_1", "expires_at": "x"})
    replied = read([FOUND, text("Five.")])
    messages = [USER, said, RESULT]

    assert "container_1" == message_body(Request(messages), HERE)["container"]
    for others in ([*messages, replied, USER], [*messages, USER], [USER]):
        assert "container" not in message_body(Request(others), HERE)
    assert "container" not in message_body(Request(messages), f"{HERE} http://here")


def test_citations():
    """They are given back as Anthropic takes them: without the id of a file."""
    place = {"type": "char_location", "cited_text": "a", "document_index": 0}
    cited = {**text("Five."), "citations": [{**place, "file_id": None}]}
    sent = turns(USER, read([cited]), Message("user", "Go on."), origin=HERE)

    assert [{**text("Five."), "citations": [place]}] == sent[1]["content"]


def test_fields_of_calls():
    """What a call has beside name and input is given back with it."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}, "caller": {"a": 1}}

    assert [use] == turns(USER, read([use]), RESULT, origin=HERE)[1]["content"]


def test_odd_data():
    """Data that is no block costs nothing."""
    odd = [ProviderData(HERE, {"block": 5}), ProviderData(HERE, {"type": "x"})]
    said = Message("assistant", "Five.", extra=odd)

    assert [text("Five.")] == turns(USER, said, origin=HERE)[1]["content"]


# Any history.

ids = st.sampled_from(["toolu_1", "call/2", "", "x" * 99])
names = st.sampled_from(["add", "a name", ""])
some = st.sampled_from(["", " ", "Hi.", "Hm. "])


@st.composite
def histories(draw):
    """Return messages in which each call has one result."""
    messages = []
    for _ in range(draw(st.integers(1, 5))):
        role = draw(st.sampled_from(["system", "user", "assistant", "calling"]))
        if role != "calling":
            messages.append(Message(role, draw(some)))
            continue
        called = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
        calls = [ToolCall(id, draw(names), "{}") for id in called]
        messages.append(Message("assistant", draw(some), calls, reasoning=draw(some)))
        between = draw(st.lists(st.builds(Message, st.just("user"), some), max_size=1))
        results = [Message("tool", draw(some), tool_call_id=id) for id in called]
        messages += draw(st.permutations([*results, *between]))
    return [*messages, Message("user", "Go on.")]


@given(histories(), st.sampled_from([False, True, "1h"]))
def test_any_history(messages, cache):
    """Any history keeps the rules of Anthropic's, also one that is marked for a cache."""
    body = message_body(Request(messages))
    mark(body, cache)

    check_turns(body["messages"])
    roles = [turn["role"] for turn in body["messages"]]
    assert all(one != other for one, other in pairwise(roles))


# Cache marks.


def marked(body):
    """Return the texts, or names, of what is marked."""
    turns = body["messages"]
    blocks = [*body.get("tools", ()), *body.get("system", ())]
    blocks += [block for turn in turns for block in turn["content"]]
    return [
        block.get("text") or block.get("name") or block["type"]
        for block in blocks
        if "cache_control" in block
    ]


def test_marks():
    """Marked are the system or the tools, the last turn, and the user's before it."""
    tools = [ToolSpec("add", "Add."), ToolSpec("now", "Return the time.")]
    history = [USER, CALLED, RESULT, Message("assistant", "5."), Message("user", "Sure?")]
    for system, first in (([], "now"), ([Message("system", "Be brief.")], "Be brief.")):
        body = message_body(Request([*system, *history], tools))
        mark(body, True)
        assert [first, "tool_result", "Sure?"] == marked(body)
        assert {"type": "ephemeral"} == body["messages"][-1]["content"][-1]["cache_control"]


def test_no_marks():
    """Nothing is marked unless that was asked for."""
    body = message_body(Request([USER]))
    mark(body, False)

    assert [] == marked(body)


def test_marks_have_a_time():
    """A mark may name how long the cache lasts."""
    body = message_body(Request([USER]))
    mark(body, "1h")

    control = {"type": "ephemeral", "ttl": "1h"}
    assert [{**text("What is 2 + 3?"), "cache_control": control}] == body["messages"][0]["content"]
