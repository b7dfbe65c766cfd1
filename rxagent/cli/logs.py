"""Logs: how the warnings and errors that are logged look on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..printable import shown

__all__ = ["shown_logs"]


class _Shown(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


@contextmanager
def shown_logs() -> Iterator[None]:
    """Show the control characters of what is logged, where no tool has set up logging itself."""
    before = logging.lastResort
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Shown())
    logging.lastResort = handler
    try:
        yield
    finally:
        logging.lastResort = before
