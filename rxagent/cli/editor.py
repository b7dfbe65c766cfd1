"""Editors: how one line is read at a terminal, and the history behind the arrow keys."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ..printable import shown
from .stdio import write_at_once
from .terminal import Keys, Tty

__all__ = ["Editor", "History", "history_path", "line_editor"]

_KEPT = 1000


def history_path() -> Path:
    """Return the file with the messages of `rxagent chat`, in the folder of its settings."""
    return Path(click.get_app_dir("rxagent")) / "chat-history.jsonl"


class History:
    """A file of texts, each a line of JSON, the latest last.

    Several processes may append to it. When it cannot be read or written, the history is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[str]:
        """Yield the latest texts; remove the older ones from a long file."""
        with suppress(OSError):
            lines = self._path.read_bytes().splitlines(keepends=True)
            if len(lines) > 2 * _KEPT:
                self._write(b"".join(lines[-_KEPT:]), os.O_TRUNC)
            for line in lines[-_KEPT:]:
                with suppress(ValueError):
                    if isinstance(text := json.loads(line), str):
                        yield text

    def add(self, text: str) -> None:
        """Append a text."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write(json.dumps(text).encode() + b"\n", os.O_APPEND)

    def _write(self, lines: bytes, how: int) -> None:
        # Only the user may read the messages, also in a file from before.
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | how, mode=0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(file, 0o600)
            os.write(file, lines)
        finally:
            os.close(file)


class Editor:
    """Reads lines from a terminal, in the system's own line mode."""

    @property
    def is_empty(self) -> bool:
        """Whether the line is empty, or was when Ctrl-C was pressed."""
        return True

    def ask(self, sign: str, begun: str) -> str:
        """Return the next line.

        Args:
            sign: The prompt.
            begun: Text that the line contains from the start, for the user to edit or send;
                several lines become one. The system's line mode has none.

        Raises:
            EOFError: There are no more lines.
        """
        return input(sign)

    def remember(self, text: str) -> None:
        """Add a text to the history, if there is one."""


class _Readline(Editor):
    """Python's readline, with a history."""

    def __init__(self, readline: Any, history: History | None, tty: Tty | None) -> None:
        self._readline = readline
        self._tty = tty
        self._begun = ""  # text that is not in the line yet
        self._history = history
        self._latest = ""
        for self._latest in history or ():
            readline.add_history(self._latest)

    @property
    def is_empty(self) -> bool:
        return not (self._begun or self._readline.get_line_buffer())

    def ask(self, sign: str, begun: str) -> str:
        def redraw() -> None:
            write_at_once(sys.stdout, sign + self._readline.get_line_buffer())

        def insert() -> None:
            self._readline.insert_text(begun)
            self._begun = ""
            self._readline.redisplay()

        self._begun = begun
        self._readline.set_pre_input_hook(insert if begun else None)
        if self._tty is None:
            return input(sign)
        self._tty.open(echo=True)  # without it readline shows nothing
        try:
            with self._tty.redrawing(redraw):
                return input(sign)
        finally:
            self._tty.open()

    def remember(self, text: str) -> None:
        if text != self._latest:
            self._latest = text
            self._readline.add_history(text)
            if self._history is not None:
                self._history.add(text)


class _Plain(Editor):
    """A line in which Backspace works, on any terminal; it has no history."""

    def __init__(self, tty: Tty, screen: Any) -> None:
        self._tty = tty
        self._screen = screen
        self._keys = Keys()

    @property
    def is_empty(self) -> bool:
        return not self._keys.text

    def ask(self, sign: str, begun: str) -> str:
        self._keys = keys = Keys(begun)

        def show_all() -> None:
            self._show(sign + shown(keys.text))

        self._screen.flush()
        show_all()
        with self._tty.redrawing(show_all):
            return self._read(keys)

    def _read(self, keys: Keys) -> str:
        while True:
            before = keys.text
            data = self._tty.read(1)  # one byte: those after Enter belong to the next line
            keys.press(data)
            if not data and keys.text:
                return keys.text
            if not data or keys.ended:
                raise EOFError
            taken = max(len(before) - len(keys.text), 0)
            self._show("\b \b" * taken + shown(keys.text[len(before) :]))
            if data in (b"\r", b"\n") and not keys.is_pasting:
                return keys.text[:-1]

    def _show(self, text: str) -> None:
        write_at_once(self._screen, text)


def line_editor(history: History | None, words: Sequence[str], tty: Tty | None) -> Editor:
    """Return the best editor that the terminal supports.

    Args:
        history: The earlier texts; None to keep none.
        words: The completions of Tab at the start of a line.
        tty: The terminal at stdin, if its keys can be read.
    """
    on_screen = sys.stdout.isatty()
    if on_screen:
        with suppress(ImportError):
            import readline

            _set_up(readline, words)
            return _Readline(readline, history, tty)
    return Editor() if tty is None else _Plain(tty, sys.stdout if on_screen else sys.stderr)


def _set_up(readline: Any, words: Sequence[str]) -> None:
    def complete(begun: str, at: int) -> str | None:
        matching = [word for word in words if begun and word.startswith(begun)]
        return matching[at] if at < len(matching) else None

    readline.set_auto_history(False)
    readline.set_completer_delims("")
    readline.set_completer(complete)
    if "libedit" in (readline.__doc__ or ""):
        readline.parse_and_bind("bind ^I rl_complete")
    else:
        readline.parse_and_bind("tab: complete")
        # Makes lines that are pasted together one text; a dumb terminal cannot mark a paste.
        pasted = "off" if os.environ.get("TERM") == "dumb" else "on"
        readline.parse_and_bind(f"set enable-bracketed-paste {pasted}")
