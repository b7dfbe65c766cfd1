"""Calls of asynchronous functions that code has not awaited, as the model reads of them.

Their values are not there, so what was made of them, such as a text or a comparison, is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["advice_on", "early_answer", "note_on"]


def early_answer(names: Iterable[str]) -> str:
    """Return the error of a final answer that comes before calls were awaited.

    Args:
        names: The names of the functions.
    """
    return f"final_answer needs the values of calls that were not awaited: {_advice(names)}"


def note_on(names: Iterable[str]) -> str:
    """Return what is printed below the output of code that has not awaited calls.

    Args:
        names: The names of the functions.
    """
    return f"(Calls were not awaited, so their values are missing: {_advice(names)}.)\n"


def advice_on(error: str, names: Collection[str]) -> str:
    """Return what to do about an error, if it is that of a call that was not awaited.

    Args:
        error: The text of the error.
        names: The names of the functions that were called and not awaited.
    """
    if "'coroutine'" not in error:
        return ""
    how = f": {_advice(names)}" if names else ""
    return f" Await the call before you use its value{how}."


def _advice(names: Iterable[str]) -> str:
    return "write " + ", ".join(f"`await {name}(...)`" for name in dict.fromkeys(names))
