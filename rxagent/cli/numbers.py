"""Numbers: as people write them at the command line."""

from threading import TIMEOUT_MAX

import click

__all__ = ["seconds", "steps"]


def seconds(said: str | float) -> float:
    """Return a number of seconds above 0, as long as a thread can wait."""
    try:
        number = float(said)
    except ValueError:
        number = 0
    if not 0 < number <= TIMEOUT_MAX:
        raise click.BadParameter(f"{said!r} is no number of seconds above 0.")
    return number


def steps(said: str | int) -> int:
    """Return a number of steps, 0 or more."""
    try:
        number = int(said)
    except ValueError:
        number = -1
    if number < 0:
        raise click.BadParameter(f"{said!r} is no number of steps, 0 or more.")
    return number
