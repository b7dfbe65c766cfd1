"""Secrets: keys and tokens, which are left out of what is written to a file."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

__all__ = ["SECRET", "forms_of_secrets", "without_secrets"]

SECRET = "[secret]"
"""Stands for a key or a token."""

_NAME = re.compile(
    r"(?:^|[^a-z])(?:key|token|secret|password|passwd|authorization|auth|cookie|credentials?)$"
    r"|(?:api|access|secret)_?key|_token$",
    re.IGNORECASE,
)
"""The names of options, headers and variables that hold a secret, if they hold a text."""

_FORMS = re.compile(
    r"\b(?:sk|rk|pk|gsk|xai|key|r8|tvly|pplx)-[\w-]{12,}"  # OpenAI, Anthropic and many more
    r"|\bhf_\w{16,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{12,}|\bAIza[\w-]{20,}|\bxox[a-z]-[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
    r"|(?<=\bBearer )[\w.~+/=-]{8,}|(?<=\bBasic )[\w+/=]{12,}"
)
"""The forms of keys that many services give out."""

_LEAST = 8
"""A shorter value of a variable or an argument may be a word of the conversation."""
_DEEPEST = 6


def without_secrets(value: Any, forms: re.Pattern[str]) -> Any:
    """Return a JSON value in which `[secret]` stands for each key and token.

    A secret is a text under the name of one, as `api_key` and `Authorization` are, and what has
    one of the forms, wherever it is.
    """
    match value:
        case str():
            return forms.sub(SECRET, value)
        case Mapping():
            return {
                name: SECRET
                if isinstance(item, str) and item and _NAME.search(name)
                else without_secrets(item, forms)
                for name, item in value.items()
            }
        case list() | tuple():
            return [without_secrets(item, forms) for item in value]
    return value


def forms_of_secrets(model: Any = None) -> re.Pattern[str]:
    """Return the forms of secrets: of common services, those of the environment, and a model's."""
    named = [*os.environ.items(), *_named_texts(model, _DEEPEST)]
    known = {text for name, text in named if _NAME.search(name) and len(text.strip()) >= _LEAST}
    ordered = sorted(known, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, ordered), _FORMS.pattern]))


def _named_texts(thing: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the texts within a model, with the names of their arguments or attributes."""
    for name, item in _parts_of(thing):
        if isinstance(item, str):
            yield name, item
        elif depth:
            yield from _named_texts(item, depth - 1)


def _parts_of(thing: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        return [(name, item) for name, item in thing.items() if isinstance(name, str)]
    if isinstance(thing, list | tuple):
        return [("", item) for item in thing if not isinstance(item, str)]
    if not getattr(thing, "is_model", False) or isinstance(thing, type):
        return ()
    if attrs.has(type(thing)):
        return [(one.name, getattr(thing, one.name)) for one in attrs.fields(type(thing))]
    return list(getattr(thing, "__dict__", {}).items())
