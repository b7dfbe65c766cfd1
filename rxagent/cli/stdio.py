"""Stdio: the three standard streams, which may be closed, full or cut.

Stdout carries what the user asked for: when it cannot be written, the command fails. Stderr
carries comments: when it cannot be written, the command continues.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, TypeAlias

import click

from ..printable import shown

__all__ = [
    "OutputLost",
    "around_writes",
    "echo",
    "guarded",
    "open_stdin",
    "require_stdout",
    "write_at_once",
]


_Around: TypeAlias = Callable[[Any, str], AbstractContextManager[object]]


class OutputLost(Exception):
    """Stdout cannot be written; the cause is an OSError."""

    @property
    def reader_left(self) -> bool:
        """Whether the reader closed its end, as `| head` does."""
        return getattr(self.__cause__, "errno", None) == errno.EPIPE

    def __str__(self) -> str:
        why = getattr(self.__cause__, "strerror", None) or self.__cause__
        return f"Stdout cannot be written: {why}. Redirect it to a file or pipe that can."


def echo(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a text, with its control characters visible; the command line prints in no other way.

    Args:
        text: Text that may come from models, tools and servers.
        err: Whether to print to stderr.
        end: What to print after it.
    """
    stream = sys.stderr if err else sys.stdout
    stream.write(shown(text) + end)
    stream.flush()


def write_at_once(stream: Any, text: str) -> None:
    """Write to a terminal past the stream's buffer, also while a signal is handled.

    The signal may have come during a write to that buffer, which refuses a second one. A terminal
    that is gone is ignored.
    """
    data = text.encode(stream.encoding or "utf-8", "replace")
    with suppress(OSError):
        while data:
            data = data[os.write(stream.fileno(), data) :]


def open_stdin() -> Any:
    """Return stdin.

    Raises:
        click.UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("Stdin is closed, so nothing can be read from it. Pipe a text in.")
    return sys.stdin


def require_stdout() -> None:
    """Check that stdout is open, before the user pays for an answer that cannot be printed.

    Raises:
        OutputLost: It is closed.
    """
    if isinstance(sys.stdout, _Output):
        sys.stdout.require()


@contextmanager
def guarded() -> Iterator[None]:
    """Guard the standard streams and the log during a block.

    `sys.stdout` raises OutputLost and `sys.stderr` does nothing when they cannot be written.
    Log records without a handler go to stderr, with their control characters visible.
    """
    _fill_descriptors()
    before = sys.stdout, sys.stderr, logging.lastResort
    sys.stdout = _Output(before[0])
    sys.stderr = _Commentary(before[1], is_stdout=_same_file(*before[:2]))
    logging.lastResort = handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Formatter())
    try:
        yield
    finally:
        sys.stdout, sys.stderr, logging.lastResort = before


@contextmanager
def around_writes(around: _Around) -> Iterator[None]:
    """Enter a context around each write to a terminal during a block.

    Args:
        around: Called with the stream and the text.
    """
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Output) and stream.isatty():
                stack.enter_context(stream.surrounded(around))
        yield


def _same_file(one: Any, other: Any) -> bool:
    try:
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except (AttributeError, OSError, ValueError):
        return False


def _fill_descriptors() -> None:
    """Open the null device as each standard stream that is closed.

    Otherwise the next file or socket would get its number, and receive what is written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the system takes the lowest free number


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


class _Output:
    """Stdout."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._around: Callable[[str], AbstractContextManager[object]] = nullcontext
        self._lost = OSError(errno.EBADF, "it is closed") if stream is None else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:
        """The encoding, also of a closed stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        """Write a text; characters that the encoding lacks appear as their numbers."""
        self.require()
        if self._lost is None:
            with self._failures(), self._around(text):
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:
                    known = text.encode(self.encoding, "backslashreplace")
                    self._stream.write(known.decode(self.encoding))
        return len(text)

    @contextmanager
    def surrounded(self, around: _Around) -> Iterator[None]:
        """Enter a context around each write during a block."""
        self._around = partial(around, self)
        try:
            yield
        finally:
            self._around = nullcontext

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write the buffer; a stream that was closed from the start has none."""
        if self._stream is not None:
            self.require()
            if self._lost is None:
                with self._failures():
                    self._stream.flush()

    def require(self) -> None:
        """Raise OutputLost when an earlier write failed, or the stream is closed."""
        if self._lost is not None:
            self.lose(self._lost)

    def lose(self, error: OSError) -> None:
        """Handle an error that makes the stream unusable."""
        raise OutputLost from error

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # The interpreter flushes the buffer again at exit: send that to the null device.
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
            self._lost = error
            self.lose(error)
        except ValueError as error:  # the stream was closed meanwhile
            self._lost = OSError(errno.EBADF, str(error))
            self.lose(self._lost)


class _Commentary(_Output):
    """Stderr: silent when it cannot be written."""

    def __init__(self, stream: Any, *, is_stdout: bool) -> None:
        super().__init__(stream)
        self._is_stdout = is_stdout

    def lose(self, error: OSError) -> None:
        """Do nothing, unless stdout is the same pipe, whose reader closed it (`2>&1 | head`)."""
        if error.errno == errno.EPIPE and self._is_stdout:
            raise OutputLost from error
