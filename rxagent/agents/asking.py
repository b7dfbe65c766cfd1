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
    r"response.?(format|mime)|json.?(schema|mode)|text.?format|output.?(format|config|schema)"
    r"|structured.?output|guided.?json|\bgrammar\b|schema definitions|schema is too complex"
    r"|parameters with union",
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
        simpler = _simpler(request, final, str(error)) if isinstance(error, ModelRejected) else None
        if simpler is None:
            raise error
        retried = StepRetried(1, describe(error))
        return ask(model, simpler, final).pipe(stream_ops.start_with(retried))

    return model(request).pipe(stream_ops.catch(ask_again))


def _simpler(request: Request, final: ToolSpec, error: str) -> Request | None:
    """Return a request without what an error is about: tools, or structured output.

    It is None if the error is about neither, or if the request needs what it is about.
    """
    if request.output is not None and _ABOUT_OUTPUT.search(error):
        tools = [tool for tool in request.tools if tool.name != final.name]
        return evolve(request, output=None, tools=(*tools, final))
    if request.tools == (final,) and _ABOUT_TOOLS.search(error):
        return evolve(request, tools=())
    return None
