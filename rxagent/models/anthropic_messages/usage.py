"""Usage as Anthropic reports it: input without what a cache took part in, in several events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...events import Usage
from ..openai_chat.fields import Usages, count_of

__all__ = ["MessageUsage"]

_INPUT = "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"
_COUNTS = *_INPUT, "output_tokens"


class MessageUsage:
    """Turns the reports of one reply, each a part of the totals so far, into increments.

    What was read from a cache and written to it are parts of our input, and stand beside
    Anthropic's. Where a reply took several requests on Anthropic's side, some of which its totals
    leave out, the sum of all of them counts.

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
        for totals in (report, _sum_of(report.get("iterations"))):
            self._note(totals, *_COUNTS)
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


def _sum_of(iterations: Any) -> dict[str, int]:
    """Return the sum of the requests that a reply took.

    Of a model that declined before it wrote anything, nothing is billed.
    """
    items = iterations if isinstance(iterations, list) else ()
    counts = [
        {name: count_of(item.get(name)) or 0 for name in _COUNTS}
        for item in items
        if isinstance(item, Mapping)
    ]
    billed = [count for count in counts if count["output_tokens"]]
    return {name: sum(count[name] for count in billed) for name in _COUNTS} if billed else {}
