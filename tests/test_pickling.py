"""What travels to another process, and what is said of what cannot."""

import copy
import functools
import pickle
import subprocess
import sys
import threading
from functools import partial

import openai
import pytest
import reactivex as rx

from rxagent import Agent, Message, Request, State, ToolCall, models, operators, tool
from rxagent.errors import ModelRejected
from rxagent.events import Finish, RunStarted, StepStarted, TextDelta, ToolCallDelta
from rxagent.messages import ToolSpec
from rxagent.models import AmazonBedrockModel, AzureOpenAIModel, OpenAIModel, as_model
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel
from rxagent.tools import Toolbox

from .ids import shown

WATCHDOG = 60


def sent(value, protocol=pickle.HIGHEST_PROTOCOL):
    """Return a value as another process would get it."""
    return pickle.loads(pickle.dumps(value, protocol))


@tool
def add(a: int, b: int = 1) -> int:
    """Return the sum of two integers."""
    return a + b


def double(n: int) -> int:
    """Return twice n."""
    return 2 * n


def multiply(a: int, b: int) -> int:
    """Return the product."""
    return a * b


def connect():
    """Return a client."""
    return openai.DefaultAsyncHttpxClient()


def shouting(function):
    """Return a function that says all in capitals."""

    @functools.wraps(function)
    def shout(*args, **kwargs):
        return function(*args, **kwargs).upper()

    return shout


@shouting
def greet(name: str) -> str:
    """Greet a person."""
    return f"hello {name}"


def parrot(request):
    """Say the last message again."""
    return request.messages[-1].text


async def slow_parrot(request):
    """Say the last message again, asynchronously."""
    yield TextDelta(request.messages[-1].text)


def is_short(value, state):
    """Tell whether an answer is short."""
    return len(value) < 1000


class Bank:
    """A bank."""

    def __init__(self, **held):
        self.held = held

    def balance(self, account: str) -> int:
        """Return what is on an account."""
        return len(account)

    def __call__(self, account: str) -> int:
        """Return what is on an account."""
        return len(account)


VALUES = [
    Request("hi", [add.spec], ["x"], {"type": "object"}, {"extra": {"deep": [1]}}),
    ToolSpec("a", "b", {"type": "object", "required": ["a"]}),
    Message("assistant", "hi", [ToolCall("c", "add", "{}")]),
    fold_all(
        State(),
        [RunStarted("t", "a"), StepStarted(1), TextDelta("a"), ToolCallDelta(0, "c", "add", "{")],
    ),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_values_travel(value, protocol):
    """Requests, specs, messages and states are equal when they were pickled or copied."""
    assert value == sent(value, protocol) == copy.deepcopy(value) == copy.copy(value)


def test_what_has_travelled_is_still_frozen():
    """A request's options cannot be changed in another process either."""
    for twin in (sent(VALUES[0]), copy.deepcopy(VALUES[0])):
        for change in (
            lambda twin=twin: twin.options.update(a=1),
            lambda twin=twin: twin.options["extra"]["deep"].append(2),
            lambda twin=twin: twin.output.clear(),
            lambda twin=twin: twin.tools[0].parameters["properties"].clear(),
        ):
            with pytest.raises(TypeError, match="cannot be changed"):
                change()


# Tools


def test_a_tool_at_the_top_of_a_module_goes_by_its_name():
    """A decorated function is the same tool where its module can be imported."""
    assert add is sent(add)


@pytest.mark.parametrize(
    "made",
    [
        tool(double, name="twice", description="Twice.", timeout=3.0),
        tool(add, name="plus", timeout=2.0),
        tool(greet),
        tool(partial(multiply, 1), name="same"),
        tool(Bank().balance),
        tool(Bank(), name="bank"),
    ],
    ids=lambda made: made.name,
)
def test_any_other_tool_goes_by_its_parts(made):
    """Name, description, time-out, parameters and function are those of the tool that was sent."""
    twin = sent(made)

    assert (made.spec, made.timeout) == (twin.spec, twin.timeout)
    assert type(made.function) is type(twin.function)


def test_a_tool_s_function_is_found_behind_the_tool():
    """What is made of a decorated function's own function has that function again."""
    assert add.function is sent(tool(add, name="plus")).function
    assert sent(Toolbox([add])).tools == (add,)


def test_tools_agents_and_models_are_copied_as_functions_are():
    """They hold nothing of a run, so a copy is the same object, whatever they are made of."""
    lock = threading.Lock()
    bank = tool(Bank(lock=lock).balance)
    model = as_model(lambda request: "hi")
    scripted = ScriptedModel([rx.of(TextDelta("hi"))])
    agent = Agent(model, tools=[bank], final_answer_checks=[lambda value, state: True])

    for thing in (bank, model, agent, scripted, operators.fallback(model, scripted)):
        assert thing is copy.copy(thing) is copy.deepcopy(thing)


def local_tool():
    """Return a tool that no other process can find."""

    @tool
    def hidden(a: int) -> int:
        """Return a."""
        return a

    return hidden


def shadowed(a: int) -> int:
    """Return a."""
    return a


SHADOWED = tool(shadowed)
shadowed = None


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (local_tool(), r"The tool 'hidden' .* 'hidden' is defined within .* 'local_tool'"),
        (
            tool(lambda: 1, name="one", description="One."),
            r"The tool 'one' .* its function is a lambda",
        ),
        (SHADOWED, r"The tool 'shadowed' .* is not the object named tests?\S*\.shadowed"),
        (tool(Bank(lock=threading.Lock()).balance), r"The tool 'balance' .* its function, .*lock"),
        (
            tool(Bank(lock=threading.Lock()), name="bank"),
            r"The tool 'bank' .* its function, .*lock",
        ),
        (
            tool(partial(local_tool().function, 1), name="part"),
            r"The tool 'part' .* its function, .*hidden",
        ),
        (as_model(lambda request: "hi"), r"The model <lambda> .* its function is a lambda"),
        (OpenAIModel("m", http_client=lambda: 1), r"OpenAIModel\('m'\) .* its http_client is a l"),
        (OpenAIModel("m", lock=threading.Lock()), r"OpenAIModel\('m'\) .* an option, .* lock"),
        (
            AzureOpenAIModel("m", azure_ad_token_provider=lambda: "key"),
            r"AzureOpenAIModel\('m'\) .* an argument of its client, ",
        ),
        (
            ScriptedModel(["hi", rx.of(TextDelta("hi"))]),
            r"A ScriptedModel of 2 turns .* its turn 2, .*Observable",
        ),
        (
            operators.fallback(parrot, lambda request: rx.empty()),
            r"The model fallback\(.* one of its models is a lambda",
        ),
        (
            Agent(parrot, name="Ann", final_answer_checks=[lambda value, state: True]),
            r"The agent 'Ann' .* its check is a lambda",
        ),
        (Agent(lambda request: "hi", name="Ann"), r"The model <lambda> .* is a lambda"),
        (Agent(parrot, tools=[local_tool()]), r"The tool 'hidden' .* within"),
        (
            Agent(parrot, tools=[Agent(parrot, tools=[local_tool()], name="B", description="B")]),
            r"The tool 'hidden' .* within",
        ),
    ],
)
def test_what_cannot_travel_is_named(thing, reason):
    """The error says which tool, model or agent it is, which part, why, and what to do."""
    with pytest.raises(pickle.PicklingError, match=reason) as caught:
        pickle.dumps(thing)

    assert "at the top of a module" in str(caught.value)
    assert str(caught.value) == str(sent(caught.value))


def test_a_client_that_was_given_is_named():
    """A model with an open client says so; a copy of the model shares the client."""
    client = openai.DefaultAsyncHttpxClient()
    model = OpenAIModel("m", http_client=client)

    with pytest.raises(pickle.PicklingError, match=r"OpenAIModel\('m'\) .* its http_client"):
        pickle.dumps(Agent(model))
    for twin in (copy.copy(model), copy.deepcopy(model)):
        assert (twin.model_id, twin._http_client) == ("m", client)
        assert twin is not model


# Models and agents


@pytest.mark.parametrize(
    "model",
    [
        OpenAIModel("m", api_key="k", api_base="http://localhost/v1", seed=1, stream=False),
        AzureOpenAIModel("m", azure_endpoint="http://localhost", api_version="1", api_key="k"),
        OpenAIModel("m", http_client=connect),
        AmazonBedrockModel("m", client_kwargs={"region_name": "us-east-1"}, temperature=0),
        models.AnthropicModel("m", api_key="k", max_tokens=5),
        models.InferenceClientModel("m", token="k", seed=1),
        models.LiteLLMModel("openai/m", api_key="k", temperature=0),
    ],
    ids=shown,
)
def test_a_provider_s_model_keeps_its_settings(model):
    """What a model was made with is what its twin asks with."""
    assert vars(model) == vars(sent(model)) == vars(copy.deepcopy(model))


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (parrot, "say"),
        (slow_parrot, "say"),
        (as_model(parrot), "say"),
        (ScriptedModel(["one"]), "one"),
        (ScriptedModel([[TextDelta("t"), TextDelta("wo"), Finish("stop")]]), "two"),
        (
            operators.fallback(ScriptedModel([ModelRejected("no")]), ScriptedModel(["yes"])),
            "yes",
        ),
        (operators.hedge(ScriptedModel(["yes"]), ScriptedModel(["no"]), after=9.0), "yes"),
        (operators.race(ScriptedModel(["yes"])), "yes"),
        (
            ScriptedModel(["yes"]).pipe(
                operators.rate_limit(requests=9, per=2.5),
                operators.budget(tokens=99),
                operators.concurrency(2),
                operators.guard(str.isascii, replace="-"),
            ),
            "yes",
        ),
    ],
    ids=shown,
)
def test_an_agent_answers_as_before(model, answer):
    """An agent that was sent asks the same model."""
    assert answer == sent(Agent(model)).run("say", timeout=WATCHDOG)


def test_an_agent_keeps_all_it_was_made_with():
    """Each setting of an agent is that of its twin, and a managed agent is one again."""
    inner = Agent(parrot, name="inner", description="Say it again.")
    agent = Agent(
        ScriptedModel(["one"]),
        tools=[add, inner],
        instructions="Be short.",
        max_steps=3,
        name="outer",
        description="Do all.",
        final_answer_checks=[is_short],
        answer="tool",
        eager=["add"],
        options={"seed": 1},
    )
    twin = sent(agent)

    for name in ("name", "description", "instructions", "max_steps", "options", "_eager"):
        assert getattr(agent, name) == getattr(twin, name)
    assert agent.tools.specs == twin.tools.specs
    assert (is_short,) == twin._step.checks
    assert (False, True) == (twin._step.text_answers, twin._step.eager("add"))
    assert not twin._step.eager("inner")
    assert "inner" == sent(inner.as_tool()).function.__self__.name


PROGRAM = '''
import multiprocessing
from rxagent import Agent, Message, ToolCall, tool
from rxagent.state import fold_all
from rxagent.testing import ScriptedModel

@tool
def add(a: int, b: int) -> int:
    """Return the sum."""
    return a + b

def model(request):
    if request.messages[-1].role == "tool":
        return f"It is {request.messages[-1].text}."
    return Message("assistant", tool_calls=[ToolCall("c", "add", '{"a": 2, "b": 3}')])

def ask_inner(request):
    if request.messages[-1].role == "tool":
        return request.messages[-1].text
    return Message("assistant", tool_calls=[ToolCall("c", "inner", '{"task": "2 + 3?"}')])

inner = Agent(model, tools=[add], name="inner", description="Add.")

def work(agent, state, queue):
    run = agent.start("What is 2 + 3?", state=state)
    queue.put((run.result(60), run.state))

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    outer = Agent(ask_inner, tools=[inner.as_tool()])
    first = inner.start("Hi")
    first.result(60)
    queue = context.Queue()
    for agent, state in ((inner, first.state), (outer, None)):
        process = context.Process(target=work, args=(agent, state, queue))
        process.start()
        answer, state = queue.get(timeout=50)
        process.join(60)
        print(answer, len(state.steps), process.exitcode)
'''


def test_an_agent_runs_in_a_spawned_process(tmp_path):
    """Agents, their tools, models and states go to a process that was spawned, and come back."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=2 * WATCHDOG, check=False
    )

    assert ("It is 5. 4 0\nIt is 5. 2 0\n", "", 0) == (done.stdout, done.stderr, done.returncode)
