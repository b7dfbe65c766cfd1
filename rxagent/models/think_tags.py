"""Think tags: what a model thinks in the text of its answer, between tags such as `<think>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from io import StringIO

from ..events import Delta, ReasoningDelta, StepRetried, TextDelta
from ..json_text import lacks_end
from ..messages import ProviderData
from .own_tags import THINK, Tags

__all__ = ["ThinkTags"]

_LONGEST_GAP = 80
"""Characters of a closing tag and of the white space behind it that are given back."""

_LONGEST = 1 << 20
"""Characters after which the search for a closing tag ends."""

_MOST_MENTIONS = 16
"""Tags that are only mentioned, after which the search ends."""

_ENOUGH = 200
"""Characters behind a tag that suffice to see whether it is only mentioned."""

_RETRACTED = "The text so far was a thought: it ended in {}."


class _State(Enum):
    START = auto()
    THOUGHT = auto()
    WATCH = auto()
    GAP = auto()
    ANSWER = auto()


class ThinkTags:
    """Separates the thoughts at the start of a text from the answer behind them.

    A tag may come in pieces, so what could be the beginning of one is held back. White space
    between the two is dropped. Some servers send the closing tag alone, since their template has
    opened the thought already. The text before such a tag was emitted as the answer's, so a
    `StepRetried` retracts it, and it follows as reasoning.

    Attributes:
        are_over: Whether all further text is the answer's.
        may_pass: Whether text without the sign `<` is the answer's, as far as can be known.

    Args:
        origin: The origin that gets thoughts back between their tags; None keeps no tags.
        tags: The tags that the model may use; of the first, the closing one may come alone.
    """

    def __init__(self, origin: str | None = None, tags: Sequence[Tags] = (THINK,)) -> None:
        self._origin = origin
        self._all = tags
        self._open, self._close = self._used = tags[0]
        self._tags: tuple[str, str] | None = None
        self._has_thought = False
        self._state = _State.START
        self._blank: list[str] = []
        self._held = ""
        self._emitted = StringIO()
        self._length = 0
        self._watches = True
        self._mentions = 0
        self.are_over = self.may_pass = False

    def passed(self, text: str) -> None:
        """Note a text without the sign `<` that was emitted as the answer's."""
        if self._state is _State.WATCH:
            self._emitted.write(text)
            self._length += len(text)
            if self._length > _LONGEST:
                self._settle()

    def add(self, text: str) -> list[Delta]:
        """Add a piece of the text, and return the deltas that are certain now."""
        deltas: list[Delta] = []
        self._held += text
        if self._state is _State.START:
            self._begin()
        if self._state is _State.THOUGHT:
            deltas += self._think()
        if self._state is _State.WATCH:
            deltas += self._watch()
        if self._state is _State.GAP:
            deltas += self._pass_gap()
        if self._state is _State.ANSWER and self._held:
            deltas.append(TextDelta(self._held))
            self._held = ""
        self.are_over = self._state is _State.ANSWER
        self.may_pass = self.are_over or (self._state is _State.WATCH and not self._held)
        return deltas

    def settle(self) -> list[Delta]:
        """End the search for a closing tag, and return the text that was held back for it."""
        self._watches = False
        if self._state is not _State.WATCH:
            return self._kept_tags()
        deltas = self._watch(at_end=True, is_followed=True)
        if self._state is _State.WATCH:
            self._settle()
        return deltas + self.add("")

    def end(self) -> list[Delta]:
        """Return what was held back, at the end of the text."""
        deltas = self._watch(at_end=True) if self._state is _State.WATCH else []
        kind = ReasoningDelta if self._state is _State.THOUGHT else TextDelta
        held = "".join(self._blank) + self._held
        self._blank, self._held = [], ""
        deltas += self._kept_tags()
        return [*deltas, kind(held)] if held and self._state is not _State.GAP else deltas

    def _settle(self) -> None:
        self._state = _State.ANSWER
        self._emitted = StringIO()
        self.are_over = True

    def _begin(self) -> None:
        """Find out whether the text opens a thought; read the blanks before it only once."""
        seen = self._held.lstrip()
        self._blank.append(self._held[: len(self._held) - len(seen)])
        self._held = seen
        opened = next((tags for tags in self._all if seen.startswith(tags[0])), None)
        marks = (self._close, *(opening for opening, _ in self._all))
        if opened is not None:
            self._used = opened
            self._held = seen[len(opened[0]) :]
            self._blank = []
            self._state = _State.THOUGHT
        elif seen == self._close or not any(mark.startswith(seen) for mark in marks):
            self._held = "".join(self._blank) + seen
            self._blank = []
            self._state = _State.WATCH if self._watches else _State.ANSWER

    def _think(self) -> list[Delta]:
        closing = self._used[1]
        thought, tag, after = self._held.partition(closing)
        if tag:
            self._held = after
            self._tags = self._used
            self._state = _State.GAP
        else:
            kept = _beginning_of(closing, thought)
            thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
        self._has_thought = self._has_thought or bool(thought)
        return [ReasoningDelta(thought)] if thought else []

    def _watch(self, at_end: bool = False, is_followed: bool = False) -> list[Delta]:
        deltas: list[Delta] = []
        while self._state is _State.WATCH and self._held:
            before, tag, after = self._held.partition(self._close)
            is_far = bool(tag) and self._length + len(before) > _LONGEST
            if is_far or self._open in before:  # then no closing tag stands alone
                self._settle()
            elif not tag:
                kept = max(_beginning_of(self._close, before), _beginning_of(self._open, before))
                self._held = before[len(before) - kept :]
                deltas += self._pass(before[: len(before) - kept])
                break
            else:
                is_known = at_end or len(after) >= _ENOUGH
                text = self._emitted.getvalue() + before
                ends = _ends_thought(text, after[:_ENOUGH], is_known, is_followed)
                if ends is None:  # it depends on what follows
                    break
                if ends:
                    deltas += self._retract(before)
                    self._held = after
                else:
                    self._held = after
                    self._mentions += 1
                    deltas += self._pass(before + tag)
                    if self._mentions >= _MOST_MENTIONS:
                        self._settle()
        return deltas

    def _pass_gap(self) -> list[Delta]:
        """Drop the white space behind a thought, once it is known what is to be given back."""
        text = self._held.lstrip()
        if self._tags and len(self._tags[1]) < _LONGEST_GAP:
            opening, closing = self._tags
            gap = self._held[: len(self._held) - len(text)]
            self._tags = opening, (closing + gap)[:_LONGEST_GAP]
        self._held = text
        if not text:
            return []
        self._state = _State.ANSWER
        return self._kept_tags()

    def _kept_tags(self) -> list[Delta]:
        """Return what keeps the tags around the thought, once."""
        tags, self._tags = self._tags, None
        if self._origin is None or tags is None or not self._has_thought:
            return []
        return [ReasoningDelta("", (ProviderData(self._origin, {"think_tags": [*tags]}),))]

    def _pass(self, text: str) -> list[Delta]:
        self.passed(text)
        return [TextDelta(text)] if text else []

    def _retract(self, before: str) -> list[Delta]:
        emitted = self._emitted.getvalue()
        self._settle()
        self._tags = "", self._close
        self._state, self.are_over = _State.GAP, False  # from which `add` goes on
        deltas: list[Delta] = [StepRetried(1, _RETRACTED.format(self._close))] if emitted else []
        thought = emitted + before
        self._has_thought = bool(thought.strip())
        return [*deltas, ReasoningDelta(thought)] if thought.strip() else deltas


def _beginning_of(tag: str, text: str) -> int:
    """Return the length of the end of a text that may be the beginning of a tag."""
    return next(size for size in range(len(tag) - 1, -1, -1) if text.endswith(tag[:size]))


_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_BLOCKS = {
    re.compile(r"^[ \t]*<code(?:\s[^<>\n]*)?>", re.MULTILINE): "</code>",
    re.compile(r"<tool_call>\s*[{<]"): "</tool_call>",
    re.compile(r"<function=[\w.-]+>"): "</function>",
}
"""How blocks of code and calls begin, and how they end."""
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "„": "“"}
_PAIRS |= {"(": ")", "[": "]", "{": "}", ">": "<", "*": "*", "_": "_", "|": "|", "/": "/"}
_MARKS = ".,;:!?)]}"
_ESCAPED = {'\\"', "\\'"}
_ENDS = ".!?:;…)]}\"'”’»*`。！？>"


def _ends_thought(
    before: str, after: str, at_end: bool = False, is_followed: bool = False
) -> bool | None:
    """Return whether a closing tag without an opening one ends a thought, or is only mentioned.

    It ends one right behind a word, or where its line ends and a sentence has ended before it, or
    a blank line follows. It does not in code, in quotes, and in the middle of a sentence.

    Args:
        before: The text before it.
        after: As much of the text behind it as is known.
        at_end: Whether no more text will come.
        is_followed: Whether a call or a thought comes instead, so that the text may end anywhere.

    Returns:
        None, if that depends on what comes next.
    """
    line = before[before.rfind("\n") + 1 :]
    if line.count("`") % 2 or len(_FENCE.findall(before)) % 2 or _is_in_a_value(before):
        return False
    said, is_own = before.rstrip(), not line.strip()
    has_ended = said[-1:] in _ENDS and not (is_own and said.endswith(":"))  # which introduces it
    if is_own:
        if has_ended:
            return True
    else:
        mark = after[:1]
        if not at_end and (not mark or (mark == "\\" and len(after) < 2)):
            return None
        if mark and (mark in _MARKS or _PAIRS.get(line[-1]) == mark or after[:2] in _ESCAPED):
            return False
        if not line[-1].isspace():
            return True
    rest = after.lstrip(" \t")
    if not rest and not at_end:
        return None
    if rest and rest[0] not in "\r\n":
        return False
    if has_ended or (is_followed and is_own and not rest.strip()):
        return True
    is_apart = re.match(r"\r?\n[ \t]*\r?\n", rest)
    if is_apart or at_end or rest.strip():
        return bool(is_apart)
    return None


def _is_in_a_value(text: str) -> bool:
    """Return whether a text ends within a JSON value, a block of code or a call."""
    if lacks_end(text):
        return True
    for opening, closing in _BLOCKS.items():
        opened = [found.end() for found in opening.finditer(text)]
        if opened and text.find(closing, opened[-1]) < 0:
            return True
    return False
