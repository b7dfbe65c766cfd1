"""Docstrings: read the descriptions of a function and of its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from inspect import cleandoc

__all__ = ["read_docstring"]

_GOOGLE = re.compile(r"(args|arguments|parameters|params|keyword arg(ument)?s)\s*:\s*", re.I)
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(?P<names>\w+)\s*(\(.*?\)\s*)?:(\s+|$)(?P<text>.*)")
_NUMPY = re.compile(r"(other )?parameters", re.I)
_NUMPY_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(\s*,\s*\*{0,2}\w+)*)\s*(:.*)?(?P<text>)")
_RULE = re.compile(r"-{3,}")
_SPHINX = re.compile(r":(param|parameter|arg|argument|key|keyword|type)\s[^:]*:.*")
_SPHINX_ENTRY = re.compile(
    r":(param|parameter|arg|argument|key|keyword)\s+([^:]*\s)?\*{0,2}(?P<names>\w+)\s*:\s*(?P<text>.*)"
)


def read_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Return a docstring without its parameters, and the descriptions of the parameters.

    It may be in the style of Google, NumPy or Sphinx.
    """
    rest: list[str] = []
    descriptions: dict[str, str] = {}
    lines = cleandoc(docstring or "").splitlines()
    while lines:
        for take in (_take_google, _take_numpy, _take_sphinx):
            taken = take(lines, descriptions)
            if taken:
                del lines[:taken]
                break
        else:
            rest.append(lines.pop(0))
    text = re.sub(r"\n\s*\n\s*\n+", "\n\n", "\n".join(rest))
    return text.strip(), descriptions


def _take_google(lines: list[str], descriptions: dict[str, str]) -> int:
    if not _GOOGLE.fullmatch(lines[0]):
        return 0
    end = 1 + _count(lines[1:], lambda line: not line or line[0].isspace())
    _read_entries(
        cleandoc("\n" + "\n".join(lines[1:end])).splitlines(), _GOOGLE_ENTRY, descriptions
    )
    return end


def _take_numpy(lines: list[str], descriptions: dict[str, str]) -> int:
    if not (_NUMPY.fullmatch(lines[0].strip()) and lines[1:] and _RULE.fullmatch(lines[1].strip())):
        return 0
    rules = [place for place, line in enumerate(lines) if _RULE.fullmatch(line.strip())]
    end = rules[1] - 1 if rules[1:] else len(lines)
    _read_entries(lines[2:end], _NUMPY_ENTRY, descriptions)
    return end


def _take_sphinx(lines: list[str], descriptions: dict[str, str]) -> int:
    if not _SPHINX.fullmatch(lines[0]):
        return 0
    end = 1 + _count(lines[1:], lambda line: line[:1].isspace())
    _read_entries(lines[:end], _SPHINX_ENTRY, descriptions)
    return end


def _count(lines: Iterable[str], belongs: Callable[[str], bool]) -> int:
    count = 0
    for line in lines:
        if not belongs(line):
            break
        count += 1
    return count


def _read_entries(
    lines: Iterable[str], pattern: re.Pattern[str], descriptions: dict[str, str]
) -> None:
    """Read entries that begin at the left margin; indented lines continue them."""
    names: list[str] = []
    for line in lines:
        entry = pattern.fullmatch(line)
        if entry:
            names = [name.strip("* ") for name in entry["names"].split(",")]
        elif line[:1].strip():
            names = []
        for name in names:
            text = entry["text"] if entry else line
            descriptions[name] = f"{descriptions.get(name, '')} {text.strip()}".strip()
