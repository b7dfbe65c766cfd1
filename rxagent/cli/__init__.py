"""The command line."""

from collections.abc import Sequence
from typing import Never

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> Never:
    """Run the command line, and leave with its exit code.

    Args:
        arguments: What stands after the command's name; by default the process's own arguments.
    """
    try:
        # Before anything that takes long to import.
        from .leaving import interrupts_leave, leave

        with interrupts_leave():
            from .app import invoke

            leave(invoke(arguments))
    except KeyboardInterrupt:  # so early that nothing was set up
        raise SystemExit(130) from None
