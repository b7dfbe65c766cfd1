"""Prompt: messages as people type them at a terminal, or as a pipe brings them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from .editor import line_editor
from .history import History
from .keys import QUIET, Keys, Tty
from .leaving import before_leaving
from .stdio import echo
from .type_ahead import TypeAhead

__all__ = ["Keyboard", "Pipe", "read_message"]

_FIRST, _MORE = "> ", ". "
_QUOTES = '"""'


def read_message(ask: Callable[[str], str]) -> str:
    """Return the next message: a line, or several.

    A line that ends in a backslash goes on in the next one, and a block stands between triple
    quotes. Where there are no more lines in the midst of a message, it ends there, too.

    Args:
        ask: Returns the next line; told what to ask for it with.

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
    """Asks for messages at a terminal.

    Lines that arrive together are one message. What is typed while an answer comes stands in the
    line of the next prompt, and is sent when Enter is pressed there.

    Args:
        history: What was typed before; known and added to where lines can be edited.
        words: What Tab completes at the beginning of a message.
    """

    is_terminal = True

    def __init__(self, history: History | None, words: Sequence[str]) -> None:
        _reconfigure(sys.stdin, errors="replace")
        self._shares_stdout = sys.stdout.isatty()
        screen = sys.stdout if self._shares_stdout else sys.stderr
        self._tty = Tty.of_stdin(screen if screen.isatty() else None)
        self._ahead = None if self._tty is None else TypeAhead(self._tty)
        self._editor = line_editor(history, words, self._tty)
        self._ended = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hold the terminal during a conversation."""
        if self._tty is None:
            yield
        else:
            with before_leaving(self._tty.close):
                yield

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Collect what is typed while an answer comes."""
        if self._ahead is None:
            yield
        else:
            with self._ahead.collecting():
                yield

    def read(self, *, interrupted: bool = False) -> str:
        """Return the next message that is not blank.

        Ctrl-C drops what is being typed. When there is nothing to drop, it has to be pressed
        again, and the user is told so.

        Args:
            interrupted: Whether it was pressed just before.

        Raises:
            EOFError: There are no more messages.
            KeyboardInterrupt: Ctrl-C was pressed again.
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

    def _ask(self, sign: str) -> str:
        """Return the next line, or the lines that arrive with it."""
        begun = ""
        if sign == _FIRST:
            echo("", err=True)
            begun = self._typed_ahead()
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

    def _typed_ahead(self) -> str:
        """Return what was typed before it was asked for.

        Raises:
            EOFError: It was Ctrl-D.
        """
        if self._tty is None or self._ahead is None:
            return ""
        self._tty.open()
        if self._ended:
            raise EOFError
        return self._ahead.take()

    def _arrived_with_it(self) -> str:
        """Return what arrives together with a line: the rest of what was pasted."""
        keys = Keys()
        if self._tty is not None:
            self._tty.drain(keys, QUIET)
        self._ended = keys.ended and not keys.text
        return keys.text

    def _edited(self, sign: str, begun: str) -> str:
        try:
            return self._editor.ask(sign, begun)
        except EOFError:
            self._end_line()
            raise
        except KeyboardInterrupt:
            self._end_line()
            if sign == _MORE or not self._editor.is_empty:
                raise _Dropped from None
            raise

    def _end_line(self) -> None:
        self._show("\n")

    def _show(self, text: str) -> None:
        echo(text, err=not self._shares_stdout, end="")


class _Dropped(Exception):
    """What was being typed is not wanted any more."""


class Pipe:
    """Takes messages from a pipe or a file, without a word."""

    is_terminal = False

    def __init__(self) -> None:
        _reconfigure(sys.stdin, encoding="utf-8", errors="replace")

    def open(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def answering(self) -> AbstractContextManager[None]:
        """Do nothing: a pipe keeps what is not read."""
        return nullcontext()

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


def _reconfigure(stream: Any, **how: str) -> None:
    stream.reconfigure(**how)
