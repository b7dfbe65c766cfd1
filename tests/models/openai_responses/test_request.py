"""Requests of OpenAI's Responses protocol."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent.messages import Image, Message, ProviderData, Request, ToolCall, ToolSpec
from rxagent.models.openai_responses.conversation import input_items
from rxagent.models.openai_responses.request import response_body
from rxagent.testing.far_ends.responses import check_items

HERE = "responses"
USER = Message("user", "What is 2 + 3?")
CALL = ToolCall("call_1", "add", '{"a": 2}')
RESULT = Message("tool", "5", tool_call_id="call_1")
CAT = Image("https://example.com/cat.png")


def items(*messages, origin=None):
    """Return the items of a conversation."""
    return list(input_items(messages, origin))


def body(request="Hi", *options, model="gpt-5-mini"):
    """Return the fields of a request."""
    return response_body(model, Request.of(request), options)


def called(**fields):
    """Return the item of a call."""
    call = {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": '{"a": 2}'}
    return {**call, **fields}


def returned(output="5"):
    """Return the item of a result."""
    return {"type": "function_call_output", "call_id": "call_1", "output": output}


def reasoning(text="I add.", id="rs_1", **fields):
    """Return the item of a thought."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    item = {"type": "reasoning", "id": id, "encrypted_content": "secret", "summary": summary}
    return {**item, **fields}


def said(text="Five.", id="msg_1", **fields):
    """Return the item of a message of the model."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": id, "role": "assistant", "content": [part]}
    return {**item, "status": "completed", **fields}


# Conversations.


def test_a_conversation():
    """Messages keep their roles; a call and its result are items of their own."""
    system = Message("system", "Be brief.")
    reply = Message("assistant", "I add.", [CALL])

    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 3?"},
        {"role": "assistant", "content": "I add."},
        called(),
        returned(),
    ] == items(system, USER, reply, RESULT)


def test_images():
    """Images are parts of messages, and of results."""
    image = {"type": "input_image", "image_url": CAT.url, "detail": "auto"}
    text = {"type": "input_text", "text": "A cat."}

    user, _, result = items(
        Message("user", images=[CAT]),
        Message("assistant", tool_calls=[CALL]),
        Message("tool", "A cat.", tool_call_id="call_1", images=[CAT]),
    )
    assert {"role": "user", "content": [image]} == user
    assert returned([text, image]) == result


def test_a_result_without_its_call():
    """A result whose call is missing is sent as a text."""
    text = "The result of the call call_1: 5"

    assert [{"role": "user", "content": text}] == items(RESULT)


def test_empty_replies():
    """A reply that says nothing is left out."""
    assert [] == items(Message("assistant"))


def test_conversations_that_say_nothing():
    """OpenAI accepts no empty conversation, so the user says something."""
    (item,) = body(Request([Message("assistant")]))["input"]

    assert ("user", True) == (item["role"], bool(item["content"]))
    check_items([item])


# What is given back.


def test_reasoning_is_given_back(kept):
    """A reply with encrypted reasoning is sent back as it came, each part with its id."""
    output = [
        reasoning("I add.", "rs_1"),
        said("I add.", "msg_1", phase="commentary"),
        called(id="fc_1"),
        reasoning("", "rs_2"),
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "x"}},
        said("Five.", "msg_2", phase="final_answer"),
    ]

    assert output == items(kept(*output), origin=HERE)


def test_reasoning_of_another_model(kept):
    """A model that does not reason gets no reasoning, and no ids that would need it."""
    message = kept(reasoning("I add.", "rs_1"), said("Five.", "msg_1"))
    request = Request([Message("user", "Hi"), message, Message("user", "Go on.")])

    _, *own, _ = response_body("gpt-5", request, (), HERE)["input"]
    _, *others, _ = response_body("gpt-4.1", request, (), HERE)["input"]
    assert ["reasoning", "message"] == [item["type"] for item in own]
    assert [{"role": "assistant", "content": "Five."}] == others


def test_parts_of_the_reasoning(kept):
    """The parts of a summary stay apart, and reasoning in plain text is content."""
    parts = [{"type": "summary_text", "text": text} for text in ("One.", "Two.")]
    content = [{"type": "reasoning_text", "text": "Three."}]
    output = [
        {**reasoning(), "summary": parts},
        called(id="fc_1"),
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": content},
        called(id="fc_2", call_id="call_2"),
    ]
    message = kept(*output)

    assert "One.\n\nTwo.\n\nThree." == message.reasoning
    assert output == items(message, origin=HERE)


def test_reasoning_of_others(kept):
    """Without its reasoning an item has no id of its own, wherever the reasoning was lost."""
    message = kept(reasoning(), said(phase="final_answer"), called(id="fc_1"))
    plain = [{"role": "assistant", "content": "Five."}, called()]

    assert plain == items(message, origin=f"{HERE} http://elsewhere")
    assert plain == items(evolve(message, extra=()), origin=HERE)
    (lost,) = kept(reasoning(encrypted_content=None), called(id="fc_1")).tool_calls
    assert [called()] == items(Message("assistant", tool_calls=[lost]), origin=HERE)


def test_reasoning_that_was_changed(kept):
    """The summary that an operator has changed is left out; the encrypted reasoning is not."""
    message = evolve(kept(reasoning(), said()), reasoning="I subtract.")

    assert [reasoning(""), said()] == items(message, origin=HERE)


def test_reasoning_that_nothing_follows(kept):
    """Reasoning at the end of a reply, as before a stop, is left out."""
    message = kept(reasoning(), said())

    assert [] == items(evolve(message, text=""), origin=HERE)
    assert [] == items(kept(reasoning()), origin=HERE)


def test_phases(kept):
    """A message without reasoning keeps its phase, and needs no id."""
    plain = {"role": "assistant", "content": "Five."}

    assert [{**plain, "phase": "final_answer"}] == items(
        kept(said(phase="final_answer")), origin=HERE
    )
    assert [plain] == items(kept(said()), origin=HERE)
    assert () == kept(said()).extra


def test_messages_stay_apart(kept):
    """Several messages of a reply are sent as several."""
    texts = [item["content"] for item in items(kept(said("One."), said("Two.")), origin=HERE)]

    assert ["One.", "Two."] == texts


def test_unknown_fields_of_calls(kept):
    """What else a call holds is given back with it."""
    message = kept(called(id="fc_1", namespace="crm"))

    assert [called(namespace="crm")] == items(message, origin=HERE)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": "fc_1"},
        {"block": {"type": "reasoning"}, "at": [0, 0], "text": 0, "reasoning": [0, 0, 0]},
        {"block": {"type": 5}, "at": [0, 0], "text": 0, "reasoning": [0, 0, 0]},
        {"block": {"type": "message"}, "at": [0, 0], "text": 5, "reasoning": [0, 0, 0]},
    ],
)
def test_strange_data(data):
    """Data of our origin that we did not make costs nothing but itself."""
    message = Message("assistant", "Five.", extra=[ProviderData(HERE, data)])

    assert [{"role": "assistant", "content": "Five."}] == items(message, origin=HERE)


OUTPUT = st.lists(
    st.sampled_from(["reasoning", "lost", "message", "phase", "call", "search"]), max_size=7
)


@given(OUTPUT)
def test_the_rules_of_openai(kept, kinds):
    """Whatever a reply holds, it is accepted again: the pairs are whole, and each text is there.

    Its text is that of its messages; that of its commentary only where it has nothing else.
    """
    made = {
        "reasoning": lambda at: reasoning(f"Thought {at}.", f"rs_{at}"),
        "lost": lambda at: reasoning(f"Thought {at}.", f"rs_{at}", encrypted_content=None),
        "message": lambda at: said(f"Text {at}.", f"msg_{at}"),
        "phase": lambda at: said(f"Text {at}.", f"msg_{at}", phase="commentary"),
        "call": lambda at: called(id=f"fc_{at}", call_id=f"call_{at}"),
        "search": lambda at: {"type": "web_search_call", "id": f"ws_{at}"},
    }
    message = kept(*(made[kind](at) for at, kind in enumerate(kinds)))
    results = [Message("tool", "5", tool_call_id=call.id) for call in message.tool_calls]
    sent = items(USER, message, *results, origin=HERE)

    if "search" not in kinds or "reasoning" in kinds[: kinds.index("search")]:
        check_items(sent)
    texts = [item.get("content") for item in sent if item.get("role") == "assistant"]
    whole = "".join(text if isinstance(text, str) else text[0]["text"] for text in texts)
    spoken = [(kind, f"Text {at}.") for at, kind in enumerate(kinds)]
    answer = "message" if {"message", "call"} & {*kinds} else "phase"
    assert "".join(text for kind, text in spoken if kind == answer) == message.text
    assert "".join(text for kind, text in spoken if kind in ("message", "phase")) == whole


# Fields.


def test_fields():
    """Nothing is stored, and the reasoning is requested as a whole, unless options say else."""
    assert {"input", "store", "include"} == body().keys()
    assert (False, ["reasoning.encrypted_content"]) == (body()["store"], body()["include"])
    assert True is body("Hi", {"store": True})["store"]
    assert "include" not in body("Hi", {"include": ["a"]}, {"include": None})


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-5-mini", True),
        ("gpt-5.6-sol", True),
        ("o3", True),
        ("my-deployment", True),
        ("gpt-4.1", False),
        ("gpt-4o-mini", False),
        ("ft:gpt-4.1-mini:acme", False),
        ("chatgpt-4o-latest", False),
        ("gpt-5-chat-latest", False),
        ("gpt-5.2-chat-latest", False),
    ],
)
def test_models_that_do_not_reason(model, reasons):
    """Models that answer 400 to a request for encrypted reasoning get none."""
    assert reasons is ("include" in body(model=model))


def test_options_are_added():
    """Options of a field that the request fills as well are added to it."""
    schema = {"type": "object", "title": "my answer", "properties": {}}
    options = {"text": {"verbosity": "low"}, "include": ["message.output_text.logprobs"]}
    sent = body(Request("Hi", output=schema), options, {"reasoning": {"effort": "low"}})
    wanted = {"type": "json_schema", "name": "my_answer", "schema": schema}

    assert {"format": wanted, "verbosity": "low"} == sent["text"]
    assert ["reasoning.encrypted_content", "message.output_text.logprobs"] == sent["include"]
    assert {"effort": "low"} == sent["reasoning"]


def test_tools():
    """A tool is flat, and not strict."""
    (sent,) = body(Request("Hi", tools=[ToolSpec("now", "Return the time.")]))["tools"]
    schema = {"type": "object", "properties": {}}

    expected = {"type": "function", "name": "now", "description": "Return the time."}
    assert {**expected, "parameters": schema, "strict": False} == sent


def test_stops():
    """The protocol has no stops, so none is sent."""
    assert body().keys() == body(Request("Hi", stop=["STOP"])).keys()
