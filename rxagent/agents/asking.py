"""Requests to models, also to those that support no tools, or no structured output."""

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
    again: tuple[Request, re.Pattern[str]] | None = None
    if request.output is not None:
        tools = [tool for tool in request.tools if tool.name != final.name]
        again = evolve(request, output=None, tools=(*tools, final)), _ABOUT_OUTPUT
    elif request.tools == (final,):
        again = evolve(request, tools=()), _ABOUT_TOOLS
    if again is None:
        return model(request)
    simpler, about = again

    def ask_again(error: Exception) -> Observable[Delta]:
        if not (isinstance(error, ModelRejected) and about.search(str(error))):
            raise error
        retried = StepRetried(1, describe(error))
        return ask(model, simpler, final).pipe(stream_ops.start_with(retried))

    return model(request).pipe(stream_ops.catch(ask_again))
