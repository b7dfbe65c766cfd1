"""Written calls: the tool calls that a model writes into its text."""

import json
import re
from collections.abc import Collection, Iterable
from enum import Enum, auto
from typing import TypeAlias

from ...events import Delta, TextDelta, ToolCallDelta
from .json_text import JsonEnd, items_of, members_of

__all__ = ["CLOSE", "OPEN", "WrittenCalls", "calls_in"]

OPEN, CLOSE = "<tool_call>", "</tool_call>"

_NAMES = ("name", "function")
_ARGUMENTS = ("arguments", "parameters")
_KEYS = {*_NAMES, *_ARGUMENTS, "id", "type"}
_FIRST_KEY = re.compile(r'[\[\s]*\{\s*"([^"\\]*)"\s*:')
_COULD_BEGIN = re.compile(r'[\[\s]*(\{\s*("[^"\\]*("\s*:?)?)?)?')
_BEGUN = re.compile(r'\s*\{.*?"name"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_BEGUN_ARGUMENTS = re.compile(r'"(?:arguments|parameters)"\s*:\s*(?=\{)(.*)\Z', re.DOTALL)
_MOST_BLANKS = 1000

Call: TypeAlias = tuple[str, str]
"""The name of a tool, and the arguments as they were written."""


class _State(Enum):
    START = auto()
    BARE = auto()
    TEXT = auto()
    TAGGED = auto()


class WrittenCalls:
    """Separates the calls in a text from the answer around them.

    A call stands between `<tool_call>` and `</tool_call>`, or, where tools are offered, as bare
    JSON at the beginning of the text: an object, an array of them, or several in a row. Bare JSON
    is a call only if its name is a tool's. What cannot be read as a call remains text.

    Args:
        tools: The names of the tools that are offered.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._state = _State.START
        self._held = ""
        self._body = ""
        self._end = JsonEnd()
        self.count = 0

    @property
    def may_pass(self) -> bool:
        """Whether text without the sign `<` is the answer's."""
        return self._state is _State.TEXT and not self._held

    def add(self, text: str) -> list[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""
        deltas: list[Delta] = []
        self._held += text
        while self._held:
            state, length = self._state, len(self._held)
            deltas += self._steps[state](self)
            if (state, length) == (self._state, len(self._held)):
                break
        return deltas

    def end(self, is_cut: bool) -> list[Delta]:
        """Return what was held back, at the end of the text.

        Args:
            is_cut: Whether the model was interrupted. A call that has begun then comes in half.
        """
        if self._state in (_State.TAGGED, _State.BARE):
            body = self._body + self._held
            is_tagged = self._state is _State.TAGGED
            self._body = self._held = ""
            calls = calls_in(body) or (_begun(body) if is_cut else None) or ()
            if calls and (is_tagged or self._are_offered(calls)):
                return self._called(calls)
            return _text(OPEN + body if is_tagged else body)
        held, self._held = self._held, ""
        return _text("" if self.count and not held.strip() else held)

    def _start(self) -> list[Delta]:
        """Find out whether the text begins with a call; blanks before and behind one are none."""
        seen = self._held.lstrip()
        if not seen and len(self._held) < _MOST_BLANKS:
            return []
        if self._tools and self._could_be_bare(seen):
            self._state, self._body, self._held = _State.BARE, "", seen
            self._end = JsonEnd()
        elif seen.startswith(OPEN):
            self._held = seen
            self._state = _State.TEXT
        elif not OPEN.startswith(seen):
            self._held = seen if self.count else self._held
            self._state = _State.TEXT
        return []

    def _bare(self) -> list[Delta]:
        end = self._end.add(self._held)
        if end is None:
            self._body, self._held = self._body + self._held, ""
            if not self._could_be_bare(self._body):
                self._give_up()
            return []
        self._body, self._held = self._body + self._held[:end], self._held[end:]
        calls = calls_in(self._body)
        if not calls or not self._are_offered(calls):
            self._give_up()
            return []
        self._state = _State.START
        self._held = self._held.lstrip("; \t\r\n")
        return self._called(calls)

    def _give_up(self) -> None:
        self._state, self._held, self._body = _State.TEXT, self._body + self._held, ""

    def _read_text(self) -> list[Delta]:
        before, tag, after = self._held.partition(OPEN)
        if tag:
            self._state, self._body, self._held = _State.TAGGED, "", after
            self._end = JsonEnd()
            return _text(before if before.strip() else "")
        kept = next(size for size in range(len(OPEN) - 1, -1, -1) if before.endswith(OPEN[:size]))
        self._held = before[len(before) - kept :]
        return _text(before[: len(before) - kept])

    def _tagged(self) -> list[Delta]:
        """Look for the closing tag, which may also stand within a text of the call."""
        before, tag, after = self._held.partition(CLOSE)
        if not tag:
            kept = next(n for n in range(len(CLOSE) - 1, -1, -1) if before.endswith(CLOSE[:n]))
            taken, self._held = before[: len(before) - kept], before[len(before) - kept :]
            self._take(taken)
            return []
        self._held = after
        self._take(before)
        if self._end.is_inside:
            self._take(tag)
            return []
        calls = calls_in(self._body)
        self._state = _State.START if calls else _State.TEXT
        return self._called(calls) if calls else _text(OPEN + self._body + tag)

    def _take(self, text: str) -> None:
        self._body += text
        self._end.add(text)

    def _could_be_bare(self, text: str) -> bool:
        found = _FIRST_KEY.match(text)
        return found[1] in _KEYS if found else bool(_COULD_BEGIN.fullmatch(text))

    def _are_offered(self, calls: Iterable[Call]) -> bool:
        return all(name in self._tools for name, _ in calls)

    def _called(self, calls: Iterable[Call]) -> list[Delta]:
        deltas: list[Delta] = []
        for name, arguments in calls:
            deltas.append(ToolCallDelta(self.count, None, name, arguments))
            self.count += 1
        return deltas

    _steps = {
        _State.START: _start,
        _State.BARE: _bare,
        _State.TEXT: _read_text,
        _State.TAGGED: _tagged,
    }


def calls_in(text: str) -> list[Call] | None:
    """Return the calls that a JSON text describes; None if it does not describe calls alone."""
    parts = items_of(text) if text.lstrip().startswith("[") else [text]
    calls = [_call(part) for part in parts or ()]
    found = [call for call in calls if call is not None]
    return found if found and len(found) == len(calls) else None


def _call(text: str) -> Call | None:
    members = members_of(text)
    if members is None:
        return None
    if members.get("function", "").startswith("{"):
        members = members_of(members["function"]) or {}
    name = _string(next((members[key] for key in _NAMES if key in members), ""))
    arguments = next((members[key] for key in _ARGUMENTS if key in members), "{}")
    inner = _string(arguments)
    if inner is not None and members_of(inner) is not None:  # a text that holds JSON
        arguments = inner
    return (name, arguments) if name else None


def _begun(text: str) -> list[Call] | None:
    """Return a call that was cut, with the arguments so far."""
    found = _BEGUN.match(text)
    name = _string(found[1]) if found else None
    if not name:
        return None
    arguments = _BEGUN_ARGUMENTS.search(text)
    return [(name, arguments[1] if arguments else "")]


def _string(text: str) -> str | None:
    if not text.startswith('"'):
        return None
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _text(text: str) -> list[Delta]:
    return [TextDelta(text)] if text else []
