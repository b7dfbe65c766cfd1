"""The texts of what code raises, for the model: the line, the error, and what to do."""

from __future__ import annotations

import linecache
import mmap
import traceback
from errno import EACCES, EPERM, EROFS

__all__ = ["Faults"]

_LONGEST = 10_000

_ADVICE: dict[type[BaseException], str] = {
    NameError: "Define it first.",
    SyntaxError: "Correct it; none of the code ran.",
    ModuleNotFoundError: "It is not installed; do without it.",
    SystemExit: "Code cannot end its process; call final_answer to end the task.",
    RecursionError: "Write a loop, or recurse less deeply.",
    EOFError: "There is no input; what is needed must be in the code, or come from a function.",
}
_FORBIDDEN = "Only the current folder can be written to, and there is neither a network nor a new "
_FORBIDDEN += "process."


class Faults:
    """Describes errors of code, and tells whether the process can go on after them.

    Args:
        memory: How many bytes code may hold.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._name = ""
        self._lines: list[str] = []

    def note_source(self, number: int, source: str) -> str:
        """Note the code that runs next, and return the name of its file."""
        self._name = f"<code {number}>"
        self._lines = source.splitlines(keepends=True)
        linecache.cache[self._name] = (len(source), None, self._lines, self._name)
        return self._name

    def is_fatal(self, error: BaseException) -> bool:
        """Return whether the process cannot go on: what its variables hold leaves no memory."""
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)
        try:
            mmap.mmap(-1, max(1, self._memory // 8)).close()
        except (MemoryError, OSError):
            return True
        return False

    def text(self, error: BaseException) -> str:
        """Return the text of an error."""
        where, said = self._place(error), _said(error)
        if len(said) > _LONGEST:
            said = f"{said[:_LONGEST]}…"
        if not said.endswith((".", "!", "?", "…")):
            said += "."
        return " ".join(filter(None, (f"{where}{said}", self._advice(error))))

    def _place(self, error: BaseException) -> str:
        if isinstance(error, SyntaxError) and error.filename == self._name:
            return self._shown(self._name, error.lineno or 0)
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            if (name := frame.f_code.co_filename).startswith("<code "):
                return self._shown(name, line)
        return ""

    def _shown(self, name: str, line: int) -> str:
        text = linecache.getline(name, line).strip()
        earlier = "" if name == self._name else " of earlier code"
        shown = f", `{text if len(text) <= 200 else text[:200] + '…'}`" if text else ""
        return f"Line {line}{earlier}{shown}: "

    def _advice(self, error: BaseException) -> str:
        if isinstance(error, MemoryError):
            return f"Code may hold {self._memory // 2**20:,} MiB of memory; hold less at once."
        if isinstance(error, OSError) and error.errno in (EACCES, EPERM, EROFS):
            return _FORBIDDEN
        for kind in type(error).__mro__:
            if kind in _ADVICE:
                return _ADVICE[kind]
        return ""


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    try:
        message = str(error)
    except Exception:  # an error of the error must not hide it
        message = ""
    if isinstance(error, BaseExceptionGroup):
        message = "; ".join([message, *map(_said, error.exceptions)])
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
