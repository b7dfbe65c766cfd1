"""Editor: lines that can be edited while they are typed, and what was typed before."""

import os
from collections.abc import Sequence
from typing import Any

from .history import History

__all__ = ["Editor", "line_editor"]


class Editor:
    """What makes `input` at a terminal comfortable: Python's readline, and a history."""

    def __init__(self, readline: Any, history: History) -> None:
        self._readline = readline
        self._history = history
        self._latest = ""
        for self._latest in history:
            readline.add_history(self._latest)

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the line, or stood there when Ctrl-C was pressed."""
        return not self._readline.get_line_buffer()

    def remember(self, text: str) -> None:
        """Let a text be found again by the arrow keys, also in later processes."""
        if text != self._latest:
            self._latest = text
            self._readline.add_history(text)
            self._history.add(text)


def line_editor(history: History, words: Sequence[str]) -> Editor | None:
    """Return an editor, or None where Python comes without readline.

    Args:
        history: What was typed before.
        words: What Tab completes at the beginning of a line.
    """
    try:
        import readline
    except ImportError:
        return None

    def complete(begun: str, at: int) -> str | None:
        fitting = [word for word in words if begun and word.startswith(begun)]
        return fitting[at] if at < len(fitting) else None

    readline.set_auto_history(False)
    readline.set_completer_delims("")
    readline.set_completer(complete)
    if "libedit" in (readline.__doc__ or ""):
        readline.parse_and_bind("bind ^I rl_complete")
    else:
        readline.parse_and_bind("tab: complete")
        # Lines that are pasted together are one text then; a dumb terminal cannot tell.
        pasted = "off" if os.environ.get("TERM") == "dumb" else "on"
        readline.parse_and_bind(f"set enable-bracketed-paste {pasted}")
    return Editor(readline, history)
