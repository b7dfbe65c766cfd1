"""Names of other libraries that an agent or a run does not have, and what to write instead."""

from __future__ import annotations

__all__ = ["NOT_AN_ATTRIBUTE", "NOT_OF_AGENTS", "NOT_OF_CODE_AGENTS", "NOT_OF_RUNS"]

_INSTRUCTIONS = (
    'Write the text in `instructions=`, or replace the prompt: `prompts={"system": ...}`.'
)
_PROMPTS = 'Write `prompts={"system": "..."}`, or only add text in `instructions=`.'
_CODE = "Write `CodeAgent(...)`: an agent that acts by writing code."
_RESULT = "Start a run, `run = agent.start(task)`: it has `run.result()` and `run.state`."
_SUMMARY = (
    "Write a tool that starts the agent, `run = agent.start(task)`, and returns `run.result()` "
    "with `run.state.messages(summary=True)`."
)
_EVERYTHING = "Everything streams: subscribe to `agent(task)`."
_EXECUTOR = 'Write `executor="sandbox"` or `executor="process"`.'
_ARGUMENT = "It is an argument, which the agent does not show."
_QUIET = "Nothing is printed by default: attach `rxagent.subscribers.Console()`."
_SUBSCRIBE = "Attach subscribers to a run: `agent.start(task, attach=[...])`."
_FILE = "An agent is made by code: keep it in a module, or send it to a process with `pickle`."
_OF_THE_RUN = "To call a tool yourself: `agent.tools.find(name)(...)`; in a run, the run calls it."

NOT_OF_AGENTS = {
    "stream_outputs": _EVERYTHING,
    "step_callbacks": _SUBSCRIBE,
    "verbosity_level": _QUIET,
    "logger": "Attach `rxagent.subscribers.Console()` or `Log()` to a run.",
    "add_base_tools": "List the tools you want in `tools=[...]`.",
    "prompt_templates": _PROMPTS,
    "system_prompt": _INSTRUCTIONS,
    "system": _INSTRUCTIONS,
    "grammar": "Pass provider parameters in `options={...}`.",
    "additional_authorized_imports": _CODE,
    "executor": _CODE,
    "executor_type": _CODE,
    "executor_kwargs": _CODE,
    "code_block_tags": _CODE,
    "max_print_outputs_length": _CODE,
    "use_structured_outputs_internally": _CODE,
    "max_tool_threads": "Calls of one step run in parallel; set `workers=Workers(limit=...)`.",
    "provide_run_summary": _SUMMARY,
    "return_full_result": _RESULT,
    "...": "Pass provider parameters in `options={...}`; see `help(rxagent.Agent)`.",
}

NOT_OF_CODE_AGENTS = {
    **NOT_OF_AGENTS,
    "answer": "Code gives the answer, by `final_answer(value)`.",
    "executor_type": _EXECUTOR,
    "executor_kwargs": "Write `executor=SandboxExecutor(...)`.",
    "use_structured_outputs_internally": "Write `structured=True`.",
}

NOT_OF_RUNS = {
    "stream": "Everything streams: subscribe to `agent(task)`, or loop over `each(agent(task))`.",
    "reset": "Each run starts a new conversation; pass `state=run.state` to continue one.",
    "max_steps": "Pass it to the agent: `Agent(model, max_steps=...)`.",
    "return_full_result": _RESULT,
    "attach": "Write `agent.start(task, attach=[...])`.",
    "timeout": "Write `agent.run(task, timeout=...)`, or `agent.start(task).result(timeout=...)`.",
    "...": "See `help(rxagent.Agent)`.",
}

NOT_AN_ATTRIBUTE = {
    "interrupt": "Cancel its run: `run.cancel()`.",
    "replay": "Replay the state of a run: `run.state.replay(Console())`.",
    "visualize": "`print(agent)` shows its model and its tools.",
    "save": _FILE,
    "push_to_hub": _FILE,
    "from_hub": _FILE,
    "from_folder": _FILE,
    "to_dict": _FILE,
    "from_dict": _FILE,
    "write_memory_to_messages": "Write `run.state.messages()`.",
    "provide_final_answer": "After `max_steps=` steps, a run has a closing step of its own.",
    "extract_action": "Read the calls of a message: `ops.parse_calls()`.",
    "step": "Subscribe to `agent(task).pipe(ops.steps())`.",
    "execute_tool_call": _OF_THE_RUN,
    "process_tool_calls": _OF_THE_RUN,
    "tools_and_managed_agents": "Agents are tools, too: `agent.tools`.",
    "managed_agents": "Agents are tools, too: `agent.tools`.",
    "system_prompt": _INSTRUCTIONS,
    "initialize_system_prompt": _INSTRUCTIONS,
    "prompt_templates": _PROMPTS,
    "state": "Each run has its own: `run.state`. Give values with `additional_args=`.",
    "task": "Each run has its own: the event `RunStarted`.",
    "logs": "Read the steps of a run: `run.state.steps`.",
    "logger": "Attach `rxagent.subscribers.Console()` or `Log()` to a run.",
    "monitor": "Attach `rxagent.subscribers.Metrics()` to a run, or read `run.state.usage`.",
    "step_callbacks": _SUBSCRIBE,
    "step_number": "Each run has its own: `run.state.steps[-1].number`.",
    "stream_outputs": _EVERYTHING,
    "return_full_result": _RESULT,
    "provide_run_summary": _SUMMARY,
    "agent_name": "Write `agent.name`.",
    "interrupt_switch": "Cancel its run: `run.cancel()`.",
    "final_answer_checks": _ARGUMENT,
    "code_block_tags": _ARGUMENT,
    "max_tool_threads": "Calls of one step run in parallel; set `workers=Workers(limit=...)`.",
    "max_print_outputs_length": "Read the limits of its executor: `agent.executor.limits`.",
    "executor_type": "Read `agent.executor`.",
    "executor_kwargs": "Read `agent.executor`.",
    "cleanup": "There is nothing to clean up: what a run has opened is closed when it ends.",
    "python_executor": "Write `CodeAgent(model, executor=...)`; then it is `agent.executor`.",
    "create_python_executor": "Write `CodeAgent(model, executor=...)`.",
    "authorized_imports": (
        'Write `CodeAgent(model, executor="process", additional_authorized_imports=[...])`.'
    ),
    "additional_authorized_imports": _ARGUMENT,
}
