"""What a delta must hold, so that those who fold it need not ask."""

from types import NoneType
from typing import Any

from ..arguments import shown
from ..errors import MalformedReply
from ..events import (
    Delta,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)

__all__ = ["check_fit"]

_TEXT = (str,)
_SOME_TEXT = (str, NoneType)
_COUNT = (int,)

_FITTING: dict[type, dict[str, tuple[type, ...]]] = {
    TextDelta: {"text": _TEXT},
    ReasoningDelta: {"text": _TEXT},
    RefusalDelta: {"text": _TEXT},
    ToolCallDelta: {
        "index": (int, NoneType),  # some providers leave it out
        "id": _SOME_TEXT,
        "name": _SOME_TEXT,
        "arguments": _SOME_TEXT,
    },
    Usage: dict.fromkeys(
        ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"), _COUNT
    ),
    Finish: {"reason": _TEXT},
    StepRetried: {"attempt": _COUNT, "error": _TEXT},
}


def check_fit(delta: Any) -> None:
    """Check that something is a delta, and that its fields are what they should be.

    Raises:
        MalformedReply: It is none.
    """
    if not isinstance(delta, Delta):
        raise MalformedReply(
            f"The model sent {shown(delta)}, which is no delta, as TextDelta('Hello') is one."
        )
    for name, kinds in _FITTING.get(type(delta), {}).items():
        if not isinstance(getattr(delta, name), kinds):
            wanted = " or ".join("None" if kind is NoneType else kind.__name__ for kind in kinds)
            raise MalformedReply(f"The model sent {shown(delta)}, whose {name} should be {wanted}.")
