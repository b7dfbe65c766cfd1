"""The command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> Never:
    """Run the command line and exit with its code.

    Args:
        arguments: The words after the command's name; by default those of the process.
    """
    try:
        # Imported before everything slow, so that Ctrl-C during an import exits quietly.
        from .leaving import leave, leave_at_once, on_interrupt

        with on_interrupt(lambda *_: leave_at_once(130)):
            from .app import invoke

            leave(invoke(arguments))
    except KeyboardInterrupt:  # before the handler was installed
        raise SystemExit(130) from None
