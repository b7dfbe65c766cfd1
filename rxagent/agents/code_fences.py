"""Fences of Markdown, and which of them hold Python."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

from .code_statements import parsed

__all__ = ["A_FENCE", "FENCE", "FENCE_BEGUN", "Fence", "code_of_fences"]

FENCE = re.compile(r"([ \t]*)(`{3,99}(?=[^`\n]*\n)|~{3,99})([^\n]{0,200})\n")
FENCE_BEGUN = re.compile(r"[ \t]*(?:`{0,2}|~{0,2}|`{3,99}[^`\n]{0,200}|~{3,99}[^\n]{0,200})")
A_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)

_WORD = re.compile(r"\w+(?:-\w+)*")
_PYTHON = re.compile(r"(?:i?py|i?python)\d*|tool_code")
"""The languages whose code runs. A transcript, as of `python-repl`, holds results, too."""


@frozen
class Fence:
    """A fence of Markdown: its signs, what it is indented by, and the language that it names."""

    signs: str
    indent: int
    language: str

    @classmethod
    def of(cls, found: re.Match[str]) -> Fence:
        """Return the fence that a match of `FENCE` has found."""
        blanks, signs, info = found.groups()
        word = _WORD.search(info)
        return cls(signs, len(blanks), word[0].lower() if word else "")

    @property
    def may_hold_python(self) -> bool:
        """Whether it names Python, or no language."""
        return not self.language or _PYTHON.fullmatch(self.language) is not None

    def is_ended_by(self, line: str, *, so_far: bool) -> bool:
        """Return whether a line ends it; of a line that may grow, whether it may do so."""
        line = line.strip()
        return not line.strip(self.signs[0]) and (so_far or len(line) >= len(self.signs))


def code_of_fences(fences: Iterable[tuple[str, str]]) -> list[str]:
    """Return the code of fences: of those that name Python, or else of those that are Python.

    Args:
        fences: The language that each names, and its code.
    """
    every = list(fences)
    named = [code for language, code in every if language]
    return named or [code for _, code in every if parsed(code)]
