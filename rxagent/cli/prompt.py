"""Prompt: messages as people type them at a terminal, or as a pipe brings them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import click

from .editor import line_editor
from .history import History

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

    Args:
        history: What was typed before; known and added to where lines can be edited.
        words: What Tab completes at the beginning of a message.
    """

    is_terminal = True

    def __init__(self, history: History, words: Sequence[str]) -> None:
        _reconfigure(sys.stdin, errors="replace")
        self._shares_stdout = sys.stdout.isatty()
        self._editor = line_editor(history, words) if self._shares_stdout else None

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
                click.echo("Ctrl-C again leaves.", err=True)
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
                    if self._editor is not None:
                        self._editor.remember(text.strip())
                    return text

    def _ask(self, sign: str) -> str:
        if sign == _FIRST:
            click.echo(err=True)
        try:
            if self._shares_stdout:
                return input(sign)
            click.echo(sign, nl=False, err=True)
            return input()
        except EOFError:
            self._end_line()
            raise
        except KeyboardInterrupt:
            self._end_line()
            if sign == _MORE or not (self._editor is None or self._editor.is_empty):
                raise _Dropped from None
            raise

    def _end_line(self) -> None:
        click.echo(err=not self._shares_stdout)


class _Dropped(Exception):
    """What was being typed is not wanted any more."""


class Pipe:
    """Takes messages from a pipe or a file, without a word."""

    is_terminal = False

    def __init__(self) -> None:
        _reconfigure(sys.stdin, encoding="utf-8", errors="replace")

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
