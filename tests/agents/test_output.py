"""Answers of a type: asked for, read, and sent back with what is wrong."""

import json
import pickle
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, Literal

import attrs
import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from reactivex import operators as rxo
from typing_extensions import TypedDict

from rxagent import Agent, CodeAgent, tool
from rxagent import operators as ops
from rxagent.agents.output import Output
from rxagent.errors import ModelRejected, NoAnswer, ParseError
from rxagent.events import FinalAnswer, Finish, StepFailed, StepRetried, TextDelta
from rxagent.messages import Message, ToolCall
from rxagent.models import OpenAIModel
from rxagent.testing import ScriptedServer
from rxagent.testing.frames import call_chunk, saying, text_chunk
from rxagent.testing.scenarios import Reply

from ..ids import shown

WATCHDOG = 60


@dataclass
class Dish:
    """A dish of a menu."""

    name: str
    price: float = 0.0


@dataclass
class Menu:
    """A menu."""

    title: str
    dishes: list[Dish] = field(default_factory=list)


class Model(BaseModel):
    """A class of pydantic."""

    size: Annotated[int, Field(ge=1)]


class Typed(TypedDict):
    """A typed dict."""

    size: int


@attrs.frozen
class Frozen:
    """A class of attrs."""

    size: int


GOOD = '{"title": "Lunch", "dishes": [{"name": "Soup", "price": 4}]}'
MENU = Menu("Lunch", [Dish("Soup", 4)])


def asking(*turns):
    """Return a model that replies with these turns, and its requests."""
    left, asked = iter(turns), []

    def model(request):
        asked.append(request)
        return next(left)

    return model, asked


def final(value):
    """Return a call of final_answer."""
    return Message("assistant", "", [ToolCall("a", "final_answer", json.dumps({"answer": value}))])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Menu, GOOD, MENU),
        (Menu, f"```json\n{GOOD}\n```", MENU),
        (Menu, f'{{"answer": {GOOD}}}', MENU),
        (Model, '{"size": 2}', Model(size=2)),
        (Typed, '{"size": 2.0}', {"size": 2}),
        (Frozen, '{"size": 2}', Frozen(2)),
        (list[Frozen], '{"answer": [{"size": 2}]}', [Frozen(2)]),
        (list[Dish], '[{"name": "Soup"}]', [Dish("Soup")]),
        (dict[str, Dish], '{"a": {"name": "Soup"}}', {"a": Dish("Soup")}),
        (Literal["red", "green"], '{"answer": "red"}', "red"),
        (Literal["red", "green"], "red\n", "red"),
        (int, '{"answer": 3}', 3),
        (int, "3", 3),
        (str, "Hello", "Hello"),
        (Menu | Typed, '{"answer": {"size": 1}}', {"size": 1}),
    ],
    ids=shown,
)
def test_an_answer_is_a_value_of_its_type(kind, text, value):
    """As text, as a call of final_answer, and as a value of code."""
    model, asked = asking(text)

    answer = Agent(model, output=kind).run("Go", timeout=WATCHDOG)

    assert value == answer
    assert "object" == asked[0].output["type"]
    assert () == asked[0].tools
    if text.startswith(("{", "[")):
        called = json.loads(text)
        assert value == Agent(asking(final(called))[0], output=kind).run("Go", timeout=WATCHDOG)
        assert value == Agent(asking(final(text))[0], output=kind).run("Go", timeout=WATCHDOG)
        code = f"<code>final_answer({called!r})</code>"
        assert value == CodeAgent(asking(code)[0], output=kind).run("Go", timeout=WATCHDOG)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I do not know.", "The answer is not JSON"),
        ('{"title": 3}', "Field title has type 'integer' but should be 'string'"),
        ("{}", "Field title is missing"),
        ('{"title": "a", "dishes": [{"price": 1}]}', r"Field dishes\[0\].name is missing"),
        ('["a"]', "The answer has type 'array' but should be "),
    ],
)
def test_what_does_not_fit_goes_back_to_the_model(text, wrong):
    """The error names the field and the form, and the next turn may also call final_answer."""
    model, asked = asking(text, GOOD)

    run = Agent(model, output=Menu).start("Go")

    assert MENU == run.result(WATCHDOG)
    (failed,) = [event for event in run if isinstance(event, StepFailed)]
    assert re.match(f"ParseError: {wrong}", failed.error)
    assert '"title": string' in failed.error
    assert failed.error.removeprefix("ParseError: ") in asked[1].messages[-1].text
    assert ["final_answer"] == [spec.name for spec in asked[1].tools]
    assert "title" in asked[1].tools[0].parameters["properties"]["answer"]["properties"]


def refusing(words, *turns):
    """Return a model that refuses requests with a schema, and its requests."""
    model, asked = asking(*turns)

    def refuse(request):
        if request.output is not None:
            asked.append(request)
            return rx.throw(ModelRejected(words, status=400))
        return model(request)

    return refuse, asked


@pytest.mark.parametrize(
    "words",
    [
        "m does not support response format `json_schema`",
        "Unknown field: output_config",
        "This model does not support structured outputs",
        "Function calling with a response mime type: 'application/json' is unsupported",
        "json mode cannot be combined with tool/function calling",
        "Circular reference detected in schema definitions: A -> A.",
        "Schema is too complex for compilation",
        "failed to compile the grammar",
    ],
)
def test_a_model_without_structured_output_calls_final_answer(words):
    """A refusal of the schema is answered by a request with the tool, whose argument is typed."""
    model, asked = refusing(words, final({"title": "Lunch"}))

    run = Agent(model, output=Menu).start("Go")

    assert Menu("Lunch") == run.result(WATCHDOG)
    assert [True, False] == [request.output is not None for request in asked]
    assert ["final_answer"] == [spec.name for spec in asked[1].tools]
    assert 1 == len([event for event in run if isinstance(event, StepRetried)])


def test_a_model_without_either_writes_json():
    """A model that takes neither a schema nor tools is asked for text alone."""

    def model(request):
        if request.output is not None:
            return rx.throw(ModelRejected("no response_format here", status=400))
        if request.tools:
            return rx.throw(ModelRejected("no tools here", status=400))
        return rx.of(TextDelta(GOOD))

    assert MENU == Agent(model, output=Menu).run("Go", timeout=WATCHDOG)


def test_a_model_without_tools_that_answered_wrongly():
    """The next request offers final_answer beside the schema; refused, it goes without that."""
    answers = iter(['{"title": 1}', GOOD])
    offered = []

    def model(request):
        offered.append([spec.name for spec in request.tools])
        if request.tools:
            return rx.throw(ModelRejected("gemma3:4b does not support tools", status=400))
        return rx.of(TextDelta(next(answers)))

    assert MENU == Agent(model, output=Menu).run("Go", timeout=WATCHDOG)
    assert [[], ["final_answer"], []] == offered


def test_an_answer_behind_an_announced_call():
    """Some gateways make the answer of a call, and leave its finish reason: it is the answer."""

    def model(request):
        return rx.of(TextDelta(GOOD), Finish("tool_calls"))

    assert MENU == Agent(model, output=Menu, max_steps=1).run("Go", timeout=WATCHDOG)


def test_another_refusal_passes():
    """A request that is refused for another reason is not sent again."""
    model, asked = refusing("the key is wrong")

    with pytest.raises(ModelRejected, match="key is wrong"):
        Agent(model, output=Menu).run("Go", timeout=WATCHDOG)
    assert 1 == len(asked)


@tool
def look(at: str) -> str:
    """Look at something."""
    return f"saw {at}"


def test_tools_come_before_the_answer():
    """A turn that calls tools is no answer; the schema is sent with each request."""
    call = Message("assistant", "", [ToolCall("c", "look", '{"at": "it"}')])
    model, asked = asking(call, GOOD)

    assert MENU == Agent(model, [look], output=Menu).run("Go", timeout=WATCHDOG)
    assert [["look"], ["look"]] == [[spec.name for spec in one.tools] for one in asked]
    assert asked[0].output == asked[1].output


def test_the_tool_alone_answers_if_that_is_wanted():
    """With answer="tool" no schema is sent, and text is no answer."""
    model, asked = asking(GOOD, final({"title": "Lunch"}))

    assert Menu("Lunch") == Agent(model, output=Menu, answer="tool").run("Go", timeout=WATCHDOG)
    assert [None, None] == [request.output for request in asked]
    assert "title" in asked[0].tools[0].parameters["properties"]["answer"]["properties"]


@pytest.mark.parametrize("kind", [Agent, CodeAgent])
def test_the_closing_answer_has_the_type_too(kind):
    """At the step limit the schema is sent without tools; an answer that does not fit is none."""
    model, asked = asking("nothing", GOOD)
    assert MENU == kind(model, output=Menu, max_steps=1).run("Go", timeout=WATCHDOG)
    assert asked[1].output is not None
    assert () == asked[1].tools

    model, _ = asking("nothing", "nothing")
    with pytest.raises(NoAnswer, match="is not JSON"):
        kind(model, output=Menu, max_steps=1).run("Go", timeout=WATCHDOG)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "7.0", 7),
        (int, '{"answer": 7.0}', 7),
        (int, "```json\n7.0\n```", 7),
        (int | str, "7.0", 7),
        (float, "7.0", 7.0),
        (Literal[1, 2], "2.0", 2),
        (dict[str, int], '{"a": 7.0}', {"a": 7}),
        (str, "42", "42"),
        (str, "```\n42\n```", "42"),
        (str, "true", "true"),
        (str, "null", "null"),
        (str | None, "null", None),
        (str | int, "42", 42),
        (Literal["1", "2"], " 1\n", "1"),
    ],
    ids=shown,
)
def test_a_bare_answer(kind, text, value):
    """A whole number may be written as 7.0; what JSON is otherwise may be meant as a text."""
    model, asked = asking(text)
    answer = Agent(model, output=kind).run("?")

    assert (value, type(value), 1) == (answer, type(answer), len(asked))


@pytest.mark.parametrize("text", ["7.5", "true", "null"])
def test_no_other_number_is_an_integer(text):
    """What has no whole value is refused."""
    model, _ = asking(text, "3")

    assert 3 == Agent(model, output=int).run("?")


def test_checks_get_the_value():
    """A check sees an instance, after it fits its type."""
    seen = []

    def check(value, state):
        seen.append(value)
        return len(seen) > 1

    model, _ = asking("no", GOOD, GOOD)
    agent = Agent(model, output=Menu, final_answer_checks=[check])

    assert MENU == agent.run("Go", timeout=WATCHDOG)
    assert [MENU, MENU] == seen


def test_an_answer_that_was_cut_says_so():
    """The length limit is named, so that the model writes less."""
    cut = [TextDelta('{"title": "Lu'), Finish("length")]
    model, asked = asking(rx.from_iterable(cut), GOOD)

    assert MENU == Agent(model, output=Menu).run("Go", timeout=WATCHDOG)
    assert "cut off by the length limit" in asked[1].messages[-1].text


def test_code_is_told_what_is_wrong():
    """The run goes on with the error, and the variables are still there."""
    model, asked = asking(
        "<code>x = 'Lunch'\nfinal_answer(x)</code>", "<code>final_answer({'title': x})</code>"
    )

    assert Menu("Lunch") == CodeAgent(model, output=Menu).run("Go", timeout=WATCHDOG)
    assert "The answer has type 'string' but should be" in asked[1].messages[-1].text
    assert '{"title": string' in asked[0].messages[0].text


def test_the_value_grows_in_the_run():
    """`partial` and `sealed_at` read the answer of an agent, however the model gives it."""
    for reply in (rx.from_iterable(map(TextDelta, GOOD)), final(json.loads(GOOD))):
        model, _ = asking("Let me see.", reply)
        values, parts = [], []
        agent = Agent(model, output=Menu)
        stream = agent("Go").pipe(
            ops.watch(lambda event: None),
            ops.branch(ops.partial(Menu), ops.sealed_at("dishes[*]", Dish)),
        )
        stream.pipe(rxo.filter(lambda item: isinstance(item, Menu | Dish))).subscribe(
            lambda item, values=values, parts=parts: (
                values if isinstance(item, Menu) else parts
            ).append(item)
        )
        wait_for(lambda values=values: values[-1:] == [MENU])

        assert [Dish("Soup", 4)] == parts


def wait_for(condition):
    """Wait until something is so."""
    deadline = time.monotonic() + WATCHDOG
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_an_agent_with_an_output_is_a_value():
    """It shows its type, and its pickle answers alike."""
    agent = pickle.loads(pickle.dumps(Agent(OpenAIModel("gpt-5-mini"), output=Menu)))

    assert Menu is agent.output
    assert Agent(OpenAIModel("gpt-5-mini")).output is None


@pytest.mark.parametrize("wrong", [5, "Menu", Agent, lambda: 1, rx.of(1), list[rx.Observable]])
def test_a_type_that_json_cannot_express_is_refused(wrong):
    """The error comes when the agent is built, and lists what may be written."""
    with pytest.raises(TypeError, match="output must be a type that JSON can express"):
        Agent(asking()[0], output=wrong)


def structured(body):
    """Answer 400 to a schema of the small model; else keep to it."""
    if "response_format" not in body:
        return saying(body, [call_chunk(0, *final_call(body))], "tool_calls")
    if body["model"] == "small":
        error = {"message": "response_format is not supported", "type": "invalid_request_error"}
        return [Reply(400, {"error": error})]
    return saying(body, [text_chunk(GOOD[:20]), text_chunk(GOOD[20:])])


def final_call(body):
    """Return what a call of final_answer is made of."""
    assert "title" in json.dumps(body["tools"])
    return "call_1", "final_answer", json.dumps({"answer": json.loads(GOOD)})


def test_a_real_request_has_the_schema(monkeypatch):
    """The SDK sends it over a socket; a server that refuses it gets the tool instead."""
    with ScriptedServer() as server:
        for name in ("large", "small"):
            server.scenario(name, structured)
            model = OpenAIModel(name, api_base=server.url, api_key="scripted")
            events = []
            run = Agent(model, output=Menu).start("Go", attach=[events.append])
            assert MENU == run.result(WATCHDOG)
            assert [MENU] == [event.value for event in run if isinstance(event, FinalAnswer)]


@dataclass
class Command:
    """A command."""

    name: str
    risk: int


@dataclass
class Person:
    """A person."""

    name: str


@dataclass
class Plan:
    """A type whose fields all have defaults."""

    size: int = 0
    parts: list["Plan"] = field(default_factory=list)


class Sized(TypedDict, total=False):
    """A typed dict without required fields."""

    size: int


INNER = st.sampled_from(['{"size": 3}', '{"title": "Lunch"}', '[{"size": 3}]', "{}", '"x"'])


@given(INNER, st.sampled_from(["error", "example", "result", "a b"]), st.booleans())
def test_the_answer_is_the_whole_of_the_text(inner, name, is_list):
    """An object that does not fit is no answer, whatever it holds; the error names its fields."""
    text = f'{{"{name}": {inner}}}'
    for kind in (Menu, Model, Plan, Sized, Frozen, Plan | Model, Plan | None):
        with pytest.raises(ParseError, match=r"The answer|Field") as raised:
            Output.of(kind).read_text(f"[{text}]" if is_list else text, "stop")
        assert "of the form" in str(raised.value)
    with pytest.raises(ParseError, match=r"has none of the fields of its type"):
        Output.of(list[Plan]).read_text(f'[{{"size": 1}}, {text}]', "stop")
    with pytest.raises(ParseError, match=rf"at \['parts'\]\[0\] has none .* but {name}"):
        Output.of(Plan).read_text(f'{{"parts": [{text}]}}', "stop")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Plan, '{"answer": {"size": 3}}', Plan(3)),
        (Plan | Model, '{"answer": {"size": 3, "parts": []}}', Plan(3)),
        (Plan | None, '{"answer": {"size": 3}}', Plan(3)),
        (Sized, '{"answer": {"size": 3}}', {"size": 3}),
        (Plan, '{"size": 3, "example": {"size": 4}}', Plan(3)),
        (Plan, "{}", Plan()),
        (dict[str, int] | None, '{"answer": {"a": 3}}', {"a": 3}),
        (dict[str, Plan], '{"error": {"size": 3}}', {"error": Plan(3)}),
    ],
    ids=shown,
)
def test_the_form_that_was_asked_for_comes_first(kind, text, value):
    """A type of defaults does not take the object around the answer for an empty answer."""
    assert value == Output.of(kind).read_text(text, "stop")


def test_an_answer_may_look_like_a_call():
    """An object of the type is the answer, also if it names a tool; a call is still a call."""
    looks = '{"name": "look", "arguments": {"at": "it"}}'
    answer = Agent(asking('{"name": "look", "risk": 9}')[0], [look], output=Command).run("Go")
    assert Command("look", 9) == answer

    model, asked = asking(looks, '{"name": "Ann"}')
    assert Person("Ann") == Agent(model, [look], output=Person).run("Go", timeout=WATCHDOG)
    assert "Result of look:\nsaw it" == asked[1].messages[-1].text
