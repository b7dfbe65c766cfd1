"""Requests to models, also to those that support no tools, or no structured output."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import evolve
from reactivex import Observable

from ..errors import ModelRejected, describe
from ..events import Delta, StepRetried
from ..messages import Request, ToolSpec
from ..streams import operators as stream_ops

__all__ = ["ask"]

_ABOUT_TOOLS = re.compile(r"\b(tools?|functions?)\b", re.IGNORECASE)
_ABOUT_OUTPUT = re.compile(
    r"response.?format|json.?schema|text.?format|output.?(format|config|schema)"
    r"|structured.?output|guided.?json|\bgrammar\b",
    re.IGNORECASE,
)


def ask(
    model: Callable[[Request], Observable[Delta]], request: Request, final: ToolSpec
) -> Observable[Delta]:
    """Request a turn; retry without what the model does not support.

    Servers answer 400 to the field `tools` for models without tools; then final_answer is left
    out, if it is the only one. They answer 400 to a schema of the answer for models without
    structured output; then final_answer, which has that schema, is offered instead.

    Args:
        model: The model.
        request: The request.
        final: The tool final_answer of the agent.
    """
    if request.output is None and request.tools != (final,):
        return model(request)

    def ask_again(error: Exception) -> Observable[Delta]:
        about = _ABOUT_TOOLS if request.output is None else _ABOUT_OUTPUT
        if not (isinstance(error, ModelRejected) and about.search(str(error))):
            raise error
        retried = StepRetried(1, describe(error))
        return ask(model, _simpler(request, final), final).pipe(stream_ops.start_with(retried))

    return model(request).pipe(stream_ops.catch(ask_again))


def _simpler(request: Request, final: ToolSpec) -> Request:
    """Return a request without structured output; one that has none, without tools."""
    if request.output is None:
        return evolve(request, tools=())
    tools = [tool for tool in request.tools if tool.name != final.name]
    return evolve(request, output=None, tools=(*tools, final))
