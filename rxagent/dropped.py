"""Names of other libraries that one may look for here, and what to write instead."""

from __future__ import annotations

from importlib import import_module

__all__ = ["DROPPED", "instead_of"]

_PROMPTS = 'Write `prompts={"system": "..."}`, or only add text in `instructions=`.'
_STEPS = "A step is a value: `run.state.steps`; while the run goes on, events say what happens."
_NO_TOOLBOX = "There is no such tool here. Write it as a function with `@tool`."
_IMAGES = "Return the image from a tool; `Image.from_path` and `Image.from_bytes` read one."
_FAR = (
    "There is none yet. Keep the default sandbox, or write an `Executor`; `ProcessExecutor` "
    "isolates less."
)
_ERRORS = "Errors are in `rxagent.errors`"

DROPPED = {
    # agents
    "MultiStepAgent": "Write `Agent(model, tools)` or `CodeAgent(model, tools)`.",
    "ToolCallingAgent": "Write `Agent(model, tools)`.",
    "RunResult": "Start a run, `run = agent.start(task)`: it has `run.result()` and `run.state`.",
    "PromptTemplates": _PROMPTS,
    "PlanningPromptTemplate": 'Write `prompts={"plan": "..."}`.',
    "ManagedAgentPromptTemplate": "Write `agent.as_tool(description=...)`.",
    "FinalAnswerPromptTemplate": 'Write `prompts={"closing": "..."}`.',
    "EMPTY_PROMPT_TEMPLATES": _PROMPTS,
    "ActionOutput": "Read the event `rxagent.events.FinalAnswer`.",
    "StreamEvent": "Read the events of `rxagent.events`: `for event in each(agent(task))`.",
    "AGENT_REGISTRY": "Write `Agent(model, tools)` or `CodeAgent(model, tools)`.",
    "populate_template": "Prompts are templates of Jinja2: `prompts={'system': '...'}`.",
    "handle_agent_output_types": "An answer is an ordinary value of Python.",
    # models
    "AmazonBedrockServerModel": "Write `AmazonBedrockModel`, from `rxagent.models`.",
    "ApiModel": "Derive from `rxagent.models.Model`, or write a function of a request.",
    "AzureOpenAIServerModel": "Write `AzureOpenAIModel`, from `rxagent.models`.",
    "HfApiModel": "Write `InferenceClientModel`, from `rxagent.models`.",
    "LiteLLMRouterModel": "Write `LiteLLMModel(group, router=litellm.Router(...))`.",
    "OpenAIServerModel": "Write `OpenAIModel`, from `rxagent.models`.",
    "ChatMessage": "Write `Message(role, text)`.",
    "ChatMessageStreamDelta": "Read `rxagent.events.TextDelta` and its siblings.",
    "ChatMessageToolCall": "Write `ToolCall(id, name, arguments)`.",
    "MessageRole": 'A role is a text, as in `Message("user", "Hi")`.',
    "agglomerate_stream_deltas": "Write `model(request).pipe(ops.accumulate())`.",
    "get_clean_message_list": "Each model writes its messages itself.",
    "tool_role_conversions": "Each model writes its messages itself.",
    "MODEL_REGISTRY": "Write the name of a model: `rxagent.models.resolve('openai:gpt-5-mini')`.",
    "load_model": "Write the name of a model: `rxagent.models.resolve('openai:gpt-5-mini')`.",
    "CODEAGENT_RESPONSE_FORMAT": "Write `CodeAgent(model, structured=True)`.",
    "REMOVE_PARAMETER": "Write `None` as the value of an option to leave it out.",
    # tools
    "BaseTool": "Write a function with `@tool`.",
    "PipelineTool": "Write a function with `@tool` that calls the pipeline.",
    "ToolCollection": "Write a list of tools: `Agent(model, tools=[...])`.",
    "load_tool": "Import the function: `from my_tools import search`.",
    "launch_gradio_demo": "Call the tool: `search(query)`.",
    "AUTHORIZED_TYPES": "Annotate the parameters of the function; pydantic knows the types.",
    "TOOL_MAPPING": "List the tools you want in `tools=[...]`.",
    "validate_tool_arguments": "A call checks its arguments; in a run: `ToolFailed`.",
    "MCPClient": "There is none yet. Write a function with `@tool` that calls the server.",
    "ApiWebSearchTool": _NO_TOOLBOX,
    "DuckDuckGoSearchTool": _NO_TOOLBOX,
    "GoogleSearchTool": _NO_TOOLBOX,
    "SpeechToTextTool": _NO_TOOLBOX,
    "UserInputTool": _NO_TOOLBOX,
    "VisitWebpageTool": _NO_TOOLBOX,
    "WebSearchTool": _NO_TOOLBOX,
    "WikipediaSearchTool": _NO_TOOLBOX,
    "FinalAnswerTool": "Each agent offers `final_answer` to its model.",
    "PythonInterpreterTool": "Write `CodeAgent(model, tools)`.",
    # where code runs
    "LocalPythonExecutor": (
        "Write `CodeAgent(model)`: its code runs in a sandbox; "
        'with `executor="process"`, in a Python process.'
    ),
    "PythonExecutor": "See `rxagent.executors.Executor`.",
    "RemotePythonExecutor": "See `rxagent.executors.Executor`.",
    "BlaxelExecutor": _FAR,
    "DockerExecutor": _FAR,
    "E2BExecutor": _FAR,
    "ModalExecutor": _FAR,
    "BASE_BUILTIN_MODULES": "Read `rxagent.executors.BASE_MODULES`, those of a process.",
    "parse_code_blobs": "A `CodeAgent` reads the code of a reply itself.",
    "truncate_content": "Write `CodeAgent(model, max_print_outputs_length=...)`.",
    "evaluate_python_code": "Write `CodeAgent(model).run(task)`.",
    # memory
    "AgentMemory": "The memory of a run is its state: `run.state`.",
    "MemoryStep": _STEPS,
    "ActionStep": _STEPS,
    "PlanningStep": "Read the event `rxagent.events.Planned`.",
    "TaskStep": "Read the event `rxagent.events.RunStarted`.",
    "SystemPromptStep": 'The prompt is no step. Write `prompts={"system": "..."}`.',
    "FinalAnswerStep": "Read the event `rxagent.events.FinalAnswer`.",
    "CallbackRegistry": "Attach subscribers to a run: `agent.start(task, attach=[...])`.",
    # logs and numbers
    "AgentLogger": "Attach `rxagent.subscribers.Console()` or `Log()` to a run.",
    "LogLevel": "Nothing is printed by default: attach `rxagent.subscribers.Console()`.",
    "Monitor": "Attach `rxagent.subscribers.Metrics()` to a run.",
    "TokenUsage": "Read `run.state.usage`, a `rxagent.events.Usage`.",
    "Timing": "Attach `rxagent.subscribers.Metrics()`, or stamp events: `ops.stamp()`.",
    # errors
    "AgentError": f"{_ERRORS}: `RxAgentError` is the root.",
    "AgentExecutionError": f"{_ERRORS}: `ToolError`; in a run it is the event `ToolFailed`.",
    "AgentGenerationError": f"{_ERRORS}: `ModelError`.",
    "AgentMaxStepsError": f"{_ERRORS}: `NoAnswer`.",
    "AgentParsingError": f"{_ERRORS}: `ParseError`; in a run it is the event `StepFailed`.",
    "AgentToolCallError": f"{_ERRORS}: `InvalidArguments`; in a run: `ToolFailed`.",
    "AgentToolExecutionError": f"{_ERRORS}: `ToolError`; in a run: `ToolFailed`.",
    "InterpreterError": f"{_ERRORS}: `CodeError`; in a run it is the event `ToolFailed`.",
    # the rest
    "AgentType": "An answer is an ordinary value of Python.",
    "AgentText": "An answer is an ordinary `str`.",
    "AgentImage": _IMAGES,
    "AgentAudio": "Return the bytes or the path from a tool.",
    "GradioUI": "Serve the events of a run; see the guide Serve runs to a browser.",
    "stream_to_gradio": "Loop over a run: `for event in each(agent(task))`.",
    "SafeSerializer": "Write events as JSON: `rxagent.wire.dumps(event)`.",
    "SerializationError": "What JSON cannot express is an `rxagent.wire.Opaque`.",
}
"""What to write instead of a class or function of smolagents, by its name."""

_PACKAGES = ("agents", "errors", "events", "executors", "models", "subscribers", "testing")


def instead_of(name: str) -> str | None:
    """Return what to write instead of a name that a package does not have; None if unknown."""
    if name in DROPPED:
        return DROPPED[name]
    if name in import_module(__package__).__all__:
        return f"Write `from rxagent import {name}`."
    for package in _PACKAGES:
        if name in import_module(f".{package}", __package__).__all__:
            return f"Write `from rxagent.{package} import {name}`."
    return None
