"""Usages: what a provider reports of tokens, as increments."""

from collections.abc import Mapping
from typing import Any

from ..events import Usage

__all__ = ["Usages"]

_INPUT = "prompt_tokens", "input_tokens"
_OUTPUT = "completion_tokens", "output_tokens"
_DETAILS = "prompt_tokens_details", "input_tokens_details"
_WRITTEN = "completion_tokens_details", "output_tokens_details"


class Usages:
    """Reads the reports of one reply, which are totals so far.

    A report that cannot be read is unknown, and so is a detail.
    """

    def __init__(self) -> None:
        self._used = [0, 0, 0, 0]

    def add(self, report: Any) -> Usage | None:
        """Return what a report adds to those before it; None when that is nothing."""
        if not isinstance(report, Mapping):
            return None
        read, written = _first(report, _INPUT), _first(report, _OUTPUT)
        counts = [_count(read), _count(written)]
        if None in counts:
            return None
        counts += [
            _count(_detail(report, _DETAILS, "cached_tokens")),
            _count(_detail(report, _WRITTEN, "reasoning_tokens")),
        ]
        totals = [count or 0 for count in counts]
        added = [max(0, now - before) for now, before in zip(totals, self._used, strict=True)]
        if not any(added):
            return None
        self._used = [sum(pair) for pair in zip(self._used, added, strict=True)]
        return Usage(*added)


def _first(report: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((report[name] for name in names if report.get(name) is not None), None)


def _detail(report: Mapping[str, Any], names: tuple[str, ...], name: str) -> Any:
    details = _first(report, names)
    return details.get(name) if isinstance(details, Mapping) else None


def _count(said: Any) -> int | None:
    """Return a number of tokens, zero when nothing was said; None when it makes no sense."""
    if said is None:
        return 0
    is_whole = isinstance(said, int | float) and not isinstance(said, bool) and said % 1 == 0
    return int(said) if is_whole and said >= 0 else None
