"""Scripts: the scenarios that every scripted server knows."""

from __future__ import annotations

from ..scenarios import SCRIPTS
from . import answers, calls, trouble
from .answers import PLAIN, plain, tokens_text
from .calls import using
from .trouble import failure

__all__ = [
    "PLAIN",
    "SCRIPTS",
    "answers",
    "calls",
    "failure",
    "plain",
    "tokens_text",
    "trouble",
    "using",
]
