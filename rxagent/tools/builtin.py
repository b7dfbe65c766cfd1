"""Built-in tools: what every agent is offered."""

from ..messages import ToolSpec
from .anything import ANYTHING

__all__ = ["FINAL_ANSWER"]

FINAL_ANSWER = ToolSpec(
    "final_answer",
    "Give the final answer to the task. Call it alone, once you know the answer.",
    {
        "type": "object",
        "properties": {
            "answer": {"description": "The answer, in the form the task asks for.", **ANYTHING}
        },
        "required": ["answer"],
        "additionalProperties": False,
    },
)
"""The tool with which an agent answers; the loop understands it, so no code runs."""
