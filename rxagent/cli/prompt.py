"""Prompt: messages that a person types at a terminal, or that a pipe contains."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

from .editor import History, line_editor
from .stdio import echo
from .terminal import QUIET, Keys, Tty
from .type_ahead import TypeAhead

if TYPE_CHECKING:
    from ..events import Event

__all__ = ["Keyboard", "Pipe", "read_message"]

_FIRST, _MORE = "> ", ". "
_QUOTES = '"""'


def read_message(ask: Callable[[str], str]) -> str:
    """Return the next message: a line, or several.

    A line that ends in a backslash continues in the next one, and a block stands between triple
    quotes. The end of input also ends an unfinished message.

    Args:
        ask: Returns the next line; its argument is the prompt.

    Raises:
        EOFError: There are no more messages.
    """
    line = ask(_FIRST)
    opened = line.lstrip()
    if opened.startswith(_QUOTES):
        return "\n".join(_block(opened.removeprefix(_QUOTES), ask))
    return "\n".join(_continued(line, ask))


def _block(line: str, ask: Callable[[str], str]) -> Iterator[str]:
    with suppress(EOFError):
        while not line.rstrip().endswith(_QUOTES):
            yield line
            line = ask(_MORE)
        yield line.rstrip().removesuffix(_QUOTES)


def _continued(line: str, ask: Callable[[str], str]) -> Iterator[str]:
    with suppress(EOFError):
        while line.endswith("\\"):
            yield line.removesuffix("\\")
            line = ask(_MORE)
        yield line


class Keyboard:
    """Reads messages at a terminal.

    Lines that arrive together are one message. A line that is typed during an answer is shown below
    it, and said to it; what was not entered, and what the answer does not take, appears at the next
    prompt, and Enter sends it.

    Args:
        history: The earlier messages; new ones are added where the editor has a history.
        words: The completions of Tab at the start of a message.
    """

    is_terminal = True

    def __init__(self, history: History | None, words: Sequence[str]) -> None:
        _reconfigure()
        self._shares_stdout = sys.stdout.isatty()
        screen = sys.stdout if self._shares_stdout else sys.stderr
        self._tty = Tty.of_stdin(screen if screen.isatty() else None)
        self._ahead = None if self._tty is None else TypeAhead(self._tty)
        self._editor = line_editor(history, words, self._tty)
        self._ended = False
        self._is_first = True
        self._is_text_open = False

    def open(self) -> AbstractContextManager[None]:
        """Restore the terminal at the end of a block or of the process, and during Ctrl-Z."""
        return nullcontext() if self._tty is None else self._tty.held()

    @contextmanager
    def answering(self, say: Callable[[str], bool]) -> Iterator[None]:
        """Collect what is typed during an answer.

        Args:
            say: Says a message to the answer, on any thread; returns whether that takes it.
        """
        said: list[str] = []

        def hear(text: str) -> bool:
            is_taken = _is_message(text) and say(text.strip())
            if is_taken:
                said.append(text.strip())
            return is_taken

        try:
            with nullcontext() if self._ahead is None else self._ahead.collecting(hear):
                yield
        finally:
            for text in said:
                self._editor.remember(text)

    def on_next(self, event: Event) -> None:
        """Take note of an event of the answer, after it was shown.

        A message that is received within a text is shown behind it; until then, it is shown where
        it was typed.
        """
        from ..events import Delta, MessageReceived

        if isinstance(event, MessageReceived) and self._is_text_open:
            return
        self._is_text_open = isinstance(event, Delta)
        if self._ahead is not None and not self._is_text_open:
            self._ahead.shown_above()

    def read(self, *, interrupted: bool = False) -> str:
        """Return the next message that is not blank.

        Ctrl-C drops the text being typed. Without any text, a hint appears, and a second Ctrl-C
        leaves.

        Args:
            interrupted: Whether Ctrl-C was pressed just before.

        Raises:
            EOFError: There are no more messages.
            KeyboardInterrupt: Ctrl-C was pressed a second time.
        """
        while True:
            if interrupted:
                echo("Ctrl-C again leaves.", err=True)
            try:
                text = read_message(self._ask)
            except _Dropped:
                interrupted = False
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
            else:
                interrupted = False
                if text.strip():
                    self._editor.remember(text.strip())
                    return text

    def ask(self, text: str, is_wanted: Callable[[], bool]) -> str:
        """Ask for a line during an answer.

        Args:
            text: The question.
            is_wanted: Whether the line still matters; looked at now and then.

        Raises:
            EOFError: Ctrl-D was pressed, or the line is not wanted any more.
        """
        if self._tty is None or self._ahead is None:
            return input(text)
        with self._ahead.suspended():
            echo(text, err=True, end="")
            line = self._tty.read_while(is_wanted)
            if not line:
                echo("", err=True)
                raise EOFError
        return line.decode("utf-8", "replace")

    def _ask(self, sign: str) -> str:
        """Return the next line, or the lines that arrive with it."""
        begun = ""
        if sign == _FIRST:
            echo("", err=True)
            # A line from before the first prompt had its Enter, so the editor reads it by itself.
            begun = self._typed_ahead(is_read=self._is_first)
            self._is_first = False
            if begun:
                echo("Typed ahead: Enter sends it, Ctrl-C drops it.", err=True)
        lines: list[str] = []
        while True:
            try:
                lines.append(self._edited(sign, begun))
            except EOFError:
                if lines:
                    break
                raise
            *whole, begun = self._arrived_with_it().split("\n")
            for line in whole:
                self._show(f"{_MORE}{line}\n")
            lines += whole
            if not begun:
                break
            sign = _MORE
        return "\n".join(lines)

    def _typed_ahead(self, *, is_read: bool) -> str:
        """Return the text typed during the answer.

        Args:
            is_read: Whether the editor reads what was typed, so that it is left alone.

        Raises:
            EOFError: Ctrl-D was pressed.
        """
        if self._tty is None or self._ahead is None:
            return ""
        self._tty.open()
        if self._ended:
            raise EOFError
        return "" if is_read else self._ahead.take()

    def _arrived_with_it(self) -> str:
        """Return the text that arrives together with a line: the rest of a paste."""
        keys = Keys()
        if self._tty is not None:
            self._tty.drain(keys, QUIET)
        self._ended = keys.ended and not keys.text
        return keys.text

    def _edited(self, sign: str, begun: str) -> str:
        try:
            return self._editor.ask(sign, begun)
        except (EOFError, KeyboardInterrupt) as error:
            self._show("\n")
            dropped = sign == _MORE or not self._editor.is_empty
            if isinstance(error, KeyboardInterrupt) and dropped:
                raise _Dropped from None
            raise

    def _show(self, text: str) -> None:
        echo(text, err=not self._shares_stdout, end="")


def _is_message(text: str) -> bool:
    """Return whether a typed text is a whole message, and no command."""
    is_open = text.endswith("\\") or text.lstrip().startswith(_QUOTES)
    return bool(text.strip()) and not is_open and (not text.startswith("/") or "\n" in text)


class _Dropped(Exception):
    """Ctrl-C dropped the text being typed."""


class Pipe:
    """Reads messages from a pipe or a file, without a prompt."""

    is_terminal = False

    def __init__(self) -> None:
        _reconfigure("utf-8")

    def open(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def answering(self, _: Callable[[str], bool]) -> AbstractContextManager[None]:
        """Do nothing: the pipe keeps what is not read."""
        return nullcontext()

    def on_next(self, event: Event) -> None:
        """Do nothing: what is not read is shown nowhere."""

    def ask(self, text: str, is_wanted: Callable[[], bool]) -> str:
        """Raise EOFError: a pipe holds messages, and no decisions."""
        raise EOFError

    def read(self, *, interrupted: bool = False) -> str:
        """Return the next message that is not blank.

        Raises:
            EOFError: There are no more messages.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        if interrupted:
            raise KeyboardInterrupt
        while not (text := read_message(self._next_line)).strip():
            pass
        return text

    def _next_line(self, _: str) -> str:
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")


def _reconfigure(encoding: str | None = None) -> None:
    """Replace what cannot be decoded; typeshed calls it a TextIO, which has no `reconfigure`."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding=encoding, errors="replace")
