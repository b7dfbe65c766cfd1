"""Written calls: the tool calls that a model writes into its text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto

from ...call_forms import CALL_CLOSE, CALL_OPEN, KEYS, Call, Schemas, begun_call, calls_in
from ...errors import ParseError
from ...events import Delta, TextDelta, ToolCallDelta
from ...json_text import JsonEnd

__all__ = ["WrittenCalls"]

_FIRST_KEY = re.compile(r'[\[\s]*\{\s*"([^"\\]*)"\s*:')
_COULD_BEGIN = re.compile(r'[\[\s]*(\{\s*("[^"\\]*("\s*:?)?)?)?')
_OPENING = re.compile(f"{CALL_OPEN}|<function=([^<>\n]+)>")
_BEGUN_FUNCTION = re.compile(r"<function=[^<>\n]{0,100}")
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
    JSON: an object, an array of them, or several in a row. Bare JSON is a call only if it names a
    tool, has its arguments and is all of the text; so it is emitted at the end. Some models leave
    out the opening tag before `<function=name>`, which then stands for it, if there is such a tool.
    Line breaks around calls are dropped, unless they stand between texts. What cannot be read as a
    call remains text.

    Args:
        tools: The tools that are offered.
    """

    def __init__(self, tools: Schemas) -> None:
        self._tools = tools
        self._state = _State.START
        self._held = ""
        self._gap = ""  # the line breaks between the text and the call behind it
        self._has_text = False
        self._between = _BLANKS
        self._opening = ""  # what a call begins with, beside its body
        self._body = ""
        self._end = JsonEnd()
        self._bare_calls: list[Call] = []
        self._passed = ""  # the text from the first bare call on, or from the blanks before it
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
        body, self._body, self._held = self._body + self._held, "", ""
        if self._state is _State.TAGGED:
            calls = self._calls_in(body, is_marked=True) or (begun_call(body) if is_cut else None)
            return self._called(calls) if calls else _text(self._gap + self._opening + body)
        calls, self._bare_calls = self._bare_calls, []
        if not body.strip(self._between):
            return (
                self._called(calls) if calls else _text("" if self.count else self._passed + body)
            )
        begun = begun_call(body, is_marked=False) if is_cut and self._state is _State.BARE else None
        if begun and self._are_offered(begun):
            return self._called([*calls, *begun])
        if calls and is_cut:
            return [*self._called(calls), *_text(body)]
        return _text(self._passed + body)

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
        """Find out whether the text begins with a call, or goes on with one."""
        seen = self._held.lstrip(self._between)
        if not seen and len(self._held) < _MOST_BLANKS:
            return []
        if self._tools and self._could_be_bare(seen):
            self._passed += self._held[: len(self._held) - len(seen)]
            self._state, self._body, self._held = _State.BARE, "", seen
            self._end = JsonEnd()
        elif seen.startswith(CALL_OPEN):
            calls, self._bare_calls, self._passed = self._bare_calls, [], ""
            self._state, self._held = _State.TEXT, seen
            return self._called(calls)
        elif not CALL_OPEN.startswith(seen):
            self._give_up()
        return []

    def _bare(self) -> list[Delta]:
        end = self._end.add(self._held)
        if end is None:
            self._body, self._held = self._body + self._held, ""
            if not self._could_be_bare(self._body):
                self._give_up()
            return []
        self._body, self._held = self._body + self._held[:end], self._held[end:]
        calls = self._calls_in(self._body)
        if not calls:
            self._give_up()
            return []
        self._bare_calls += calls
        self._passed, self._body = self._passed + self._body, ""
        self._state, self._between = _State.START, _SEPARATORS
        return []

    def _give_up(self) -> None:
        """Go on as text, with all that was held back; blanks behind a call only part two texts."""
        text = self._passed + self._body + self._held
        if self.count:
            behind = text.lstrip(_BLANKS)
            parting = text[: len(text) - len(behind)] or self._gap
            text = parting + behind if self._has_text and behind else behind
        self._held = text
        self._has_text = self._has_text or bool(text.strip())
        self._state, self._body, self._passed, self._bare_calls = _State.TEXT, "", "", []

    def _read_text(self) -> list[Delta]:
        for opening in _OPENING.finditer(self._held):
            if opening[1] is None or opening[1].strip() in self._tools:
                before = self._held[: opening.start()]
                self._opening = "" if opening[1] else CALL_OPEN
                self._held = self._held[len(before) + len(self._opening) :]
                self._state, self._body, self._end = _State.TAGGED, "", JsonEnd()
                passed = before.rstrip("\n")
                self._gap = before[len(passed) :] if before else self._gap
                return _text(passed)
        before = self._held.removesuffix(self._begun())
        passed = before.rstrip("\n")
        self._held = self._held[len(passed) :]
        return _text(passed)

    def _begun(self) -> str:
        """Return the end of what is held that may be the beginning of a call."""
        last = self._held[self._held.rfind("<") :] if "<" in self._held else ""
        is_begun = any(tag.startswith(last) for tag in (CALL_OPEN, "<function="))
        return last if is_begun or _BEGUN_FUNCTION.fullmatch(last) else ""

    def _tagged(self) -> list[Delta]:
        """Look for the closing tag, which may also stand within a text of the call."""
        before, tag, after = self._held.partition(CALL_CLOSE)
        if not tag:
            kept = next(
                n for n in range(len(CALL_CLOSE) - 1, -1, -1) if before.endswith(CALL_CLOSE[:n])
            )
            taken, self._held = before[: len(before) - kept], before[len(before) - kept :]
            self._take(taken)
            return []
        self._held = after
        self._take(before)
        if self._end.is_inside and self._body.lstrip().startswith(("{", "[")):
            self._take(tag)
            return []
        body, self._body = self._body, ""
        calls = self._calls_in(body, is_marked=True)
        self._state, self._between = (_State.START if calls else _State.TEXT), _BLANKS
        if calls:
            return self._called(calls)
        gap, self._gap, self._has_text = self._gap, "", True
        return _text(gap + self._opening + body + tag)

    def _take(self, text: str) -> None:
        self._body += text
        self._end.add(text)

    def _could_be_bare(self, text: str) -> bool:
        found = _FIRST_KEY.match(text)
        return found[1] in KEYS.all if found else bool(_COULD_BEGIN.fullmatch(text))

    def _calls_in(self, text: str, is_marked: bool = False) -> list[Call] | None:
        try:
            return calls_in(text, self._tools, is_marked=is_marked)
        except ParseError:  # an agent reads the text again, and says what is wrong with it
            return None

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
