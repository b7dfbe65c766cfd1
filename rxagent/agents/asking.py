"""Requests to models, also to those that support no tools."""

import re
from collections.abc import Callable

from attrs import evolve
from reactivex import Observable

from ..errors import ModelRejected, describe
from ..events import Delta, StepRetried
from ..messages import Request
from ..streams import operators as stream_ops
from ..tools import FINAL_ANSWER

__all__ = ["ask"]

_ABOUT_TOOLS = re.compile(r"\b(tools?|functions?)\b", re.IGNORECASE)


def ask(model: Callable[[Request], Observable[Delta]], request: Request) -> Observable[Delta]:
    """Request a turn; retry without final_answer, the only tool, if the model supports no tools.

    Servers answer 400 to the field `tools` for such models.
    """
    if request.tools != (FINAL_ANSWER,):
        return model(request)

    def without_tools(error: Exception) -> Observable[Delta]:
        if not _is_about_tools(error):
            raise error
        again = model(evolve(request, tools=()))
        return again.pipe(stream_ops.start_with(StepRetried(1, describe(error))))

    return model(request).pipe(stream_ops.catch(without_tools))


def _is_about_tools(error: Exception) -> bool:
    return isinstance(error, ModelRejected) and bool(_ABOUT_TOOLS.search(str(error)))
