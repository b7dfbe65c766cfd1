"""Usage as Anthropic reports it: input without what a cache took part in, in several events."""

from collections.abc import Mapping
from typing import Any

from ...events import Usage
from ..openai_chat.fields import Usages, count_of

__all__ = ["MessageUsage"]

_INPUT = "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"


class MessageUsage:
    """Turns the reports of one reply, each a part of the totals so far, into increments.

    What was read from a cache and written to it are parts of our input, and stand beside
    Anthropic's.

    Args:
        model: The model that is named in each increment.
    """

    def __init__(self, model: str | None) -> None:
        self._usages = Usages(model)
        self._totals: dict[str, int] = {}

    def add(self, report: Any) -> Usage | None:
        """Return what a report adds to those before it; None when that is nothing."""
        if not isinstance(report, Mapping):
            return None
        self._note(report, *_INPUT, "output_tokens")
        if isinstance(details := report.get("output_tokens_details"), Mapping):
            self._note(details, "thinking_tokens")
        total = self._totals.get
        return self._usages.add(
            {
                "prompt_tokens": sum(total(name, 0) for name in _INPUT),
                "completion_tokens": total("output_tokens", 0),
                "prompt_tokens_details": {
                    "cached_tokens": total("cache_read_input_tokens"),
                    "cache_write_tokens": total("cache_creation_input_tokens"),
                },
                "completion_tokens_details": {"reasoning_tokens": total("thinking_tokens")},
            }
        )

    def _note(self, report: Mapping[str, Any], *names: str) -> None:
        for name in names:
            value = report.get(name)
            if value is not None and (count := count_of(value)) is not None:
                self._totals[name] = max(count, self._totals.get(name, 0))
