"""The page for users of smolagents: each of its rows is true, and no name of theirs is missing."""

import importlib
import inspect
import io
import re
from collections.abc import Sized
from contextlib import redirect_stderr
from pathlib import Path

import pytest

import rxagent
from rxagent import Agent, Message, State, Tool, ToolCall, dropped, events, subscribers, tool, wire
from rxagent import operators as ops
from rxagent.agents import CodeAgent, hints
from rxagent.agents.runnable import Runnable
from rxagent.models import options
from rxagent.state import fold_all
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
authorized_imports step_callbacks
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
    if ours == SAME:
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

    assert f'{SAME} with `executor="process"`; the sandbox accepts only its own modules' == row
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
    if ours == SAME:
        assert callable(getattr(Agent(MODEL), name))
        return
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
    rows = [theirs for theirs, _ in table("Tools")]

    assert [
        "@tool",
        "class Search(Tool)` with `forward",
        "inputs` and `output_type",
        "setup()",
    ] == rows
    assert {"description": "How many.", "type": "integer"} == made.parameters["properties"]["by"]
    assert (2, 4) == (made(2), made(2))


def test_a_class_of_tools_says_what_to_write():
    """The row of `forward` is the text of the error."""

    def define():
        class Search(Tool):
            name = "search"

            def forward(self, query):
                return query

    (ours,) = [ours for theirs, ours in table("Tools") if "forward" in theirs]

    assert ours in raised_by(TypeError, define)


# Callbacks and memory: each row is an expression that works


@tool
def add(a: int, b: int) -> int:
    """Return the sum of two integers."""
    return a + b


CALL = ToolCall("c", "add", '{"a": 2, "b": 3}')
TURNS = ScriptedModel([Message("assistant", tool_calls=[CALL]), "It is 5.", "It is 6."])
NAMES = {"ops": ops, "events": events, "subscribers": subscribers, "State": State, "wire": wire}


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
    import reactivex as rx

    seen = []
    rx.from_iterable(run).pipe(eval(ours.strip("`"), dict(NAMES))).subscribe(seen.append)

    assert seen


@pytest.mark.parametrize(("theirs", "ours"), table("The memory of a run"))
def test_what_a_memory_holds(run, theirs, ours):
    """The expression of a row gives what theirs does."""
    state = fold_all(State(), run)
    with redirect_stderr(io.StringIO()):
        found = eval(ours.strip("`"), {**NAMES, "state": state})

    expected = {
        "agent.memory.return_full_code()": [CALL.arguments],
        "agent.monitor.get_total_token_counts()": None,
        "step.step_number": 1,
        "step.model_output": "",
        "step.tool_calls": (CALL,),
        "step.observations": {"c": "5"},
        "step.observations_images": {},
        "step.error": None,
        "result.output": "It is 5.",
        "result.token_usage": None,
    }
    if theirs in expected:
        assert expected[theirs] == found
    elif "replay" not in theirs:
        assert found


# The texts


def test_each_text_is_on_the_page():
    """What an error says stands on the page."""
    of_others = ("...", "system", "attach", "timeout", "answer")
    said = {**dropped.DROPPED, **hints.NOT_AN_ATTRIBUTE, **options._DROPPED}
    for advice in (hints.NOT_OF_AGENTS, hints.NOT_OF_CODE_AGENTS, hints.NOT_OF_RUNS):
        said |= {word: text for word, text in advice.items() if word not in of_others}

    assert [] == [text for text in said.values() if text not in TEXT]


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
