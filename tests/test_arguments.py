"""A wrong argument is refused where it is given, with what is wrong and what to write."""

import re
from datetime import timedelta
from inspect import isclass, isfunction, signature

import pytest
import reactivex as rx
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

import rxagent
from rxagent import Agent, Image, Message, Request, State, ToolCall, arguments, tool
from rxagent import operators as ops
from rxagent.events import TextDelta, ToolStarted, Usage
from rxagent.models import OpenAIModel, as_model, resolve
from rxagent.operators._models import Model, ModelOperator
from rxagent.subscribers import on
from rxagent.testing import ScriptedModel

model = ScriptedModel(["Hello"])


def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


async def later(request):
    """Answer, but not by a stream."""
    return "Hello"


agent_of_a_model = Agent(model)

AGENTS = [
    (lambda: Agent(None), "None is no model: give a name like 'openai:gpt-5-mini'"),
    (lambda: Agent(OpenAIModel), r"OpenAIModel is a class: make a model of it, OpenAIModel\("),
    (lambda: Agent(Agent(model)), "is no model: give a name"),
    (lambda: Agent(lambda: "Hello"), "is no model: .* a function that takes a Request"),
    (lambda: Agent(model, add), r"tools must be a list of tools, not add\. Write tools=\[\.\.\.\]"),
    (
        lambda: Agent(model, tool(add)),
        r"tools must be a list .* Write tools=\[\.\.\.\], also for one",
    ),
    (lambda: Agent(model, tools=None), "tools must be a list of tools, not None"),
    (lambda: Agent(model, tools="add"), "tools must be a list of tools, not 'add'"),
    (lambda: Agent(model, tools={"add": add}), "tools must be a list of tools, not {'add': "),
    (lambda: Agent(model, tools=rx.of(add)), "tools must be a list of tools, not a stream"),
    (lambda: Agent(model, [None]), "None is not a function"),
    (
        lambda: Agent(model, managed_agents=Agent(model)),
        "managed_agents must be a list of",
    ),
    (
        lambda: Agent(model, final_answer_checks=add),
        "final_answer_checks must be a list",
    ),
    (lambda: Agent(model, final_answer_checks=["x"]), "a list of functions; 'x' is not one"),
    (lambda: Agent(model, instructions=["Be kind."]), "instructions must be a str, not "),
    (lambda: Agent(model, name=5), "name must be a str, not 5"),
    (lambda: Agent(model, options=["x"]), r"options must be a dict, not \['x'\]"),
    (lambda: Agent(model, [add], eager="add"), "eager must be a list of tools' names, not 'add'"),
    (lambda: Agent(model, [add], eager=["ad"]), r"eager names 'ad', .* Did you mean add\?"),
    (lambda: Agent(model, answer="txt"), "answer must be 'text' or 'tool', not 'txt'"),
    (
        lambda: Agent(model, max_steps="3"),
        "max_steps must be a number of steps, .* not '3'",
    ),
    (
        lambda: Agent(model, max_steps=2.5),
        "max_steps must be a number of steps, .* not 2.5",
    ),
    (
        lambda: Agent(model, max_steps=True),
        "max_steps must be a number of steps, .* not True",
    ),
    (lambda: Agent(model, max_steps=-1), "max_steps must be a number of steps, 0 or more, not -1"),
    (lambda: Agent(model, tool=[add]), r"Agent takes no tool=\. Did you mean tools\?"),
    (lambda: Agent(model, max_step=3), "Did you mean max_steps"),
    (lambda: Agent(model, instruction="x"), "Did you mean instructions"),
    (lambda: Agent(model, system_prompt="x"), r"no system_prompt=\. Write .* in `instructions=`"),
    (
        lambda: Agent(model, prompt_templates={}),
        r"no prompt_templates=\. Write `prompts={\"system\"",
    ),
    (lambda: Agent(model, temperature=0), r"temperature=\. Pass provider parameters in `options="),
]

RUNS = [
    (lambda: Agent(model).run(["x"]), r"task must be a str, not \['x'\]"),
    (lambda: Agent(model).run(5), "task must be a str, not 5"),
    (lambda: Agent(model)(None), "task must be a str, not None"),
    (lambda: Agent(model)("x", state={}), r"state must be a State, as run\.state or .*, not {}"),
    (
        lambda: Agent(model).run("x", state=Agent(model).start("x")),
        r"state must be a State, as run\.state or .*, not a run\.",
    ),
    (lambda: Agent(model)("x", images=["https://x.example"]), r"Image, as Image\(url\)"),
    (lambda: Agent(model)("x", additional_args=[1]), "additional_args must be a dict, not "),
    (lambda: Agent(model)("x", image=[]), r"A run takes no image=\. Did you mean images\?"),
    (lambda: Agent(model).run("x", stream=True), "Everything streams"),
    (lambda: Agent(model).run("x", reset=False), "pass `state=run.state` to continue"),
    (lambda: Agent(model)("x", attach=[print]), r"agent\.start\(task, attach="),
    (lambda: Agent(model).run("x", timeout="3"), "timeout must be a number of seconds, 0 or more"),
    (lambda: Agent(model).run("x", timout=3), r"A run takes no timout=\. Did you mean timeout\?"),
    (lambda: Agent(model).run("x", attach=[print]), r"agent\.start\(task, attach="),
    (lambda: Agent(model).start("x", atach=[]), r"A run takes no atach=\. Did you mean attach\?"),
    (lambda: Agent(model).start("x", timeout=3), r"result\(timeout="),
    (
        lambda: Agent(model).start("x", attach=print),
        "attach must be a list of observers, not pr",
    ),
]

MESSAGES = [
    (
        lambda: Message("usr", "x"),
        "role must be 'system', 'user', .* or 'tool', not 'usr'",
    ),
    (lambda: Message("user", content="x"), r"A message takes no content=\. Write text=\."),
    (lambda: Message("user", image=[]), r"A message takes no image=\. Did you mean images\?"),
    (lambda: Message("user", None), "text must be a str, not None"),
    (lambda: Message("assistant", tool_calls=ToolCall("c", "add")), "tool_calls must be a list of"),
    (lambda: Message("assistant", tool_calls=["x"]), "a list of ToolCall; 'x' is not one"),
    (lambda: Message("user", images=Image("data:,")), r"Write images=\[\.\.\.\], also for one"),
    (
        lambda: ToolCall("c", "add", {"a": 1}),
        r"arguments must be JSON, as json\.dumps re.*, not {",
    ),
    (lambda: ToolCall(1, "add"), "id must be a str, not 1"),
    (
        lambda: Image("cat.png"),
        r"'cat\.png' is not a URL\. For a file, write Image\.from_path\('cat",
    ),
    (lambda: Image(r"C:\cat.png"), "is not a URL"),
    (lambda: Request(None), "messages must be a list of Message"),
    (lambda: Request([{"role": "user"}]), r"Message, as Message\('user', 'Hello'\); {'role'"),
    (lambda: Request("x", tools=[add]), r"ToolSpec, as `tool\(function\)\.spec` is; add is not"),
    (lambda: Request("x", stop=5), "stop must be a list of texts, not 5"),
    (lambda: Request("x", options="hot"), "options must be a dict, not 'hot'"),
    (lambda: State.from_messages("x"), "messages must be a list of Message, not 'x'"),
    (
        lambda: State.from_messages([{"role": "user"}]),
        "of Message; {'role': 'user'} is not one",
    ),
]

OPERATORS = [
    (lambda: ops.retry(0), "attempts must be a number of requests, 1 or more, not 0"),
    (lambda: ops.retry(2.5), "attempts must be a number of requests, .* not 2.5"),
    (lambda: ops.retry(2, midstream="yes"), "midstream must be True or False, not 'yes'"),
    (lambda: ops.fallback(model, midstream=5), "midstream must be True or False, not 5"),
    (lambda: ops.retry(2, delay=-1), "delay must be a number of seconds, 0 or more, not -1"),
    (
        lambda: ops.retry(2, max_delay=float("nan")),
        "max_delay must be a number .* not nan",
    ),
    (lambda: ops.retry(2, on=KeyError()), "on must be a list of types of errors, not KeyError"),
    (lambda: ops.rate_limit(), r"No limit is given: write rate_limit\(requests=60\), or tokens="),
    (lambda: ops.rate_limit(0), "requests must be a number of requests, 1 or more, not 0"),
    (lambda: ops.rate_limit(tokens=2.5), "tokens must be a number of tokens, .* not 2.5"),
    (lambda: ops.rate_limit(1, per=0), "per must be a number of seconds, above 0, not 0"),
    (lambda: ops.concurrency(0), "limit must be a number of requests, 1 or more, not 0"),
    (lambda: ops.concurrency(2)(rx.of(1)), "takes a model, since it reads requests, not a stream"),
    (lambda: ops.budget(), r"No limit is given: write budget\(tokens=100_000\), or another one"),
    (lambda: ops.budget(tokens=-1), "tokens must be a number of tokens, 0 or more, not -1"),
    (lambda: ops.budget(seconds=0), "seconds must be a number of seconds, above 0, not 0"),
    (lambda: ops.budget(ledger=5), "ledger must be a Ledger, not 5"),
    (lambda: ops.budget(usd=1, prices={"x": 1}), "a Price for each, as .*'x': 1 is not"),
    (
        lambda: ops.guard("openai:x"),
        r"a function of a sentence, or a model, not 'openai:x'\. For a",
    ),
    (lambda: ops.guard(str.isascii, replace=5), "replace must be a str, not 5"),
    (lambda: ops.timeout(), r"No time is given: write timeout\(idle=20\)"),
    (lambda: ops.timeout(first=0), "first must be a number of seconds, above 0, not 0"),
    (lambda: ops.timeout(timedelta(seconds=1)), "idle must be a number .* not datetime.timedelta"),
    (lambda: ops.stop_at([5]), "words must be a list of texts; 5 is not one"),
    (lambda: ops.of_type("TextDelta"), r"of_type takes types, as of_type\(.* not 'TextDelta'"),
    (lambda: ops.of_type(TextDelta("x")), "of_type takes types, .* not TextDelta"),
    (lambda: ops.branch(5), r"branch takes operators, as branch\(ops\.usage\(\)\), not 5"),
    (lambda: ops.normalise("1"), "step must be the number of a step, 0 or more, not '1'"),
    (lambda: ops.parse_calls("add"), "tools must be a list of tools' names, not 'add'"),
    (lambda: ops.stamp(5), "run must be a str, not 5"),
    (lambda: ops.hedge(model, after=-1), "after must be a number of seconds, 0 or more, not -1"),
    (lambda: ops.fallback("openai:x", model), r"name of a model\. Write resolve\('openai:x'\)"),
    (lambda: ops.race([model, model]), "is no model, which is called with a Request. Several are"),
    (lambda: ops.race(OpenAIModel), "OpenAIModel is no model"),
    (lambda: ops.record(5), "path must be the name of a file, not 5"),
    (lambda: ops.record("x.jsonl")("openai:x"), "takes a model, since it reads requests, not 'op"),
    (lambda: ops.recorded(model), "path must be the name of a file, not ScriptedModel"),
    (lambda: ops.recorded("x.jsonl", speed=0), "speed must be how many times .* above 0, not 0"),
    (lambda: ops.fallback(later), r"later does not return an Observable .* Write as_model\("),
]

MODELS = [
    (lambda: resolve(None), "The name of a model must be a str, not None"),
    (lambda: resolve("openai:x", apikey="y"), r"A model takes no apikey=\. Did you mean api_key\?"),
    (lambda: OpenAIModel(5), "model_id must be a str, not 5"),
    (lambda: OpenAIModel("x", base_url="http://x"), "Write `api_base="),
    (lambda: OpenAIModel("x", api_base="localhost:80"), "api_base is a URL such as http://.* not"),
    (lambda: OpenAIModel("x", api_base="http://a/v1?b=1"), "no query: .*'default_query'"),
    (lambda: OpenAIModel("x", api_base="http://a/v1?key=b"), r"not 'http://a/v1\?key=\[secret\]'"),
    (lambda: OpenAIModel("x", client_kwargs=[]), r"client_kwargs must be a dict, not \[\]"),
    (lambda: OpenAIModel("x")(5), "messages must be a list of Message"),
    (lambda: as_model(5), "5 is no model"),
    (lambda: tool(add, timeout="3"), "timeout must be a number of seconds, above 0, not '3'"),
    (lambda: tool(add, name=5), "name must be a str, not 5"),
    (lambda: tool(add, description=5), "description must be a str, not 5"),
]


SUBSCRIBERS = [
    (
        lambda: on("ToolStarted", print),
        r"as on\(ToolStarted, print\), not 'ToolStarted' and print\.",
    ),
    (
        lambda: on(print, ToolStarted),
        r"on takes a class of events and a function.* not print and T",
    ),
    (lambda: on(ToolStarted, "x"), "not ToolStarted and 'x'"),
]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [*AGENTS, *RUNS, *MESSAGES, *OPERATORS, *MODELS, *SUBSCRIBERS],
    ids=lambda case: "",
)
def test_a_wrong_argument_is_refused_at_the_call(wrong, sentence):
    """Nothing has to run for the error, which says what is wrong and what to write."""
    with pytest.raises((TypeError, ValueError), match=sentence):
        wrong()


OF_MODELS = {
    name
    for name in ops.__all__
    if signature(getattr(ops, name), eval_str=True).return_annotation in (Model, ModelOperator)
} | {"recorded"}
OF_ANY_OBSERVER = {"watch"}


@pytest.mark.parametrize("name", sorted({*ops.__all__} - OF_MODELS - OF_ANY_OBSERVER))
def test_an_operator_without_its_brackets_is_refused(name):
    """What is piped uncalled takes the stream for its argument, and says so."""
    with pytest.raises((TypeError, ValueError), match=r"not a stream \(was an operator piped with"):
        rx.of(TextDelta("x")).pipe(getattr(ops, name))


ARGUMENTS = {
    "branch": (ops.text(),),
    "budget": (1000,),
    "guard": (str.isascii,),
    "of_type": (TextDelta,),
    "partial": (dict,),
    "retry": (3,),
    "sealed_at": ("items[*].url",),
    "stop_at": ("END",),
    "timeout": (20,),
}


@pytest.mark.parametrize("name", sorted({*ops.__all__} - OF_MODELS))
@pytest.mark.parametrize("wrong", [model, later, agent_of_a_model, 5, None, [TextDelta("x")]])
def test_an_operator_says_that_it_takes_a_stream(name, wrong):
    """What is given a model, an agent or a list says what to write, before anything is asked."""
    operator = getattr(ops, name)(*ARGUMENTS.get(name, ()))
    written = rf"ops\.{name}\((\.\.\.)?\)"

    with pytest.raises(TypeError, match=f"^{written} takes a stream, not ") as refused:
        operator(wrong)

    places = r"(agent\(task\)|model|model\(request\))"
    assert re.search(rf" Write `{places}\.pipe\({written}\)`", str(refused.value))


def test_an_operator_that_takes_nothing_says_how_it_is_written():
    """An argument given to an operator that takes none is answered with its name and brackets."""
    with pytest.raises(TypeError, match=r"ops\.text takes nothing: write ops\.text\(\), not 5\."):
        ops.text(5)


def test_what_is_right_is_left_alone():
    """Values at the edges of what is allowed pass, and lists come in any form."""
    agent = Agent(model, (add for _ in "x"), max_steps=0, eager={"add"}, options={"seed": 1})

    assert {"seed": 1} == agent.options
    assert "add" in agent.tools
    assert ops.retry(1, delay=0, max_delay=0, on=ValueError)
    assert ops.retry(2, on=[ValueError, KeyError])
    assert ops.timeout(total=0.001)
    assert ops.of_type(TextDelta | Usage)
    assert ops.stop_at("one word")
    assert OpenAIModel("x", store=True, stream_options={})
    assert State() == State.from_messages([])


def test_a_long_argument_is_shown_short():
    """A sentence is not flooded by what is wrong."""
    with pytest.raises(TypeError, match=r"^name must be a str, not \[0, 1.*…\.$") as refused:
        arguments.text("name", list(range(1000)))

    assert 110 > len(str(refused.value))


def test_a_check_is_a_validator():
    """The checks of functions are those of attrs classes, and name the field."""

    @frozen
    class Cup:
        size: int = field(validator=arguments.valid(arguments.number, least=1, what="a volume"))

    assert 3 == Cup(3).size
    with pytest.raises(ValueError, match=re.escape("size must be a volume, 1 or more, not 0.")):
        Cup(0)


def public_callables():
    """Yield what a user calls: the functions, classes and public methods of the package."""
    for name in sorted({*rxagent.__all__} - {"Tool"}):  # which is made by `tool`
        value = getattr(rxagent, name)
        if callable(value):
            yield name, value
        if isclass(value):
            yield from (
                (f"{name}.{method}", function)
                for method, function in vars(value).items()
                if isfunction(function) and (method[0] != "_" or method == "__call__")
            )


@pytest.mark.parametrize(("name", "value"), list(public_callables()), ids=lambda case: "")
def test_help_shows_only_what_can_be_given(name, value):
    """No signature shows a parameter that takes nothing."""
    refused = [each for each in signature(value).parameters.values() if "Never" in str(each)]

    assert [] == refused, name


@given(st.text(), st.integers(1, 100))
def test_a_text_is_cut_at_its_limit(text, limit):
    """A text within the limit stays; a longer one begins alike, and has the limit's length."""
    short = arguments.shorten(text, limit)

    assert min(len(text), limit) == len(short)
    assert short == text or (text.startswith(short[:-1]) and short.endswith("…"))


def test_a_count_agrees_with_its_noun():
    """One alone is singular; all other counts are plural."""
    assert ["0 steps", "1 step", "2 steps"] == [arguments.plural(n, "step") for n in range(3)]


def test_a_similar_word_is_suggested():
    """The nearest of the known words is suggested, none when nothing is similar."""
    assert " Did you mean tools?" == arguments.did_you_mean("tool", ["model", "tools"])
    assert "" == arguments.did_you_mean("x", ["model", "tools"])
    assert "" == arguments.did_you_mean(5, ["model"])


def test_an_extending_function_shows_what_it_passes_on():
    """Its signature has its own parameters first, then the keywords of the other one."""

    def base(model, *, name="agent", steps=20, answer="text"):
        """Do something."""

    @arguments.extending(base, without=["answer"])
    def more(model, tools=(), *, steps=5, code=True, **others):
        """Do more."""

    assert "(model, tools=(), *, steps=5, code=True, name='agent')" == str(signature(more))
