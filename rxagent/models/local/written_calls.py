"""Written calls: the tool calls that a model writes into its text."""

import re
from collections.abc import Iterable
from enum import Enum, auto

from ...events import Delta, TextDelta, ToolCallDelta
from .call_forms import Call, Schemas, begun_call, calls_in
from .json_text import JsonEnd

__all__ = ["CLOSE", "OPEN", "WrittenCalls"]

OPEN, CLOSE = "<tool_call>", "</tool_call>"

_KEYS = {"name", "function", "arguments", "parameters", "id", "type"}
_FIRST_KEY = re.compile(r'[\[\s]*\{\s*"([^"\\]*)"\s*:')
_COULD_BEGIN = re.compile(r'[\[\s]*(\{\s*("[^"\\]*("\s*:?)?)?)?')
_MOST_BLANKS = 1000
_BLANKS, _SEPARATORS = " \t\r\n", "; \t\r\n"


class _State(Enum):
    START = auto()
    BARE = auto()
    TEXT = auto()
    TAGGED = auto()


class WrittenCalls:
    """Separates the calls in a text from the answer around them.

    A call stands between `<tool_call>` and `</tool_call>`, or, where tools are offered, as bare
    JSON at the beginning of the text: an object, an array of them, or several in a row. Bare JSON
    is a call only if its name is a tool's. Line breaks around calls are dropped. What cannot be
    read as a call remains text.

    Args:
        tools: The tools that are offered.
    """

    def __init__(self, tools: Schemas) -> None:
        self._tools = tools
        self._state = _State.START
        self._held = ""
        self._gap = ""
        self._between = _BLANKS
        self._body = ""
        self._end = JsonEnd()
        self.count = 0

    def passes(self, text: str) -> bool:
        """Return whether a piece is the answer's as it is, as far as can be seen at once."""
        is_plain = "<" not in text and not text.endswith("\n")
        return is_plain and self._state is _State.TEXT and not self._held

    def add(self, text: str) -> list[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""
        deltas: list[Delta] = []
        self._held += text
        while self._held:
            state, length = self._state, len(self._held)
            deltas += self._step()
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
            calls = calls_in(body, self._tools) or (begun_call(body) if is_cut else None) or ()
            if calls and (is_tagged or self._are_offered(calls)):
                return self._called(calls)
            return _text(self._gap + OPEN + body if is_tagged else body)
        held, self._held = self._held, ""
        return _text("" if self.count and not held.strip(self._between) else held)

    def _step(self) -> list[Delta]:
        match self._state:
            case _State.START:
                return self._start()
            case _State.BARE:
                return self._bare()
            case _State.TEXT:
                return self._read_text()
            case _State.TAGGED:
                return self._tagged()

    def _start(self) -> list[Delta]:
        """Find out whether the text begins with a call; blanks before and behind one are none."""
        seen = self._held.lstrip(self._between)
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
        calls = calls_in(self._body, self._tools)
        if not calls or not self._are_offered(calls):
            self._give_up()
            return []
        self._state, self._between = _State.START, _SEPARATORS
        return self._called(calls)

    def _give_up(self) -> None:
        self._state, self._held, self._body = _State.TEXT, self._body + self._held, ""

    def _read_text(self) -> list[Delta]:
        before, tag, after = self._held.partition(OPEN)
        if tag:
            self._state, self._body, self._held = _State.TAGGED, "", after
            self._end = JsonEnd()
            passed = before.rstrip("\n")
            self._gap = before[len(passed) :]
            return _text(passed)
        kept = next(size for size in range(len(OPEN) - 1, -1, -1) if before.endswith(OPEN[:size]))
        passed = before[: len(before) - kept].rstrip("\n")
        self._held = before[len(passed) :]
        return _text(passed)

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
        if self._end.is_inside and self._body.lstrip().startswith(("{", "[")):
            self._take(tag)
            return []
        calls = calls_in(self._body, self._tools)
        self._state, self._between = (_State.START if calls else _State.TEXT), _BLANKS
        return self._called(calls) if calls else _text(self._gap + OPEN + self._body + tag)

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


def _text(text: str) -> list[Delta]:
    return [TextDelta(text)] if text else []
