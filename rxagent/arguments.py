"""Arguments: whoever gives a wrong one is told at once what it is, and what to write instead."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

__all__ = ["mapping", "meant", "number", "one_of", "refuse", "several", "shown", "text", "valid"]


def text(name: str, value: Any, *, what: str = "a str", optional: bool = False) -> None:
    """Check that an argument is a text."""
    if not (isinstance(value, str) or (optional and value is None)):
        raise TypeError(f"{name} is {what}, not {shown(value)}.")


def one_of(name: str, value: Any, known: Sequence[Any]) -> None:
    """Check that an argument is one of some values, two at least."""
    if value not in known:
        listed = f"{', '.join(map(repr, known[:-1]))} or {known[-1]!r}"
        raise ValueError(f"{name} is {listed}, not {shown(value)}.")


def number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    what: str = "a number of seconds",
    whole: bool = False,
    optional: bool = False,
) -> None:
    """Check that an argument is a number, `least` at least, or above `above`."""
    if optional and value is None:
        return
    fault: type[TypeError | ValueError] = TypeError
    if not isinstance(value, bool) and isinstance(value, int if whole else int | float):
        if (least is not None and value >= least) or (above is not None and value > above):
            return
        fault = ValueError
    limit = f"{least:g} or more" if above is None else f"above {above:g}"
    raise fault(f"{name} is {what}, {limit}, not {shown(value)}.")


def mapping(name: str, value: Any) -> dict[str, Any]:
    """Return a copy of a dict, or alike; an empty one for None."""
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} is a dict, not {shown(value)}.")
    return dict(value or {})


def several(name: str, values: Any, what: str, kind: Any = object) -> tuple[Any, ...]:
    """Return what a list holds; one thing alone, a text and a stream are no lists.

    Args:
        name: The argument's name.
        values: The list.
        what: What it is a list of, in words.
        kind: The type of each thing in it.
    """
    is_list = isinstance(values, list | tuple) or (
        isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)
    )
    if not is_list:
        raise TypeError(
            f"{name} is a list of {what}, not {shown(values)}. Write {name}=[...], also for one."
        )
    held = tuple(values)
    for value in held:
        if not isinstance(value, kind):
            raise TypeError(f"{name} is a list of {what}, and {shown(value)} is none.")
    return held


def refuse(
    what: str, words: Iterable[str], taking: Callable[..., Any], advice: Mapping[str, str]
) -> None:
    """Raise TypeError for the first of some words, which are no arguments.

    Args:
        what: What takes no such arguments.
        words: The words.
        taking: The function that takes the right ones.
        advice: What to write instead of some; of all others, by `...`.
    """
    for word in words:
        known = signature(taking).parameters
        instead = advice.get(word) or meant(word, known).strip() or advice["..."]
        raise TypeError(f"{what} takes no {word}=. {instead}")


def valid(check: Callable[..., None], **limits: Any) -> Callable[[Any, Any, Any], None]:
    """Return a check as a validator of attrs."""
    return lambda _, attribute, value: check(attribute.name, value, **limits)


def meant(word: Any, known: Iterable[str], likeness: float = 0.7) -> str:
    """Return a question after the one of the known words that is like another, if any is."""
    from difflib import get_close_matches

    if not isinstance(word, str):
        return ""
    nearest = get_close_matches(word, list(known), n=1, cutoff=likeness)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def shown(value: Any) -> str:
    """Return how a wrong argument is called in a sentence."""
    if callable(getattr(value, "subscribe", None)):
        return "a stream (was an operator piped without its brackets, `ops.text` for `ops.text()`?)"
    said = getattr(value, "__qualname__", None) or repr(value)
    return said if len(said) <= 80 else f"{said[:79]}…"
