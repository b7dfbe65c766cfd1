"""Requests to models, also to those that support no tools."""

import re
from collections.abc import Callable

from attrs import evolve
from reactivex import Observable

from .. import operators as ops
from ..errors import ModelRejected
from ..events import Delta
from ..messages import Request
from ..tools import FINAL_ANSWER

__all__ = ["ask"]

_ABOUT_TOOLS = re.compile(r"\b(tools?|functions?)\b", re.IGNORECASE)


def ask(model: Callable[[Request], Observable[Delta]], request: Request) -> Observable[Delta]:
    """Request a turn; retry without final_answer, the only tool, if the model supports no tools.

    Servers answer 400 to the field `tools` for such models.
    """
    if request.tools != (FINAL_ANSWER,):
        return model(request)

    def without_tools(request: Request) -> Observable[Delta]:
        return model(evolve(request, tools=()))

    return ops.fallback(model, without_tools, on=_is_about_tools)(request)


def _is_about_tools(error: Exception) -> bool:
    return isinstance(error, ModelRejected) and bool(_ABOUT_TOOLS.search(str(error)))
