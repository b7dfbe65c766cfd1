"""Scripts: the scenarios that every scripted server knows."""

from rxagent.testing.scripts import calls, pace, texts, trouble
from rxagent.testing.scripts.pace import tokens_text
from rxagent.testing.scripts.saying import INPUT_TOKENS, PLAIN, SCRIPTS
from rxagent.testing.scripts.trouble import failure

__all__ = [
    "INPUT_TOKENS",
    "PLAIN",
    "SCRIPTS",
    "calls",
    "failure",
    "pace",
    "texts",
    "tokens_text",
    "trouble",
]
