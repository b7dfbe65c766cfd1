"""The forms of keys and tokens that services give out."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["keys_in"]

_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:proj|svcacct|or-v1|ant-[a-z]+\d\d)-[\w-]{16,}"  # OpenAI, OpenRouter, Anthropic
    r"|hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{30,}|glpat-[\w-]{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])|AIza[\w-]{25,}|xox[a-z]-\d[\w-]{9,}"
    r"|(?:key-[0-9a-f]{32}|[sp]k-lf-[0-9a-f-]{36})(?![0-9A-Za-z])"  # Mailgun, Langfuse
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
    r")|(?<=://)[^\s/?#@:\"'\\]*:(?P<password>[^\s/?#@\"'\\]+)(?=@)",  # in a URL
    re.ASCII,
)
"""Forms that no ordinary text has."""

_MAYBE = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|rk|pk|gsk|csk|xai|r8|fw|e2b|whsec|tvly|pplx|nvapi)[-_](?P<key>[\w-]{16,})"
    r"|\b(?:Bearer|Basic) +(?P<token>[\w.~+/-]{8,}=*)",
    re.ASCII,
)
"""Forms that words have too, as in `sk-learn-contrib` and `Bearer authentication`."""

_LONG_PART = re.compile(r"[A-Za-z0-9]{8,}")
_TURN = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])")
"""A place where random characters change from one sort to another, as words seldom do."""

_CHARACTERS_A_TURN = 12
"""Random characters have a turn every 2 to 4 characters."""


def keys_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the keys are in a text, by their forms."""
    for found in _KEY.finditer(text):
        yield found.span("password" if found["password"] else 0)
    for found in _MAYBE.finditer(text):
        key, token = found["key"], found["token"]
        if token and _is_random(token, least=2):
            yield found.span("token")
        elif key and _is_random(key, least=3) and any(one.isdigit() for one in key):
            yield found.span()


def _is_random(text: str, least: int) -> bool:
    turns = sum(len(_TURN.findall(part)) for part in _LONG_PART.findall(text))
    return turns >= max(least, len(text) / _CHARACTERS_A_TURN)
