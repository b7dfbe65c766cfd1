"""Code in a reply that arrives in pieces: what is a block, and where it ends.

.. code-block:: text

    prose ─┬─ <code> ─┬─ Python ─────────────── </code> ─┬─ prose
           │          └─ ```python ─ Python ─ ``` ───────┤
           ├─ ```python ─ Python ─ ``` ──────────────────┤
           └─ ```json ─ any text ─ ``` ──────────────────┘
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy

from .code_fences import A_FENCE, FENCE, FENCE_BEGUN, Fence, code_of_fences
from .code_statements import complete_statements, parsed
from .code_tags import begun_in, does_something, opens_block, pattern_of
from .code_texts import PythonReader, begun

__all__ = ["CodeReader"]


class CodeReader:
    """Finds the blocks of code in a text. How the text is split makes no difference.

    Attributes:
        blocks: The code of each block between the tags, or of each fence if those are the tags.
        fences: The other fences that may hold Python: the languages that they name, and the code.
        over: Where in the text the first block that holds code has ended; None if it has not.
        waits: Whether the end of a line must come before it is known what a tag in it means.

    Args:
        opening: The text before a block.
        closing: The text after it.
    """

    def __init__(self, opening: str, closing: str) -> None:
        self.blocks: list[str] = []
        self.fences: list[tuple[str, str]] = []
        self.over: int | None = None
        are_fences = closing in opening
        self._is_markdown = are_fences and opening[:3] in ("```", "~~~")
        self._opening = "" if self._is_markdown else opening
        self._closing = "" if self._is_markdown else "\n" * are_fences + closing
        self._tag = re.compile(pattern_of(self._opening) if self._opening else r"(?!)")
        self._seek = re.compile(rf"(?P<tag>{self._tag.pattern})|\n|`+")
        self._seek_end = re.compile(rf"(?P<tag>{re.escape(self._closing) or '(?!)'})|\n|`+")
        self._text, self._at, self._length = "", 0, 0
        self._tail = ""
        self._final = False
        self._fence: Fence | None = None
        self._python: PythonReader | None = None
        self._is_in_tag = self._is_at_start = self._is_wrapped = False
        self._parts: list[str] = []
        self._others: list[str] = []
        self._sure: list[str] = []
        self._has_code = False
        self._starts_line, self._span, self._ticks, self._before = True, 0, 0, ""
        self._has_words = False
        self.waits = self._is_cut = False
        self._prose: list[str] = []
        self._bare: PythonReader | None = PythonReader()
        self._bare_text = -1

    @classmethod
    def inside(cls) -> CodeReader:
        """Return a reader of the text of one block."""
        reader = cls("", "\0")
        reader._closing, reader._is_in_tag, reader._is_at_start = "", True, True
        reader._seek_end = reader._seek
        return reader

    def add(self, text: str) -> None:
        """Read a piece of the text."""
        self._text = self._text[self._at :] + text
        self._at = 0
        self._length += len(text)
        self._tail = (self._tail + text)[-len(self._closing) - 8 :]
        while self._step():
            pass

    def end(self) -> None:
        """End the text; a block that is open ends, too."""
        self._final = True
        while self._step():
            pass
        if self._python is not None:
            self._end_python(self._python)
        if self._is_in_tag:
            self._end_block()

    def fresh(self) -> str:
        """Return the code of the first block that was read since the last call, and is certain."""
        if self._python is not None and self._is_asked and not self.blocks:
            self._sure.append(self._python.fresh())
        found = "".join(self._sure)
        self._has_code = self._has_code or bool(found.strip())
        if not self._has_code:
            self._sure = [found]
            return ""
        self._sure.clear()
        return found

    @property
    def missing(self) -> str:
        """What the text lacks to close the block that is open; empty if none is."""
        if self.waits:
            whole = deepcopy(self)
            whole._is_cut, whole.waits = True, False
            whole.add("")
            return whole.missing
        python = self._python
        if not (self._is_in_tag or (python and self._is_asked)):
            return ""
        fence = f"\n{self._fence.signs}" if self._fence else ""
        end = self._closing or fence
        if self._tail.endswith(end) or (python and python.ends_early):
            return ""
        if self._is_in_tag and fence and (size := begun(self._tail, fence)) > 1:
            return f"{fence[size:]}\n{end}"
        if end[0] != "\n" and python is not None and python.needs_line:
            return f"\n{end}"
        return end[begun(self._tail, end) :]

    @property
    def _is_asked(self) -> bool:
        """Whether the code that is read belongs to a block, and not to another fence."""
        return self._is_in_tag or (
            self._is_markdown and self._fence is not None and bool(self._fence.language)
        )

    def _step(self) -> bool:
        """Read one thing; return whether to go on."""
        if self._python is not None:
            return self._read_python(self._python)
        if self._is_at_start:
            return self._begin_block()
        if self._fence is not None:
            return self._pass_fence(self._fence)
        return self._read_prose()

    # Prose

    def _read_prose(self) -> bool:
        if self._starts_line:
            fence = self._find_fence(FENCE.match, self._text, self._at)
            if fence is not None:
                return self._meet_fence(fence)
            if not self._final and self._find_fence(FENCE_BEGUN.fullmatch, self._text, self._at):
                return False
        tag = self._closing if self._is_in_tag else self._opening
        end = len(self._text)
        if not self._final:
            begins = begun(self._text[max(self._at, end - len(tag)) :], tag)
            end -= begins or begun_in(tag, self._text[self._at :])
        found = (self._seek_end if self._is_in_tag else self._seek).search(self._text, self._at)
        if found is None or found.start() >= end:
            self._pass(end)
            return False
        self._pass(found.start())
        if found["tag"] is not None:
            return self._meet_tag(found.end())
        self._pass(found.end())
        return True

    def _find_fence(
        self, find: Callable[..., re.Match[str] | None], text: str, at: int = 0
    ) -> re.Match[str] | None:
        """Return a fence, or its beginning; within a tag, one that is not ended by the tag."""
        found = find(text, at)
        is_ended = found and self._is_in_tag and self._closing and self._closing in found[0]
        return None if is_ended else found

    def _pass(self, end: int) -> None:
        """Pass some prose: a line break, backticks, or anything else."""
        piece = self._text[self._at : end]
        self._at = end
        if not piece:
            return
        self._before = piece[-1]
        self._starts_line = self._before == "\n"
        self._has_words = not self._starts_line and (self._has_words or bool(piece.strip()))
        if self._before == "`":
            self._ticks += len(piece)
        else:
            self._open_span()
            self._span = 0 if self._starts_line else self._span
        if self._bare is not None:
            self._prose.append(piece)

    def _open_span(self) -> None:
        """Open or close the inline code that the backticks so far mean."""
        if self._ticks and self._span in (0, self._ticks):
            self._span = 0 if self._span else self._ticks
        self._ticks = 0

    def _meet_tag(self, end: int) -> bool:
        if self._is_in_tag:
            self._at = end
            self._end_block()
            return True
        self._open_span()
        opens: bool | None = False
        if not self._span:
            opens = opens_block(
                self._text[end:],
                self._closing,
                before=self._before,
                starts_line=not self._has_words,
                is_all=self._final or self._is_cut,
            )
        self.waits = opens is None
        if opens is None:
            return False
        if not opens or self._is_in_bare_text():
            self._pass(end)
            return True
        self._leave_prose(end)
        self._is_in_tag = self._is_at_start = True
        return True

    def _meet_fence(self, found: re.Match[str]) -> bool:
        fence = Fence.of(found)
        if self._is_wrapped and not fence.language:
            self._is_wrapped = False
            self._pass(found.end())
        elif not self._is_in_tag and self._is_in_bare_text():
            self._pass(found.end())
        else:
            self._leave_prose(found.end())
            self._fence = fence
            self._is_at_start = fence.may_hold_python
        return True

    def _leave_prose(self, end: int) -> None:
        self._at = end
        self._bare, self._span, self._before, self._starts_line = None, 0, "", True
        self._has_words = False
        self._prose.clear()

    def _is_in_bare_text(self) -> bool:
        """Whether the text is Python so far, does something, and ends in a string or comment."""
        if self._bare is None:
            return False
        self._bare.add("".join(self._prose), final=True)
        code = f"{self._bare.code}{self._bare.closing_brackets}"
        if self._bare.is_in_text and (
            self._bare_text == self._bare.opened_at or does_something(code)
        ):
            self._bare_text = self._bare.opened_at
            self._prose.clear()
            return True
        self._bare = None
        return False

    # Blocks

    def _begin_block(self) -> bool:
        """Find out what a tag or a fence begins with."""
        rest = self._text[self._at :].lstrip()
        blanks = len(self._text) - self._at - len(rest)
        fence = self._fence
        if fence is None:
            if self._find_fence(FENCE.match, rest):
                self._is_at_start = False
                self._at += blanks
                self._starts_line = True
                return True
            if not self._final and self._find_fence(FENCE_BEGUN.fullmatch, rest):
                return False
        elif self._opening and not self._is_in_tag:
            if self._tag.match(rest):
                self._is_at_start, self._fence, self._is_wrapped = False, None, True
                return True
            is_begun = self._opening.startswith(rest) or begun_in(self._opening, rest) == len(rest)
            if not self._final and is_begun:
                return False
        self._is_at_start = False
        if self._parts and not self.blocks:
            self._sure.append("\n")
        self._python = PythonReader(
            self._closing if self._is_in_tag else "",
            fence.signs if fence else "",
            fence.indent if fence else 0,
        )
        return True

    def _read_python(self, python: PythonReader) -> bool:
        text, self._text = self._text[self._at :], ""
        self._at = 0
        python.add(text, final=self._final)
        if not python.is_over:
            return False
        self._text = python.rest
        is_over = self._is_in_tag and not python.is_fence_over
        self._end_python(python)
        if is_over:
            self._end_block()
        return True

    def _end_python(self, python: PythonReader) -> None:
        code = python.code
        if self._is_asked and not self.blocks:
            self._sure.append(python.fresh())
        fence, self._fence, self._python = self._fence, None, None
        self._starts_line, self._span, self._before = False, 0, ""
        if self._is_in_tag:
            self._parts.append(code if fence else _without_prose(code))
        elif fence is not None and self._is_markdown and fence.language:
            self._parts.append(code)
            self._end_block()
        elif fence is not None:
            self.fences.append((fence.language, code))

    def _end_block(self) -> None:
        code = "\n".join(self._parts or self._others)
        self._parts, self._others = [], []
        self._is_in_tag = self._is_at_start = False
        if self.blocks and not self.blocks[0].strip():
            self.blocks.clear()
            self._sure = []
        self.blocks.append(code)
        if self.over is None and code.strip() and not self._final:
            self.over = self._length - (len(self._text) - self._at)

    def _pass_fence(self, fence: Fence) -> bool:
        """Pass a line of a fence of another language."""
        line = self._text.find("\n", self._at)
        end = len(self._text) if line < 0 else line + 1
        if self._is_in_tag and self._closing:
            mark = self._text.find(self._closing, self._at, end)
            if mark >= 0:
                self._others.append(self._text[self._at : mark])
                self._at, self._fence = mark + len(self._closing), None
                self._end_block()
                return True
        passed = self._text[self._at : end]
        may_grow = line < 0 and not self._final
        may_end = self._starts_line and fence.is_ended_by(passed, so_far=may_grow)
        if not passed or (may_grow and (may_end or self._is_in_tag)):
            return False
        self._at, self._starts_line = end, line >= 0
        if may_end:
            self._fence = None
        elif self._is_in_tag:
            self._others.append(passed)
        return True


def _without_prose(code: str) -> str:
    """Return the code of a block; if it is prose with fences, that of the fences."""
    if A_FENCE.search(code) is None or parsed(code) is not None or complete_statements(code):
        return code
    reader = CodeReader("```python", "```")
    reader.add(code)
    reader.end()
    return "\n".join(reader.blocks or code_of_fences(reader.fences)) or code
