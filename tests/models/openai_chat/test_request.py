"""The requests of OpenAI's chat protocol."""

import re
from itertools import chain, pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rxagent.messages import Image, Message, ProviderData, ToolCall
from rxagent.models.openai_chat import oddities
from rxagent.models.openai_chat.ids import IdForm
from rxagent.models.openai_chat.oddities import DEEPSEEKS, GEMINIS, oddities_of
from rxagent.models.openai_chat.request import chat_messages
from rxagent.testing.frames import call_chunk

from ..odd_hosts import turns_of

CAT, DOG = Image("https://example.com/cat.png"), Image("data:image/png;base64,AA==")


def part(image):
    """Return an image as a part of some content."""
    return {"type": "image_url", "image_url": {"url": image.url}}


def test_texts():
    """Messages of text alone have it as their content."""
    messages = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hm.")]

    assert [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hm."},
    ] == list(chat_messages(messages))


def test_calls():
    """Calls and their results are native; reasoning of unknown origin is not sent back."""
    messages = [
        Message("assistant", tool_calls=(ToolCall("c", "add", '{"a": 1}'),), reasoning="Hm."),
        Message("tool", "1", tool_call_id="c"),
    ]
    function = {"name": "add", "arguments": '{"a": 1}'}

    assert [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "1"},
    ] == list(chat_messages(messages))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"a": [1]}', '{"a": [1]}'),
        ('{"a": ', "{}"),
        ("3", "{}"),
        ("null", "{}"),
        ("", "{}"),
        ("[" * 100_000, "{}"),
        ('{"a": NaN}', "{}"),
        ('{"a": "\\ud800"}', "{}"),
        ('{"a": "\ud800"}', "{}"),
    ],
)
def test_arguments(arguments, sent):
    """Arguments that are no JSON object are sent as an empty one, which every server can read."""
    (message,) = chat_messages([Message("assistant", "", (ToolCall("c", "add", arguments),))])

    assert sent == message["tool_calls"][0]["function"]["arguments"]


def test_images():
    """Images are parts of the content, after its text."""
    messages = [Message("user", "Look", images=(CAT, DOG)), Message("user", images=(CAT,))]

    assert [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, part(CAT), part(DOG)]},
        {"role": "user", "content": [part(CAT)]},
    ] == list(chat_messages(messages))


def test_images_of_tools():
    """Images that tools return follow their results, in a message of the user's."""
    messages = [
        Message("tool", "1", tool_call_id="c", images=(CAT,)),
        Message("tool", "2", tool_call_id="d", images=(DOG,)),
        Message("assistant", "Cute."),
        Message("tool", "3", tool_call_id="e", images=(CAT,)),
    ]

    assert [
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
        {"role": "user", "content": [part(CAT), part(DOG)]},
        {"role": "assistant", "content": "Cute."},
        {"role": "tool", "tool_call_id": "e", "content": "3"},
        {"role": "user", "content": [part(CAT)]},
    ] == list(chat_messages(messages))


def test_images_of_the_assistant():
    """So do images of a reply, behind the results of its calls."""
    messages = [
        Message("assistant", "Look.", (ToolCall("c", "add", "{}"),), images=(CAT,)),
        Message("tool", "1", tool_call_id="c", images=(DOG,)),
        Message("assistant", "See.", images=(CAT,)),
        Message("user", "Nice."),
    ]
    sent = list(chat_messages(messages))

    assert ["assistant", "tool", "user", "assistant", "user", "user"] == [m["role"] for m in sent]
    assert ["Look.", "1", [part(CAT), part(DOG)], "See.", [part(CAT)], "Nice."] == [
        message["content"] for message in sent
    ]


# What a provider wants back.

SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}, "function": {"x": 1}}
UNDER = ProviderData("here", {"reasoning_field": "reasoning_content"})
DETAILS = [ProviderData("here", {"message": {"reasoning_details": [n]}}) for n in (1, 2)]


def called(*extra):
    """Return an assistant message that calls, with what its provider wants back."""
    call = ToolCall("c", "add", "{}", [ProviderData("here", SIGNED)])
    return Message("assistant", tool_calls=[call], reasoning="Hm.", extra=extra)


RESULT = Message("tool", "5", tool_call_id="c")


def test_given_back():
    """What a provider wants back goes back to it as it came, and to no other."""
    messages = [Message("user", "Hi"), called(UNDER, *DETAILS), RESULT]

    _, mine, _ = chat_messages(messages, "here")
    _, others, _ = chat_messages(messages, "there")

    assert ("Hm.", [1, 2]) == (mine["reasoning_content"], mine["reasoning_details"])
    (call,) = mine["tool_calls"]
    assert SIGNED["extra_content"] == call["extra_content"]
    assert {"name": "add", "arguments": "{}", "x": 1} == call["function"]
    assert {"role", "content", "tool_calls"} == others.keys()
    assert {"id", "type", "function"} == others["tool_calls"][0].keys()


def test_reasoning_goes_back_to_its_model():
    """Another model of the same server may refuse it; what belongs to calls stays."""
    thought = ProviderData("here", {"reasoning_field": "reasoning", "of_model": "m"})
    details = ProviderData("here", {"message": {"reasoning_details": [1]}, "of_model": "m"})
    messages = [Message("user", "Hi"), called(thought, details), RESULT]

    for model in ("m", None):
        _, mine, _ = chat_messages(messages, "here", model=model)
        assert ("Hm.", [1]) == (mine["reasoning"], mine["reasoning_details"])
    _, other, _ = chat_messages(messages, "here", model="n")
    assert {"role", "content", "tool_calls"} == other.keys()
    assert SIGNED["extra_content"] == other["tool_calls"][0]["extra_content"]


def test_reasoning_goes_back_while_tools_are_called():
    """After the next message of the user, reasoning is dropped; the data of calls is not."""
    retry = Message("user", "Now try again.")  # which follows a result, so the turn goes on
    loop = [called(UNDER), RESULT, retry, called(UNDER), RESULT]

    sent = list(chat_messages([Message("user", "Hi"), *loop, Message("assistant", "5")], "here"))
    later = list(
        chat_messages(
            [Message("user", "Hi"), *loop, Message("assistant", "5"), Message("user", "And?")],
            "here",
        )
    )

    assert 2 == sum("reasoning_content" in message for message in sent)
    assert 0 == sum("reasoning_content" in message for message in later)
    assert all(
        "extra_content" in call for message in later for call in message.get("tool_calls", ())
    )


CALLS = ToolCall("c", "add", "{}")
STEPS = st.sampled_from(
    [
        [Message("user", "Hi")],
        [Message("assistant", "Hm.")],
        [Message("assistant", "Hm.", reasoning="So.", extra=[UNDER])],
        [Message("assistant", "", [CALLS]), RESULT],
        [Message("assistant", "", [CALLS], reasoning="So.", extra=[UNDER]), RESULT],
        [Message("assistant", "", [CALLS, evolve(CALLS, id="d")]), RESULT],
        [Message("tool", "", tool_call_id="c", images=[CAT])],
        [Message("system", "Now.")],
    ]
)
CONVERSATIONS = st.lists(STEPS, max_size=8).map(lambda steps: [*chain(*steps)])


@given(CONVERSATIONS)
def test_a_server_that_wants_the_thoughts_of_all_turns(messages):
    """Each message of a turn with calls has its thought, or what stands for one."""
    sent = list(chat_messages(messages, "here", DEEPSEEKS))

    for turn in turns_of(sent):
        said = [message for message in turn if message["role"] == "assistant"]
        if any(message.get("tool_calls") for message in said):
            assert all(message["reasoning_content"] for message in said)
    thoughts = [message.reasoning for message in messages if message.role == "assistant"]
    assert {*filter(None, thoughts)} >= {
        message["reasoning_content"] for message in sent if message.get("reasoning_content")
    } - {DEEPSEEKS.thought}
    others = list(chat_messages(messages, "there"))
    assert not any("reasoning_content" in message for message in others)


def test_thoughts_of_earlier_turns():
    """They go back with all calls to a server that wants them, and with no call to others."""
    loop = [Message("user", "Hi"), called(UNDER), RESULT, Message("assistant", "5")]
    messages = [*loop, Message("user", "Thanks"), Message("assistant", "Yes"), *loop]

    sent = list(chat_messages(messages, "here", DEEPSEEKS))
    assert [None, "Hm.", None, " ", None, None, None, "Hm.", None, " "] == [
        message.get("reasoning_content") for message in sent
    ]


@given(CONVERSATIONS)
def test_a_server_that_wants_an_answer_to_each_result(messages):
    """Nothing but a result or a message of the model stands behind a result."""
    mistrals = evolve(oddities.MISTRALS, ids=IdForm())
    usual = list(chat_messages(messages, None, evolve(mistrals, between="")))
    sent = list(chat_messages(messages, None, mistrals))
    roles = [message["role"] for message in sent]

    assert not [two for one, two in pairwise(roles) if one == "tool" and two in ("user", "system")]
    assert ("user", "user") not in pairwise(roles)
    between = {"role": "assistant", "content": oddities.MISTRALS.between}
    assert usual == [message for message in sent if message != between]


@given(CONVERSATIONS)
def test_a_server_that_wants_signatures(messages):
    """Each call of the latest turn is signed, or stands beside one that is."""
    sent = list(chat_messages(messages, "here", GEMINIS))

    for message in turns_of(sent)[-1]:
        for call in message.get("tool_calls") or ():
            assert {"google": {"thought_signature": GEMINIS.signature}} == call["extra_content"]


@pytest.mark.parametrize("vendor", ["google", "vertex"])
def test_a_signature_of_its_own(vendor):
    """A call that was signed keeps its signature, and stands for those beside it."""
    own = {"extra_content": {vendor: SIGNED["extra_content"]["google"]}}
    calls = [ToolCall("c", "add", "{}", [ProviderData("here", own)]), ToolCall("d", "add", "{}")]
    both = Message("assistant", "", calls)
    _, sent = chat_messages([Message("user", "Hi"), both], "here", GEMINIS)
    one, two = sent["tool_calls"]

    assert own["extra_content"] == one["extra_content"]
    assert "extra_content" not in two


@pytest.mark.parametrize(
    ("model", "signs"),
    [
        ("gemini-3-pro-preview", True),
        ("models/gemini-3.5-flash", True),
        ("gemini-flash-latest", True),
        ("gemini-10-pro", True),
        ("gemini-2.5-pro", False),
        ("models/gemini-1.5-flash", False),
        ("gemma-3-27b-it", False),
        ("google/gemini-3-flash-preview", True),
        ("google/gemini-2.5-flash", False),
        ("google/gemma-3-27b-it", False),
        ("meta/llama-4-maverick-17b-128e-instruct-maas", False),
        ("deepseek-ai/deepseek-v3.2-maas", False),
    ],
)
def test_models_that_sign(model, signs):
    """Only models that refuse an unsigned call get a signature that they did not make."""
    assert signs == bool(oddities_of("gemini", model, GEMINIS).signature)
    assert not oddities_of("openrouter", model).signature


def test_what_json_cannot_hold_is_not_given_back():
    """A number that JSON cannot hold is dropped, and the request is sent."""
    odd = ToolCall("c", "add", "{}", [ProviderData("here", {"x": float("nan")})])

    (message,) = chat_messages([Message("assistant", tool_calls=[odd])], "here")

    assert {"id", "type", "function"} == message["tool_calls"][0].keys()


# Names and ids.

NAMES = st.text(max_size=80) | st.sampled_from(["add", "functions.add", "", "my tool", "x" * 100])
IDS = st.text(max_size=60) | st.sampled_from(["a", "b", ""])


@given(st.lists(st.lists(st.tuples(IDS, NAMES), max_size=4), max_size=3))
def test_what_is_sent_is_acceptable(turns):
    """Every name and id fits, no id is given twice, and each result has the id of its call."""
    messages = []
    for calls in turns:
        messages.append(Message("assistant", "", [ToolCall(id, name) for id, name in calls]))
        messages += [Message("tool", str(at), tool_call_id=id) for at, (id, _) in enumerate(calls)]

    sent = list(chat_messages(messages))

    calls = [call for message in sent for call in message.get("tool_calls", ())]
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", call["function"]["name"]) for call in calls)
    ids = [call["id"] for call in calls]
    assert all(1 <= len(id) <= 40 for id in ids)
    assert len(ids) == len(set(ids))
    assert ids == [message["tool_call_id"] for message in sent if message["role"] == "tool"]


STRANGE = st.text(max_size=60) | st.sampled_from(
    ["functions.add:0", "call_1__thought__" + "Q2" * 60, "abcdefghi", "call_9f2cA1bcdefghijklmnop"]
)


def conversation(*ids, origin=None):
    """Return calls of these ids, made by an origin, and their results."""
    for id in ids:
        extra = [ProviderData(origin, {"id": id})] if origin else []
        yield Message("assistant", "", [ToolCall(id, "add", "{}", extra)])
        yield Message("tool", "1", tool_call_id=id)


def sent_ids(messages, origin, model="m"):
    """Return the ids of the calls that are sent, which are those of their results."""
    sent = list(chat_messages(messages, origin, oddities_of(origin, model)))
    ids = [call["id"] for message in sent for call in message.get("tool_calls", ())]
    assert ids == [message["tool_call_id"] for message in sent if message["role"] == "tool"]
    return ids


MISTRALS = [
    ("openai https://api.mistral.ai/v1", "m"),
    ("openai https://api.mistral.ai/v1", "ft:open-7b:1"),
    ("openai http://localhost:8000/v1", "mistralai/Mistral-7B-Instruct-v0.3"),
    ("openai http://localhost:8000/v1", "devstral-small-2507"),
    ("openai https://openrouter.ai/api/v1", "mistralai/magistral-medium"),
    ("openai", "Pixtral-12B"),
]


@pytest.mark.parametrize(("origin", "model"), MISTRALS)
@given(st.lists(STRANGE, min_size=1, max_size=4, unique=True), st.booleans())
def test_ids_for_mistral(origin, model, ids, own):
    """Mistral's server, and its models on any server, get ids of 9 letters and digits only."""
    sent = sent_ids(conversation(*ids, origin=origin if own else None), origin, model)

    assert all(re.fullmatch("[a-zA-Z0-9]{9}", id) for id in sent)
    assert len(ids) == len(set(sent))
    assert all(id == was for id, was in zip(sent, ids, strict=True) if was == "abcdefghi")


@pytest.mark.parametrize(("origin", "model"), [*MISTRALS, ("openai", "google/gemma-3-27b-it")])
def test_messages_of_the_user_that_follow_each_other(origin, model):
    """Templates of Mistral's and Gemma's models refuse two in a row, so they get them as one."""
    words = [Message("user", text) for text in ("One.", "", "Two.")]
    shown, nice = Message("user", "Look", images=(CAT,)), Message("assistant", "Nice.")
    text = {"type": "text", "text": "Look"}
    demands = oddities_of(origin, model)

    assert [{"role": "user", "content": "One.\n\nTwo."}] == list(
        chat_messages(words, origin, demands)
    )
    assert [
        {"role": "user", "content": [{"type": "text", "text": "One."}, text, part(CAT)]},
        {"role": "assistant", "content": "Nice."},
        {"role": "user", "content": [text, part(CAT), {"type": "text", "text": "Two."}]},
    ] == list(chat_messages([words[0], shown, nice, shown, words[2]], origin, demands))


@given(st.lists(STRANGE, min_size=1, max_size=4, unique=True))
def test_ids_for_others(ids):
    """An id of another origin is replaced unless all servers accept it; the origin's own is not."""
    others = sent_ids(conversation(*ids, origin="there"), "here")

    assert ids == sent_ids(conversation(*ids, origin="here"), "here")
    for was, id in zip(ids, others, strict=True):
        is_usual = re.fullmatch("[a-zA-Z0-9_-]{1,40}", was)
        assert id == was if is_usual else re.fullmatch("[a-zA-Z0-9]{9}", id)


@given(STRANGE.filter(bool), st.integers(1, 3))
def test_ids_that_a_server_made(kept, id, fragments):
    """What a server has hidden in an id comes back to it, in however many fragments it came."""
    parts = [call_chunk(0, id, "add", "")] + [call_chunk(0, id, None, "")] * (fragments - 1)
    message = kept(*parts, call_chunk(0, None, None, "{}"))
    (call,) = message.tool_calls

    assert [call.id] == sent_ids([message, Message("tool", "1", tool_call_id=call.id)], "here")
    assert len(call.extra) <= 1
    assert bool(call.extra) == (re.fullmatch("[a-zA-Z0-9_-]{1,40}", call.id) is None)


@pytest.mark.parametrize(
    ("name", "sent"),
    [("add", "add"), ("functions.add", "functions_add"), ("", "unnamed"), ("ü tool", "__tool")],
)
def test_names(name, sent):
    """A name that would be rejected is replaced, and any other stays as it is."""
    (message,) = chat_messages([Message("assistant", "", [ToolCall("a", name)])])

    assert ("a", sent) == (
        message["tool_calls"][0]["id"],
        message["tool_calls"][0]["function"]["name"],
    )


def test_a_long_id_is_replaced_also_for_its_own_server(kept):
    """OpenAI refuses an id of more than 40 characters that it made itself, if it hides nothing."""
    message = kept(call_chunk(0, "c" * 60, "add", "{}"))
    (sent,) = sent_ids([message, Message("tool", "1", tool_call_id="c" * 60)], "here")

    assert re.fullmatch("[a-zA-Z0-9]{9}", sent)
