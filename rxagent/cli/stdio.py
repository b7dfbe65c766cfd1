"""Stdio: the three standard streams, which may be closed, full or cut.

What goes to stdout was asked for: where it cannot be written, the command fails. What goes to
stderr is said beside it: where that cannot be written, the command goes on.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from ..printable import shown

__all__ = ["OutputLost", "echo", "guarded", "open_stdin", "require_stdout"]


class OutputLost(Exception):
    """Stdout cannot be written; the cause is an OSError."""

    @property
    def reader_left(self) -> bool:
        """Whether a reader that has left is the reason, as with `| head`."""
        return getattr(self.__cause__, "errno", None) == errno.EPIPE

    def __str__(self) -> str:
        why = getattr(self.__cause__, "strerror", None) or self.__cause__
        return f"Stdout cannot be written: {why}. Send it to a file or pipe that can be."


def echo(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print a text, with its control characters visible; nothing else of the command line prints.

    Args:
        text: It may hold what models, tools and servers say.
        err: Whether it goes to stderr.
        end: What is printed after it.
    """
    stream = sys.stderr if err else sys.stdout
    stream.write(shown(text) + end)
    stream.flush()


def open_stdin() -> Any:
    """Return stdin.

    Raises:
        click.UsageError: It is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("Stdin is closed, so nothing can be read from it. Pipe a text in.")
    return sys.stdin


def require_stdout() -> None:
    """Check that stdout is open, before a model is paid for an answer that cannot be printed.

    Raises:
        OutputLost: It is closed.
    """
    if isinstance(sys.stdout, _Output):
        sys.stdout.require()


@contextmanager
def guarded() -> Iterator[None]:
    """Let `sys.stdout` raise OutputLost and `sys.stderr` be silent where they cannot be written."""
    _fill_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout = _Output(before[0])
    sys.stderr = _Commentary(before[1], is_stdout=_is_one(*before))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _is_one(one: Any, other: Any) -> bool:
    """Tell whether two streams lead to one and the same place."""
    try:
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except (AttributeError, OSError, ValueError):
        return False


def _fill_descriptors() -> None:
    """Open the null device as each standard stream that is closed.

    The next file or socket would get its number, and be written to as if it were that stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the system takes the lowest number that is free


class _Output:
    """Stdout."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._lost = OSError(errno.EBADF, "it is closed") if stream is None else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:
        """The encoding, as of any stream of text."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Tell whether this is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        """Write a text; characters that the encoding lacks are written as their numbers."""
        self.require()
        if self._lost is None:
            with self._faults():
                self._write(text)
        return len(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            known = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
            self._stream.write(known)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what waits in the buffer."""
        if self._stream is None:
            return
        self.require()
        if self._lost is None:
            with self._faults():
                self._stream.flush()

    def require(self) -> None:
        """Raise where nothing can be written, as known from the start or from an earlier try."""
        if self._lost is not None:
            self.lose(self._lost)

    def lose(self, error: OSError) -> None:
        """Deal with what cannot be written."""
        raise OutputLost from error

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._silence()
            self._lost = error
            self.lose(error)
        except ValueError as error:  # what Python says of a stream that was closed meanwhile
            self._lost = OSError(errno.EBADF, str(error))
            self.lose(self._lost)

    def _silence(self) -> None:
        """Lead the stream to nowhere: what waits in its buffer is flushed again at our end."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class _Commentary(_Output):
    """Stderr: silent where it cannot be written."""

    def __init__(self, stream: Any, *, is_stdout: bool) -> None:
        super().__init__(stream)
        self._is_stdout = is_stdout

    def lose(self, error: OSError) -> None:
        """Go on, unless stdout is the same pipe, whose reader has left (`2>&1 | head`)."""
        if error.errno == errno.EPIPE and self._is_stdout:
            raise OutputLost from error
