"""The page for users of smolagents: each of its rows is true, and no name of theirs is missing."""

import importlib
import inspect
import io
import json
import re
from collections.abc import Sized
from contextlib import redirect_stderr
from operator import attrgetter
from pathlib import Path

import pytest
import reactivex as rx
from reactivex import operators as rxo

import rxagent
from rxagent import (
    Agent,
    Message,
    State,
    Tool,
    ToolCall,
    attributes,
    dropped,
    events,
    fold,
    subscribers,
    tool,
    wire,
)
from rxagent import operators as ops
from rxagent.agents import CodeAgent, hints
from rxagent.agents.runnable import Runnable
from rxagent.executors import ProcessExecutor, SandboxExecutor
from rxagent.executors.protocol import NOT_OF_EXECUTORS
from rxagent.models import Model, as_model, options
from rxagent.testing import ScriptedModel, VirtualScheduler

PAGE = Path(__file__).parents[1] / "docs" / "coming-from-smolagents.md"
TEXT = re.sub(r"\[(.+?)\]\(\S+?\)", r"\1", PAGE.read_text(encoding="utf-8"))
"""The page, with its links as plain text, as errors have them."""
SAME = "the same"

NOT_YET = {"planning_interval"} - inspect.signature(Agent).parameters.keys()
"""Arguments on the page that no agent takes yet."""


def table(heading):
    """Return the rows of the table below a heading: theirs, ours."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", section, re.MULTILINE)
    assert rows[0] == ("smolagents", "here")
    return [(theirs.strip("`"), ours) for theirs, ours in rows[1:]]


def keywords(heading):
    """Return the rows of a table of arguments, without the `=` of their names."""
    return [(theirs.removesuffix("="), ours) for theirs, ours in table(heading)]


def raised_by(error, act):
    """Return the text of the error that something raises."""
    with pytest.raises(error) as found:
        act()
    return str(found.value)


MODEL = ScriptedModel(["Hello."])


# smolagents 1.26: what it exports, and what its classes take

EXPORTED = """
ActionOutput ActionStep AgentAudio AgentError AgentExecutionError AgentGenerationError AgentImage
AgentLogger AgentMaxStepsError AgentMemory AgentParsingError AgentText AgentToolCallError
AgentToolExecutionError AgentType AmazonBedrockModel AmazonBedrockServerModel ApiModel
ApiWebSearchTool AUTHORIZED_TYPES AzureOpenAIModel AzureOpenAIServerModel BaseTool BlaxelExecutor
CallbackRegistry ChatMessage ChatMessageStreamDelta ChatMessageToolCall CodeAgent DockerExecutor
DuckDuckGoSearchTool E2BExecutor FinalAnswerPromptTemplate FinalAnswerStep FinalAnswerTool
GoogleSearchTool GradioUI InferenceClientModel LiteLLMModel LiteLLMRouterModel LocalPythonExecutor
LogLevel MCPClient MLXModel ManagedAgentPromptTemplate MemoryStep MessageRole ModalExecutor Model
Monitor MultiStepAgent OpenAIModel OpenAIServerModel PlanningPromptTemplate PlanningStep
PromptTemplates PythonExecutor PythonInterpreterTool REMOVE_PARAMETER RunResult SafeSerializer
SerializationError SpeechToTextTool SystemPromptStep TaskStep Timing TokenUsage Tool ToolCall
ToolCallingAgent ToolCollection ToolOutput TransformersModel UserInputTool VLLMModel
VisitWebpageTool WebSearchTool WikipediaSearchTool agglomerate_stream_deltas evaluate_python_code
get_clean_message_list launch_gradio_demo load_tool stream_to_gradio tool tool_role_conversions
AGENT_REGISTRY BASE_BUILTIN_MODULES CODEAGENT_RESPONSE_FORMAT EMPTY_PROMPT_TEMPLATES MODEL_REGISTRY
StreamEvent TOOL_MAPPING handle_agent_output_types load_model parse_code_blobs populate_template
truncate_content validate_tool_arguments
"""

OF_AGENTS = """
tools model prompt_templates instructions max_steps add_base_tools verbosity_level managed_agents
step_callbacks planning_interval name description provide_run_summary final_answer_checks
return_full_result logger stream_outputs max_tool_threads
"""

OF_CODE_AGENTS = """
additional_authorized_imports executor executor_type executor_kwargs max_print_outputs_length
use_structured_outputs_internally code_block_tags
"""

OF_RUNS = "task stream reset images additional_args max_steps return_full_result"

METHODS = """
run interrupt write_memory_to_messages step extract_action provide_final_answer visualize replay
save to_dict from_dict from_hub from_folder push_to_hub tools_and_managed_agents
initialize_system_prompt process_tool_calls execute_tool_call cleanup create_python_executor
system_prompt state task logger monitor managed_agents prompt_templates python_executor
authorized_imports step_callbacks additional_authorized_imports agent_name code_block_tags
description executor_kwargs executor_type final_answer_checks instructions
max_print_outputs_length max_steps max_tool_threads memory model name planning_interval
provide_run_summary return_full_result step_number stream_outputs tools
"""

OF_MEMORIES = """
agent.memory.steps agent.memory.get_full_steps agent.memory.get_succinct_steps agent.memory.replay
agent.memory.reset agent.memory.return_full_code agent.memory.system_prompt
step.step_number step.timing step.model_input_messages step.tool_calls step.error
step.model_output_message step.model_output step.code_action step.observations
step.observations_images step.action_output step.token_usage step.is_final_answer
PlanningStep.plan TaskStep.task TaskStep.task_images FinalAnswerStep.output
result.output result.state result.steps result.token_usage result.timing result.messages
"""

OF_TOOLS = """
@tool search.forward search.setup search.inputs search.output_type search.output_schema
search.validate_arguments search.to_code_prompt search.to_tool_calling_prompt search.to_dict
search.save search.push_to_hub Tool.from_dict Tool.from_code Tool.from_hub Tool.from_space
Tool.from_gradio Tool.from_langchain
"""

OF_EXECUTORS = """
additional_authorized_imports max_print_outputs_length additional_functions timeout_seconds
"""

OF_MODELS = """
model_id api_base api_key organization project client_kwargs custom_role_conversions
flatten_messages_as_text azure_endpoint api_version provider token timeout bill_to base_url
device_map torch_dtype trust_remote_code model_kwargs load_kwargs max_tokens max_new_tokens
apply_chat_template_kwargs model_list client requests_per_minute retry tool_name_key
tool_arguments_key
"""


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Imports", EXPORTED),
        ("Arguments of an agent", OF_AGENTS),
        ("Arguments of a code agent", OF_CODE_AGENTS),
        ("Arguments of a run", OF_RUNS),
        ("Arguments of a model", OF_MODELS),
        ("Arguments of an executor", OF_EXECUTORS),
        ("The memory of a run", OF_MEMORIES),
        ("Tools", OF_TOOLS),
        ("Attributes of a model", "model.generate model.generate_stream model.parse_tool_calls"),
    ],
)
def test_no_name_is_missing(heading, names):
    """The page lists each name that smolagents has."""
    listed = [theirs.removesuffix("=") for theirs, _ in table(heading)]

    assert [] == [name for name in names.split() if name not in listed]
    assert len(listed) == len(set(listed))


def test_no_method_is_missing():
    """The page lists each public method and attribute of an agent."""
    listed = {theirs for theirs, _ in table("Methods and attributes of an agent")}

    assert set() == {f"agent.{name}" for name in METHODS.split()} - listed


# Each row


@pytest.mark.parametrize(("name", "ours"), table("Imports"))
def test_a_name_is_imported_or_says_what_to_write(name, ours):
    """A row is an import that works, or the text of the error."""
    if found := re.match(r"`from (\S+) import (\w+)`", ours):
        assert getattr(importlib.import_module(found[1]), found[2]) is not None
        return
    assert ours in raised_by(ImportError, lambda: getattr(rxagent, name))
    with pytest.raises(ImportError, match=rf"^rxagent has no {name}\. "):
        exec(f"from rxagent import {name}")
    if found := re.search(r"Write `from (\S+) import (\w+)`", ours):
        assert hasattr(importlib.import_module(found[1]), found[2])


def test_names_of_models_are_explained_where_models_are():
    """An import from `rxagent.models` says the same."""
    with pytest.raises(ImportError, match=r"Write `OpenAIModel`, from `rxagent.models`"):
        exec("from rxagent.models import OpenAIServerModel")
    with pytest.raises(ImportError, match="Write `from rxagent import Agent`"):
        exec("from rxagent.models import Agent")


@pytest.mark.parametrize("kind", [Agent, CodeAgent])
@pytest.mark.parametrize(("name", "ours"), keywords("Arguments of an agent"))
def test_an_argument_of_an_agent(kind, name, ours):
    """It is taken, or the error says what to write."""
    if name in NOT_YET:
        pytest.skip(f"No agent takes {name}= yet.")
    if ours.startswith(SAME):
        assert name in inspect.signature(kind).parameters
    else:
        assert ours in raised_by(TypeError, lambda: kind(MODEL, **{name: 1}))


@pytest.mark.parametrize(("name", "ours"), keywords("Arguments of a code agent"))
def test_an_argument_of_a_code_agent(name, ours):
    """It is taken, or the error says what to write; an agent without code says that."""
    if ours.startswith(SAME):
        assert name in inspect.signature(CodeAgent).parameters
    else:
        assert ours in raised_by(TypeError, lambda: CodeAgent(MODEL, **{name: 1}))
    assert "CodeAgent(...)" in raised_by(TypeError, lambda: Agent(MODEL, **{name: 1}))


def test_only_code_in_a_process_may_import_more():
    """As the page says, the sandbox accepts its own modules, and a process any name."""
    row = dict(keywords("Arguments of a code agent"))["additional_authorized_imports"]

    ours = f'{SAME}; `executor="process"` can import any module, the sandbox only those that it has'
    assert ours == row
    CodeAgent(MODEL, executor="process", additional_authorized_imports=["numpy"])
    CodeAgent(MODEL, additional_authorized_imports=["math"])
    with pytest.raises(ValueError, match="The sandbox cannot import numpy"):
        CodeAgent(MODEL, additional_authorized_imports=["numpy"])


@pytest.mark.parametrize("way", ["__call__", "run", "start"])
@pytest.mark.parametrize(("name", "ours"), keywords("Arguments of a run"))
def test_an_argument_of_a_run(way, name, ours):
    """It is taken, or the error says what to write."""
    method = getattr(Agent(MODEL), way)
    if ours == SAME:
        assert name in inspect.signature(method).parameters
    else:
        assert ours in raised_by(TypeError, lambda: method("Hi", **{name: 1}))


@pytest.mark.parametrize(("name", "ours"), table("Methods and attributes of an agent"))
def test_a_method_of_an_agent(name, ours):
    """It exists, or the error says what to write, of an agent and of its class."""
    name = name.removeprefix("agent.")
    if ours == SAME or name == "memory":
        getattr(Agent(MODEL), name)
        return
    name, _, _ = name.partition(".")  # what is missing first
    assert ours in raised_by(AttributeError, lambda: getattr(Agent(MODEL), name))
    assert ours in raised_by(AttributeError, lambda: getattr(Agent, name))
    assert not hasattr(Runnable, name)


@pytest.mark.parametrize(("name", "ours"), keywords("Arguments of a model"))
def test_an_argument_of_a_model(name, ours):
    """It is taken by a model, or passed to the provider, or the error says what to write."""
    kinds = [kind for kind in map(kind_of, rxagent.models.__all__) if kind is not None]
    if ours != SAME:
        assert ours in raised_by(TypeError, lambda: rxagent.models.OpenAIModel("m", **{name: 1}))
    elif not any(name in inspect.signature(kind).parameters for kind in kinds):
        assert name in rxagent.models.OpenAIModel("m", api_key="k", **{name: 1})._options


def kind_of(name):
    """Return a class of models; None if it is something else."""
    kind = getattr(rxagent.models, name)
    return kind if inspect.isclass(kind) and name.endswith("Model") else None


class Counter:
    """Counts calls."""

    def __init__(self):
        self.calls = 0

    def count(self, by: int) -> int:
        """Count.

        Args:
            by: How many.
        """
        self.calls += by
        return self.calls


def test_tools_are_as_the_page_says():
    """Functions and methods are tools; annotations and docstrings describe their arguments."""
    counter = Counter()
    made = tool(counter.count)
    assert {"description": "How many.", "type": "integer"} == made.parameters["properties"]["by"]
    assert (2, 4) == (made(2), made(2))


@pytest.mark.parametrize(("theirs", "ours"), table("Tools")[2:])
def test_an_attribute_of_a_tool(theirs, ours):
    """Its error says what to write, of a tool and of the class."""
    name = theirs.partition(".")[2]

    for owner in (add, Tool):
        assert ours in raised_by(AttributeError, lambda owner=owner: getattr(owner, name))


def test_a_class_of_tools_says_what_to_write():
    """The row of `forward` is the text of the error."""

    def define():
        class Search(Tool):
            name = "search"

            def forward(self, query):
                return query

    (ours,) = [ours for theirs, ours in table("Tools") if theirs.startswith("class")]

    assert ours in raised_by(TypeError, define)


# Callbacks and memory: each row is an expression that works


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


CALL = ToolCall("c", "add", '{"a": 2, "b": 3}')
TURNS = ScriptedModel([Message("assistant", tool_calls=[CALL]), "It is 5.", "It is 6."])
NAMES = {"ops": ops, "events": events, "subscribers": subscribers, "State": State, "wire": wire}
NAMES |= {"rx": rx, "rxo": rxo, "fold": fold}


@pytest.fixture(scope="module")
def run():
    """Return the events of a run that plans, calls a tool and answers."""
    happened = []
    with VirtualScheduler() as scheduler:
        Agent(TURNS, [add])("2 + 3?").subscribe(happened.append, scheduler=scheduler)
        scheduler.run()
    plan = [events.PlanStarted(), events.Planned("Add.")]
    return [happened[0], *plan, *happened[1:]]


@pytest.mark.parametrize(("theirs", "ours"), table("Callbacks"))
def test_a_callback_is_an_operator(run, theirs, ours):
    """The expression of a row is an operator that emits something of a run."""
    seen = []
    rx.from_iterable(run).pipe(eval(ours.strip("`"), dict(NAMES))).subscribe(seen.append)

    assert seen


@pytest.fixture(scope="module")
def coded():
    """Return an ended run whose one step is code."""
    reply = "<code>\nprint(5)\nfinal_answer(5)\n</code>"
    run = CodeAgent(ScriptedModel([reply])).start("2 + 3?")
    run.result()
    return run


OF_EVENTS = {
    "PlanningStep": events.Planned("Add."),
    "TaskStep": events.RunStarted("?", "agent", Message("user", "?")),
    "FinalAnswerStep": events.FinalAnswer(5),
}


@pytest.mark.parametrize(("theirs", "ours"), table("The memory of a run"))
def test_what_a_memory_holds(coded, theirs, ours):
    """The attribute is there, or its error says what to write, which then works."""
    owner, _, name = theirs.rpartition(".")
    things = {
        "agent.memory": Agent(MODEL).memory,
        "step": coded.state.steps[0],
        "result": coded,
        **OF_EVENTS,
    }
    if owner in OF_EVENTS:
        attribute, event = re.findall(r"`(\S+)`", ours)
        assert type(OF_EVENTS[owner]).__name__ == event
        assert attrgetter(attribute)(OF_EVENTS[owner]) is not None
        return
    if ours.startswith(SAME) or name == "state":
        getattr(things[owner], name)
    else:
        assert ours in raised_by(AttributeError, lambda: getattr(things[owner], name))
        if name in attributes.OF_STATES:
            assert ours in raised_by(AttributeError, lambda: getattr(coded.state, name))
    found = re.search(r"(?:Write |the same: |^)`(.+?)`", ours)
    if found is None or "=" in found[1].partition("(")[0]:
        return
    expected = {
        "return_full_code": ["print(5)\nfinal_answer(5)"],
        "step_number": 1,
        "code_action": ["print(5)\nfinal_answer(5)"],
        "output": 5,
        "state": "completed",
        "token_usage": None,
        "observations_images": {},
    }
    names = {**NAMES, "json": json, "state": coded.state, "step": coded.state.steps[0]}
    with redirect_stderr(io.StringIO()):
        value = eval(found[1], {**names, "run": coded})
    if name in expected:
        assert expected[name] == value
    elif name != "replay":
        assert value


def test_advice_about_attributes_costs_nothing(coded):
    """It is not shown, and no `__getattr__` slows the reading of other attributes."""
    things = (coded, coded.state, coded.state.steps[0], add, as_model(lambda _: "Hi"))
    gone = {
        name
        for room in attributes.__all__
        if room.startswith("OF_")
        for name in getattr(attributes, room)
    }

    for thing in things:
        assert not gone & {name for name in dir(thing) if not hasattr(thing, name)}
        assert not hasattr(type(thing), "__getattr__")
        text = f"'{type(thing).__name__}' object has no attribute 'nothing'"
        assert text == raised_by(AttributeError, lambda thing=thing: thing.nothing)


@pytest.mark.parametrize(("theirs", "ours"), table("Attributes of a model")[1:])
def test_an_attribute_of_a_model(theirs, ours):
    """Its error says what to write."""
    name = theirs.removeprefix("model.")

    assert ours in raised_by(AttributeError, lambda: getattr(as_model(lambda _: "Hi"), name))


def test_a_model_is_no_class_with_generate():
    """The row of `generate` is the text of the error."""

    def define():
        class Mine(Model):
            def generate(self, messages):
                return messages

    _, ours = table("Attributes of a model")[0]

    assert ours in raised_by(TypeError, define)


@pytest.mark.parametrize("kind", [SandboxExecutor, ProcessExecutor])
@pytest.mark.parametrize(("name", "ours"), keywords("Arguments of an executor"))
def test_an_argument_of_an_executor(kind, name, ours):
    """It is taken, or the error says what to write."""
    if name in inspect.signature(kind).parameters:
        assert ours.startswith(SAME)
    else:
        text = raised_by(TypeError, lambda: kind(**{name: 1}))
        assert text.partition("=. ")[2] in ours


def test_the_summary_of_a_helper_is_for_its_manager():
    """A tool can return what a helper did beside its answer, as its row says."""
    helper = Agent(ScriptedModel([Message("assistant", tool_calls=[CALL]), "It is 5."]), [add])

    @tool
    def ask(task: str) -> str:
        """Ask the helper."""
        run = helper.start(task)
        answer = run.result()
        done = [message.text for message in run.state.messages(summary=True)]
        return f"{answer} {done}"

    call = ToolCall("a", "ask", '{"task": "2 + 3?"}')
    run = Agent(ScriptedModel([Message("assistant", tool_calls=[call]), "Yes."]), [ask]).start("?")
    run.result()

    assert run.state.steps[0].outcomes["a"].startswith("It is 5. ['2 + 3?'")


# The texts


def test_each_text_is_on_the_page():
    """What an error says stands on the page."""
    of_others = ("...", "system", "attach", "timeout", "answer")
    said = [dropped.DROPPED, hints.NOT_AN_ATTRIBUTE, options._DROPPED, NOT_OF_EXECUTORS]
    said += [hints.NOT_OF_AGENTS, hints.NOT_OF_CODE_AGENTS, hints.NOT_OF_RUNS]
    said += [getattr(attributes, name) for name in attributes.__all__ if name.startswith("OF_")]

    assert [] == [
        text
        for advice in said
        for word, text in advice.items()
        if word not in of_others and text not in TEXT
    ]


def test_agents_can_be_mixed_with_abstract_classes():
    """That the class says what to write does not stand in the way of a subclass."""

    class Counted(Agent, Sized):
        def __len__(self):
            return len(self.tools)

    assert 1 == len(Counted(MODEL, [add]))


def test_a_name_that_no_library_has_is_an_ordinary_error():
    """Misspelt names are reported as Python reports them."""
    assert "has no attribute 'Agnet'" in raised_by(AttributeError, lambda: rxagent.Agnet)
    assert raised_by(AttributeError, lambda: Agent.nothing).endswith("'nothing'.")
    assert not hasattr(Agent(MODEL), "nothing")
