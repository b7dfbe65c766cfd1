"""Editors: how one line is asked for at a terminal."""

import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from ..printable import shown
from .history import History
from .keys import Keys, Tty

__all__ = ["Editor", "line_editor"]


class Editor(Protocol):
    """Asks for lines."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the line, or stood there when Ctrl-C was pressed."""

    def ask(self, sign: str, begun: str) -> str:
        """Return the next line.

        Args:
            sign: What is shown before it.
            begun: What stands in it already, to be sent by Enter or edited; it may be several
                lines, which are one then.

        Raises:
            EOFError: There are no more.
        """

    def remember(self, text: str) -> None:
        """Let a text be found again."""


class _Readline:
    """Python's readline, and a history."""

    def __init__(self, readline: Any, history: History | None, tty: Tty | None) -> None:
        self._readline = readline
        self._tty = tty
        self._begun = ""  # what is not in the line yet
        self._history = history
        self._latest = ""
        for self._latest in history or ():
            readline.add_history(self._latest)

    @property
    def is_empty(self) -> bool:
        return not (self._begun or self._readline.get_line_buffer())

    def ask(self, sign: str, begun: str) -> str:
        def insert() -> None:
            self._readline.insert_text(begun)
            self._begun = ""
            self._readline.redisplay()

        self._begun = begun

        self._readline.set_pre_input_hook(insert if begun else None)
        if self._tty is None:
            return input(sign)
        self._tty.open(echo=True)  # or readline shows nothing
        try:
            return input(sign)
        finally:
            self._tty.open()

    def remember(self, text: str) -> None:
        """Let a text be found again by the arrow keys, also in later processes."""
        if text != self._latest:
            self._latest = text
            self._readline.add_history(text)
            if self._history is not None:
                self._history.add(text)


class _Plain:
    """A line in which the last characters can be taken back, on any terminal."""

    def __init__(self, tty: Tty, screen: Any) -> None:
        self._tty = tty
        self._screen = screen
        self._keys = Keys()

    @property
    def is_empty(self) -> bool:
        return not self._keys.text

    def ask(self, sign: str, begun: str) -> str:
        self._keys = keys = Keys(begun)
        self._show(sign + shown(begun))
        while True:
            before = keys.text
            data = self._tty.read(1)  # one at a time, for what follows Enter is not of this line
            keys.press(data)
            if not data and keys.text:
                return keys.text
            if not data or keys.ended:
                raise EOFError
            taken = max(len(before) - len(keys.text), 0)
            self._show("\b \b" * taken + shown(keys.text[len(before) :]))
            if data in (b"\r", b"\n") and not keys.is_pasting:
                return keys.text[:-1]

    def remember(self, text: str) -> None:
        """Forget it: there are no arrow keys."""

    def _show(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()


class _System:
    """What the system's terminal makes of a line by itself."""

    is_empty = True

    def ask(self, sign: str, begun: str) -> str:
        return input(sign)

    def remember(self, text: str) -> None:
        """Forget it: there are no arrow keys."""


def line_editor(history: History | None, words: Sequence[str], tty: Tty | None) -> Editor:
    """Return the best editor there is.

    Args:
        history: What was typed before; None where nothing is to be remembered for later.
        words: What Tab completes at the beginning of a line.
        tty: The terminal at stdin, if its keys can be read.
    """
    if sys.stdout.isatty():
        try:
            import readline
        except ImportError:
            pass
        else:
            _set_up(readline, words)
            return _Readline(readline, history, tty)
    return (
        _System() if tty is None else _Plain(tty, sys.stdout if sys.stdout.isatty() else sys.stderr)
    )


def _set_up(readline: Any, words: Sequence[str]) -> None:
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
