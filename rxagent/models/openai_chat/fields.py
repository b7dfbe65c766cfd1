"""Fields of a chunk in all dialects: usage, finish reasons, indexes, ids and cut characters."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Hashable, Mapping
from typing import Any

from ...events import Usage
from ...finish_reasons import finish_of

__all__ = [
    "FAR",
    "Halves",
    "Usages",
    "count_of",
    "failed_end_of",
    "holds_more",
    "id_of",
    "number",
    "reason_in",
    "reason_of",
    "string",
    "whole",
]

FAR = 1_000_000
"""An index that no choice and no call of the answer reaches."""

_NAMES_FAILURE = re.compile(
    r"error|fail|exception|malformed|invalid|unexpected|missing|too.?many|abort|cancel|time.?out"
    r"|interrupt|overload",
    re.IGNORECASE,
)
"""What a finish reason behind a gateway has that names a failure, unless a table knows it."""

_NO_REASON = ("", "null", "none")


def string(value: Any) -> str:
    """Return a text.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError
    return value


def holds_more(delta: Any) -> bool:
    """Return whether a delta holds more than a role."""
    return bool(delta) and any(value for name, value in delta.items() if name != "role")


def number(value: Any) -> int | None:
    """Return an index, as a number or as text; None when it is none."""
    if type(value) is int and 0 <= value < FAR:  # as nearly always
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    return int(value) if is_number and 0 <= value < FAR else None


def id_of(value: Any) -> str | None:
    """Return an id as text, whatever its type."""
    if isinstance(value, str):
        return whole(value) or None
    return None if value is None or isinstance(value, bool) else json.dumps(value)


# Finish reasons


def reason_of(value: Any) -> str:
    """Return the finish reason of a choice in its provider's word; empty when there is none."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = value.get("type") or value.get("reason") or value
    reason = string(value or "")
    return "" if reason.strip().lower() in _NO_REASON else reason


def _failed_reason_of(native: Any) -> str:
    """Return the finish reason behind a gateway if it names a failure, else an empty text."""
    reason = reason_of(native) if isinstance(native, str) else ""
    return reason if reason and finish_of(reason) is None and _NAMES_FAILURE.search(reason) else ""


def reason_in(choice: Mapping[str, Any]) -> str:
    """Return the finish reason of a choice, or what names its failure; empty without any."""
    reason = reason_of(choice.get("finish_reason"))
    if not reason and choice.get("stop_reason") in ("error", "failed"):
        reason = "error"
    native = choice.get("native_finish_reason")
    return (_failed_reason_of(native) if native else "") or reason


def failed_end_of(reason: Any) -> Any:
    """Return a finish reason that is the description of a failure, as SGLang's, or None."""
    if not isinstance(reason, Mapping) or finish_of(reason_of(reason)) is not None:
        return None
    return reason if reason.get("message") else None


# Usage

_INPUT = "prompt_tokens", "input_tokens"
_OUTPUT = "completion_tokens", "output_tokens"
_OF_INPUT = "prompt_tokens_details", "input_tokens_details"
_OF_OUTPUT = "completion_tokens_details", "output_tokens_details"
_READ = "cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"
_WRITTEN = "cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens"
_BESIDE = "cache_read_input_tokens", "cache_creation_input_tokens"
_THOUGHT = ("reasoning_tokens",)
"""The names of Anthropic, DeepSeek, LiteLLM, Moonshot, OpenAI, OpenRouter and Qwen (November 2026);
details lie in an object of their own, or in the report itself."""

_MOST = 10**12
"""More tokens than any reply has: some servers report -1 as an unsigned number."""


class Usages:
    """Turns the usage reports of one reply, which are totals so far, into increments.

    A report that cannot be read counts as unknown, and so does a detail.

    Args:
        model: The model that is named in each increment.
    """

    def __init__(self, model: str | None) -> None:
        self._model = model
        self._used = [0, 0, 0, 0, 0]

    def add(self, report: Any) -> Usage | None:
        """Return what a report adds to those before it; None when that is nothing."""
        if not isinstance(report, Mapping):
            return None
        taken, made = count_of(_first(report, _INPUT)), count_of(_first(report, _OUTPUT))
        if taken is None or made is None:
            return None
        read = _detail(report, _OF_INPUT, _READ)
        thought = _detail(report, _OF_OUTPUT, _THOUGHT)
        written = _detail(report, _OF_INPUT, _WRITTEN)
        if _leaves_out_caches(report, taken, read + written):
            taken += read + written
        made = _all_made(report, taken, made, thought, (read, written, read + written))
        totals = taken, made, read, thought, written
        added = [max(0, now - before) for now, before in zip(totals, self._used, strict=True)]
        if not any(added):
            return None
        self._used = [sum(pair) for pair in zip(self._used, added, strict=True)]
        taken, made, read, thought, written = added
        return Usage(taken, made, read, thought, written, self._model)


def _leaves_out_caches(report: Mapping[str, Any], taken: int, cached: int) -> bool:
    """Return whether the input of a report lacks the tokens of caches.

    Anthropic reports them beside the input, and some servers under OpenAI's name for the input.
    """
    is_of_openai = any(name in report for name in (_INPUT[0], *_OF_INPUT))
    is_beside = any(name in report for name in _BESIDE)
    return cached > taken or (is_beside and not is_of_openai)


def _all_made(
    report: Mapping[str, Any], taken: int, made: int, thought: int, cached: Container[int]
) -> int:
    """Return the output of a report with its reasoning, which some servers leave out.

    The total tells: xAI counts reasoning beside the output, and so do Gemini's endpoint and
    proxies, some of which do not name it (November 2026).

    Args:
        report: The report.
        taken: Its input.
        made: Its output.
        thought: Its reasoning.
        cached: What a total may have beside input and output, where it counts caches twice.
    """
    if thought > made:
        return made + thought
    rest = (count_of(report.get("total_tokens")) or 0) - taken - made
    return made + rest if rest == thought or (rest > 0 and rest not in cached) else made


def _first(report: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((report[name] for name in names if report.get(name) is not None), None)


def _detail(report: Mapping[str, Any], places: tuple[str, ...], names: tuple[str, ...]) -> int:
    details = _first(report, places)
    found = _first(details, names) if isinstance(details, Mapping) else None
    return count_of(_first(report, names) if found is None else found) or 0


def count_of(value: Any) -> int | None:
    """Return a number of tokens, zero when it is missing; None when it makes no sense."""
    if value is None:
        return 0
    if type(value) is int and 0 <= value <= _MOST:
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= _MOST and value % 1 == 0 else None


# Characters that a provider has cut in two


class Halves:
    """Joins the halves of surrogate pairs across the pieces of several texts.

    The first half waits for the next piece of its text; a half that stays alone becomes U+FFFD,
    since no text with one can be encoded.

    Attributes:
        kept: The halves that wait for their other ones, by the key of their text.
    """

    def __init__(self) -> None:
        self.kept: dict[Hashable, str] = {}

    def join(self, key: Hashable, text: str) -> str:
        """Return a piece of the text of this key as whole characters."""
        if not self.kept and text.isascii():
            return text
        text = self.kept.pop(key, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            self.kept[key] = text[-1]
            text = text[:-1]
        return whole(text)

    def drop(self, key: Hashable) -> None:
        """Forget the half of the text of this key, whose whole character comes again."""
        self.kept.pop(key, None)

    def flush(self) -> dict[Hashable, str]:
        """Return the replacements of the halves that are left, by key."""
        kept, self.kept = self.kept, {}
        return dict.fromkeys(kept, "�")


def whole(text: str) -> str:
    """Return a text without halves: pairs are joined, single ones become U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
