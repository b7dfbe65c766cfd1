"""Arguments: checks whose errors name the argument and its value, and say what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import wraps
from inspect import isclass, signature
from typing import Any, TypeVar

__all__ = [
    "did_you_mean",
    "extending",
    "mapping",
    "number",
    "one_of",
    "plural",
    "several",
    "shorten",
    "shown",
    "suggesting",
    "text",
    "valid",
]

_T = TypeVar("_T")


# Checks


def text(name: str, value: Any, *, what: str = "a str", optional: bool = False) -> None:
    """Check that an argument is a str."""
    if not (isinstance(value, str) or (optional and value is None)):
        raise TypeError(f"{name} must be {what}, not {shown(value)}.")


def one_of(name: str, value: Any, known: Sequence[Any]) -> None:
    """Check that an argument is one of these values."""
    if value not in known:
        *others, last = map(repr, known)
        listed = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"{name} must be {listed}, not {shown(value)}.")


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
    """Check that an argument is a number that is at least `least`, or greater than `above`."""
    if optional and value is None:
        return
    fault: type[TypeError | ValueError] = TypeError
    if not isinstance(value, bool) and isinstance(value, int if whole else int | float):
        if (least is not None and value >= least) or (above is not None and value > above):
            return
        fault = ValueError
    limit = f"{least:g} or more" if above is None else f"above {above:g}"
    raise fault(f"{name} must be {what}, {limit}, not {shown(value)}.")


def mapping(name: str, value: Any) -> dict[str, Any]:
    """Return a copy of a mapping as a dict; an empty dict for None."""
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} must be a dict, not {shown(value)}.")
    return dict(value or {})


def several(name: str, values: Any, what: str, kind: Any = object) -> tuple[Any, ...]:
    """Return the items of an iterable; refuse a str, a mapping, a stream and a single item.

    Args:
        name: The argument's name.
        values: The iterable.
        what: The items, in words.
        kind: The type of each item.
    """
    if type(values) is tuple and not values:
        return values
    is_list = isinstance(values, list | tuple) or (
        isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)
    )
    if not is_list:
        raise TypeError(
            f"{name} must be a list of {what}, not {shown(values)}. "
            f"Write {name}=[...], also for one."
        )
    items = tuple(values)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"{name} must be a list of {what}; {shown(item)} is not one.")
    return items


def valid(check: Callable[..., None], **limits: Any) -> Callable[[Any, Any, Any], None]:
    """Return a check as a validator of attrs."""
    return lambda _, attribute, value: check(attribute.name, value, **limits)


def suggesting(
    what: str, advice: Mapping[str, str], needs: Mapping[str, Callable[[], str]] | None = None
) -> Callable[[_T], _T]:
    """Make the TypeErrors for arguments of a function or class say what to write instead.

    Args:
        what: The name of the function or class in the error.
        advice: What to write instead of an unknown keyword; `...` is for all other ones.
        needs: Return what to write for an argument that is missing, by its name.
    """

    def decorate(target: Any) -> Any:
        if isclass(target):
            kind: Any = target
            kind.__init__ = decorate(kind.__init__)
            return kind
        known = signature(target).parameters.keys()
        places = {name: list(known).index(name) for name in needs or {}}

        @wraps(target)
        def checked(*args: Any, **kwargs: Any) -> Any:
            for name, place in places.items():
                if len(args) <= place and name not in kwargs:
                    raise TypeError(f"{what} needs a {name}. {(needs or {})[name]()}")
            if not kwargs.keys() <= known:
                word = next(word for word in kwargs if word not in known)
                instead = advice.get(word) or did_you_mean(word, known).strip() or advice["..."]
                raise TypeError(f"{what} takes no {word}=. {instead}")
            return target(*args, **kwargs)

        return checked

    return decorate


def extending(base: Callable[..., Any], without: Collection[str] = ()) -> Callable[[_T], _T]:
    """Make the signature of a function show the keywords of another one, which it passes on.

    Args:
        base: The other function.
        without: Keywords that it does not pass on.
    """

    def decorate(function: Any) -> Any:
        own = signature(function, eval_str=True)
        named = [each for each in own.parameters.values() if each.kind != each.VAR_KEYWORD]
        shown = {each.name: each for each in named}
        for each in signature(base, eval_str=True).parameters.values():
            if each.kind == each.KEYWORD_ONLY and each.name not in without:
                shown.setdefault(each.name, each)
        function.__signature__ = own.replace(parameters=list(shown.values()))
        return function

    return decorate


# Parts of sentences


def did_you_mean(word: Any, known: Iterable[str], likeness: float = 0.7) -> str:
    """Return ` Did you mean <word>?` with the most similar known word; empty if none is similar."""
    from difflib import get_close_matches

    if not isinstance(word, str):
        return ""
    nearest = get_close_matches(word, list(known), n=1, cutoff=likeness)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def shown(value: Any) -> str:
    """Return a short description of a wrong argument."""
    if callable(getattr(value, "subscribe", None)):
        return "a stream (was an operator piped without its brackets, `ops.text` for `ops.text()`?)"
    return shorten(getattr(value, "__qualname__", None) or repr(value))


def shorten(text: str, limit: int = 80) -> str:
    """Cut a text to `limit` characters; an ellipsis replaces the rest."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
