"""Conversations: each form that a chat template takes, and what is in the prompt."""

import json

import pytest

from rxagent.errors import ModelRejected
from rxagent.messages import Image, Message, Request, ToolCall, ToolSpec
from rxagent.models.errors import ErrorFactory
from rxagent.models.local.chat_template import ChatTemplate
from rxagent.models.local.conversation import rendered

ADD = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})
CALL = ToolCall("call 1/ü", "add", '{"a": 2}')
HISTORY = [
    Message("system", "Be brief."),
    Message("user", "What is 2?"),
    Message("assistant", "I add.", [CALL], reasoning="Well."),
    Message("tool", "It is 2.", tool_call_id="call 1/ü"),
]

ALL = "{{ tools | tojson }}{% for m in messages %}{{ m | tojson }}\n{% endfor %}"
TEXT = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
STRICT = (
    "{% for m in messages %}{% if m.role != ['user', 'assistant'][loop.index0 % 2] %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}{{ m.role }}: {{ m.content }}\n"
    "{% endfor %}"
)


def prompt(request, source, constrained=False):
    """Return the prompt that a template makes of a request."""
    errors = ErrorFactory("onnx", "folder")
    render = ChatTemplate(source).render
    return rendered(request, source, render, errors, constrained=constrained)


def test_a_template_with_tools():
    """Tools, calls with their arguments as objects, and reasoning are given to the template."""
    tools, *messages = prompt(Request(HISTORY, tools=[ADD]), ALL).replace("]{", "]\n{").split("\n")
    system, user, said, result, _ = messages

    assert [ADD.name] == [tool["function"]["name"] for tool in json.loads(tools)]
    assert [HISTORY[0].text, HISTORY[1].text] == [json.loads(m)["content"] for m in (system, user)]
    (call,) = json.loads(said)["tool_calls"]
    assert ({"a": 2}, "Well.") == (
        call["function"]["arguments"],
        json.loads(said)["reasoning_content"],
    )
    assert call["id"] == json.loads(result)["tool_call_id"]


def test_ids_are_what_the_strictest_template_takes():
    """Ids have nine letters and digits, and are unique, however they were."""
    calls = [ToolCall(id, "add", "no JSON") for id in ("", "x" * 99, "a", "a")]
    results = [Message("tool", str(at), tool_call_id=call.id) for at, call in enumerate(calls)]
    request = Request([Message("assistant", tool_calls=calls), *results] * 2)
    source = "{% for m in messages %}{{ m | tojson }}\n{% endfor %}{# tools #}"
    forms = [json.loads(line) for line in prompt(request, source).split("\n") if line]

    made = [call["id"] for form in forms for call in form.get("tool_calls", ())]
    returned = [form["tool_call_id"] for form in forms if form["role"] == "tool"]
    assert 8 == len(set(made))
    assert made == returned
    assert all(len(id) == 9 and id.isalnum() for id in made)
    assert [{}] * 8 == [
        call["function"]["arguments"] for form in forms for call in form.get("tool_calls", ())
    ]


def test_a_template_without_tools():
    """Tools are described in the system message; calls and results are written as text."""
    made = prompt(Request(HISTORY, tools=[ADD]), TEXT)

    assert made.startswith("system: Be brief.\n\nYou may call these tools")
    assert '"name": "add", "description": "Add."' in made
    assert 'assistant: I add.\n<tool_call>\n{"name": "add", "arguments": {"a": 2}}' in made
    assert "user: Result of add:\nIt is 2." in made


def test_results_of_calls_with_one_id_are_written():
    """Each result has the name of its own call, in their order."""
    calls = [ToolCall("", name, "{}") for name in ("add", "look")]
    results = [Message("tool", text, tool_call_id="") for text in ("2", "A cat.")]
    made = prompt(Request([Message("user", "Hi"), Message("assistant", "", calls), *results]), TEXT)

    assert "Result of add:\n2" in made
    assert "Result of look:\nA cat." in made


def test_a_template_that_demands_turns():
    """Messages of one role are merged, and the system message is the user's, where needed."""
    messages = [*HISTORY[:2], Message("user", "Quick!"), Message("assistant", "2.")]

    assert "user: Be brief.\n\nWhat is 2?\n\nQuick!\nassistant: 2.\n" == prompt(
        Request(messages), STRICT
    )


def test_a_template_that_takes_nothing():
    """The first error of a template is the one that is reported."""
    with pytest.raises(ModelRejected, match=r"does not take these messages: Never\. Give another"):
        prompt(Request("Hi"), "{{ raise_exception('Never') }}")


def test_a_schema():
    """A schema is described, unless the engine keeps to it by itself."""
    request = Request("Hi", output={"type": "object"})

    assert '{"type": "object"}' in prompt(request, TEXT)
    assert "user: Hi\n" == prompt(request, TEXT, constrained=True)


def test_images_of_results_follow():
    """An image of a result follows in a user's message."""
    picture = Message("tool", "Here.", tool_call_id="1", images=[Image("data:image/png;base64,")])
    source = "{% for m in messages %}{{ m | tojson }}\n{% endfor %}"
    result, behind, _ = prompt(Request([picture]), source).split("\n")

    assert "Here." == json.loads(result)["content"]
    assert [{"type": "image", "url": "data:image/png;base64,"}] == json.loads(behind)["content"]
