"""Keywords of other libraries that an agent does not take, and what to write instead."""

__all__ = ["NOT_OF_AGENTS", "NOT_OF_CODE_AGENTS", "NOT_OF_RUNS"]

_INSTRUCTIONS = "Write the text in instructions=."
_CODE = "Write CodeAgent(...): an agent that acts by writing code."

NOT_OF_AGENTS = {
    "stream_outputs": "Everything streams: subscribe to agent(task).",
    "step_callbacks": "Attach subscribers to a run: agent.start(task, attach=[...]).",
    "verbosity_level": "Nothing is printed by default: attach rxagent.subscribers.Console().",
    "logger": "Attach rxagent.subscribers.Console() or Log() to a run.",
    "add_base_tools": "List the tools you want in tools=[...].",
    "prompt_templates": _INSTRUCTIONS,
    "system_prompt": _INSTRUCTIONS,
    "system": _INSTRUCTIONS,
    "grammar": "Pass provider parameters in options={...}.",
    "planning_interval": "Planning is not supported yet.",
    "additional_authorized_imports": _CODE,
    "executor": _CODE,
    "code_block_tags": _CODE,
    "max_print_outputs_length": _CODE,
    "max_tool_threads": "Calls of one step run in parallel; set workers=Workers(limit=...).",
    "provide_run_summary": "Use agent.start(task).state.messages(summary=True).",
    "return_full_result": "Use run = agent.start(task); run.result(); run.state.",
    "...": "Pass provider parameters in options={...}; see help(rxagent.Agent).",
}

NOT_OF_CODE_AGENTS = {
    **NOT_OF_AGENTS,
    "answer": "Code gives the answer, by final_answer(value).",
    "executor_type": 'Write executor="sandbox" or executor="process".',
    "executor_kwargs": "Write executor=SandboxExecutor(...).",
    "use_structured_outputs_internally": "Write structured=True.",
}

NOT_OF_RUNS = {
    "stream": "Everything streams: subscribe to agent(task), or loop over each(agent(task)).",
    "reset": "Each run starts a new conversation; pass state=run.state to continue one.",
    "max_steps": "Pass it to the agent: Agent(model, max_steps=...).",
    "return_full_result": NOT_OF_AGENTS["return_full_result"],
    "attach": "Write agent.start(task, attach=[...]).",
    "timeout": "Write agent.run(task, timeout=...), or agent.start(task).result(timeout=...).",
    "...": "See help(rxagent.Agent).",
}
