"""Attributes that objects of smolagents have and ours lack, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Never, TypeVar

__all__ = [
    "OF_MEMORIES",
    "OF_MODELS",
    "OF_RUNS",
    "OF_STATES",
    "OF_STEPS",
    "OF_TOOLS",
    "advised",
    "missing",
]

_T = TypeVar("_T")

_TIMES = "Attach `rxagent.subscribers.Metrics()`, or stamp events: `ops.stamp()`."
_CODE = 'json.loads(call.arguments)["code"]'
_ASKED = "Let a function print the request and call the model with it."
_MODULE = "A tool is made by code: keep it in a module."
_WRAPPED = "Write a function with `@tool` that calls it."
_ANNOTATED = "The annotations and the docstring of the function."
_PREPARED = (
    "Write what is made once at the top of the module, or in a class whose method is the tool."
)
_STREAM = "A model is a function: `model(request)` is the stream of its deltas."

OF_STATES = {
    "get_full_steps": "Write `[wire.encode(event) for event in state.events()]`.",
    "get_succinct_steps": "Write `state.messages(summary=True)`.",
    "return_full_code": f"Write `[{_CODE} for step in state.steps for call in step.calls]`.",
    "reset": "Pass no state, and the run begins a new conversation.",
    "system_prompt": 'The prompt is no step. Write `prompts={"system": "..."}`.',
}
"""What to write instead of an attribute of a memory, by its name; it is the state of a run."""

OF_MEMORIES = {
    "steps": "Write `run.state.steps`.",
    "replay": "Write `run.state.replay(subscribers.Console())`.",
    **OF_STATES,
}
"""The same of the `memory` of an agent, which is a policy."""

OF_STEPS = {
    "step_number": "Write `step.number`.",
    "model_output": "Write `step.message.text`.",
    "model_output_message": "Write `step.message`.",
    "model_input_messages": _ASKED,
    "tool_calls": "Write `step.calls`.",
    "code_action": f"Write `[{_CODE} for call in step.calls]`.",
    "observations": "Write `step.outcomes`.",
    "observations_images": "Write `step.images`.",
    "action_output": "Read the value of the event `ToolCompleted`, or of `FinalAnswer`.",
    "is_final_answer": "The step of the answer is the last one: `run.state.steps[-1]`.",
    "token_usage": "Read the event `Usage`, one for each turn, or `run.state.usage`.",
    "timing": _TIMES,
}
"""What to write instead of an attribute of a step, by its name."""

OF_RUNS = {
    "output": "Write `run.result()`.",
    "steps": "Write `run.state.steps`.",
    "messages": "Write `run.state.messages()`.",
    "token_usage": "Write `run.state.usage`.",
    "timing": _TIMES,
}
"""What to write instead of an attribute of the result of a run, by its name."""

OF_TOOLS = {
    "forward": "Call the tool itself: `search(query)`.",
    "setup": _PREPARED,
    "inputs": _ANNOTATED,
    "output_type": _ANNOTATED,
    "output_schema": _ANNOTATED,
    "validate_arguments": _ANNOTATED,
    "to_code_prompt": "Read `search.declaration`.",
    "to_tool_calling_prompt": "Read `search.spec`.",
    "to_dict": _MODULE,
    "from_dict": _MODULE,
    "from_code": _MODULE,
    "save": _MODULE,
    "push_to_hub": _MODULE,
    "from_hub": _MODULE,
    "from_space": _WRAPPED,
    "from_gradio": _WRAPPED,
    "from_langchain": _WRAPPED,
}
"""What to write instead of an attribute of a tool or its class, by its name."""

OF_MODELS = {
    "generate": f"{_STREAM} Of the whole answer: `model(request).pipe(ops.accumulate())`.",
    "generate_stream": _STREAM,
    "parse_tool_calls": "Read the calls of a message: `ops.parse_calls()`.",
    "to_dict": "A model is made by code: keep it in a module.",
    "from_dict": "A model is made by code: keep it in a module.",
}
"""What to write instead of an attribute of a model or its class, by its name."""


class _Gone:
    """An attribute whose error says what to write instead.

    It takes no time from other attributes, as a `__getattr__` of their class would.
    """

    __slots__ = ("_advice", "_name")

    def __init__(self, name: str, advice: Mapping[str, str]) -> None:
        self._name = name
        self._advice = advice

    def __get__(self, obj: Any, owner: type) -> Never:
        raise missing(owner.__name__, self._name, owner if obj is None else obj, self._advice)


def advised(advice: Mapping[str, str]) -> Callable[[type[_T]], type[_T]]:
    """Let missing attributes of a class say what to write instead; `dir` does not show them.

    Args:
        advice: What to write, by the name of the attribute.
    """

    def decorate(kind: type[_T]) -> type[_T]:
        for name in advice:
            setattr(kind, name, _Gone(name, advice))
        shown = kind.__dir__
        kind.__dir__ = lambda self: [name for name in shown(self) if name not in advice]  # type: ignore[method-assign]  # as attrs does
        return kind

    return decorate


def missing(kind: str, name: str, obj: Any, advice: Mapping[str, str]) -> AttributeError:
    """Return the error of an attribute that an object does not have."""
    why = f" {advice[name]}" if name in advice else ""
    return AttributeError(f"{kind!r} object has no attribute {name!r}.{why}", name=name, obj=obj)
