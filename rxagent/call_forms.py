"""Call forms: how models write one tool call as text, in JSON or in tags."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Never, TypeAlias

from attrs import frozen

from .arguments import shorten
from .errors import ParseError
from .json_schema import kind_of, kinds_of, options_of, part_of, values_of
from .json_text import escaped, items_of, members_of

__all__ = [
    "CALL_CLOSE",
    "CALL_OPEN",
    "KEYS",
    "Call",
    "Keys",
    "Schemas",
    "begun_call",
    "calls_in",
    "has_begun_call",
]

CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"
"""The tags that most chat templates ask for around a call."""

Call: TypeAlias = tuple[str, str]
"""The name of a tool, and the arguments as they were written."""

Schemas: TypeAlias = Mapping[str, Mapping[str, Any] | None]
"""The schema of the arguments of each tool, by its name; None if it is unknown."""


@frozen
class Keys:
    """The keys of a call in JSON: those of its name, of its arguments, and those beside them."""

    names: tuple[str, ...] = ("name", "function")
    arguments: tuple[str, ...] = ("arguments", "parameters", "args", "input")
    beside: tuple[str, ...] = ("id", "call_id", "type")

    @property
    def all(self) -> frozenset[str]:
        """All keys that a call may have."""
        return frozenset((*self.names, *self.arguments, *self.beside))

    @property
    def form(self) -> str:
        """The form of a call, as an error shows it."""
        return json.dumps({self.names[0]: "<tool>", self.arguments[0]: {"<argument>": "<value>"}})


KEYS = Keys()

_BEGUN = re.compile(r'\s*\{.*?"name"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_BEGUN_ARGUMENTS = re.compile(rf'"(?:{"|".join(KEYS.arguments)})"\s*:\s*(?=\{{)(.*)\Z', re.DOTALL)
_UNDECIDED = re.compile(r'\s*(?:,\s*(?:"[^"]*)?)?')
_FUNCTION = re.compile(r"\s*<function=([^>\n]+)>(.*)</function>\s*", re.DOTALL)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_TAGGED = re.compile(
    rf"\s*(?:Action:\s*)?{CALL_OPEN}(?:(?!{CALL_CLOSE}).)*{CALL_CLOSE}[\s;,]*", re.DOTALL
)
_OPENED = re.compile(rf"\s*(?:Action:\s*)?{CALL_OPEN}\s*(?:[\[{{<]|\Z)")
_BEGUN_FUNCTION = re.compile(r"\s*<function=([^>\n]*+)(>?+)(?!.*</function>)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\n]+)>")
_WRITTEN = re.compile(r"\n?(.*?)\n?</parameter>\s*", re.DOTALL)
_NOTHING: Mapping[str, Any] = {}
_ANY = frozenset(("string", "number", "boolean", "object", "array"))
_UNMISTAKABLE = frozenset(("object", "array", "null"))
_WORDS_OF_PYTHON = {"True": "true", "False": "false", "None": "null"}
_MOST_MEMBERS = 100
_MOST_CALLS = 1000


def calls_in(
    text: str, schemas: Schemas, keys: Keys = KEYS, *, is_marked: bool = False
) -> list[Call] | None:
    """Return the calls that a text describes; None if it does not describe calls alone.

    Args:
        text: A JSON object, an array of them, or `<function=name>` with `<parameter=name>` in it.
        schemas: Say which tools there are, and which parameters in tags are texts.
        keys: The keys of a call.
        is_marked: Whether the text stands in the tags of a call. Then it is one of a tool that is
            unknown, too, and no arguments are none. Without tags it may be data instead.

    Raises:
        ParseError: A call has keys that calls do not have, or text between its parameters, so its
            arguments are uncertain.
    """
    if found := _FUNCTION.fullmatch(text):
        name = found[1].strip()
        is_call = is_marked or name in schemas
        return [(name, _arguments(name, found[2], schemas.get(name)))] if is_call else None
    parts = items_of(text, _MOST_CALLS) if text.lstrip().startswith("[") else [text]
    calls = [_call(part, schemas, keys, is_marked) for part in parts or ()]
    known = [call for call in calls if call is not None]
    return known if known and len(known) == len(calls) else None


def begun_call(text: str, *, is_marked: bool = True) -> list[Call] | None:
    """Return a call that was cut, with its arguments so far; None if it is none, or nameless.

    Args:
        text: The text from the beginning of the call.
        is_marked: Whether the text stands in the tags of a call, so that it is no other JSON.
    """
    found = _BEGUN.match(text)
    name = _string(found[1]) if found else None
    if found is None or not name:
        return None
    arguments = _BEGUN_ARGUMENTS.search(text)
    if not (arguments or is_marked or _UNDECIDED.fullmatch(text, found.end())):
        return None
    return [(name, arguments[1] if arguments else "")]


_UNMISTAKABLE_TAG = "<tool"
"""What the tag of a call begins with, and few other texts that stand alone."""


def has_begun_call(text: str, names: Collection[str]) -> bool:
    """Return whether a text that was cut is a call in tags that lacks their end, or ends with one.

    Args:
        text: The text, of which calls in tags may stand before it.
        names: The names of the tools, one of which must stand in a tag that no other is around.
    """
    thought = _THOUGHT.match(text)
    start = at = thought.end() if thought else 0
    while tagged := _TAGGED.match(text, at):
        at = tagged.end()
    if _OPENED.match(text, at):
        return True
    if function := _BEGUN_FUNCTION.match(text, at):
        name, is_whole = function[1], function[2]
        return name in names if is_whole else any(each.startswith(name) for each in names)
    begun = text[at:].lstrip()
    least = 1 if at > start else len(_UNMISTAKABLE_TAG)
    return len(begun) >= least and CALL_OPEN.startswith(begun)


def _call(text: str, schemas: Schemas, keys: Keys, is_marked: bool) -> Call | None:
    members = members_of(text, _MOST_MEMBERS)
    if members is None:
        return None
    others: set[str] = set()
    if members.get("function", "").startswith("{") and "function" in keys.names:
        others = members.keys() - {"function", *keys.beside}
        members = members_of(members["function"], _MOST_MEMBERS) or {}
    key = next((key for key in keys.names if key in members), None)
    name = _string(members[key]) if key is not None else None
    if not name or not (is_marked or name in schemas):
        return None
    given = [each for each in keys.arguments if each in members]
    if not given and not is_marked:
        is_alone = not others and members.keys() == {key}
        return (name, "{}") if is_alone and _takes_none(schemas.get(name)) else None
    others |= members.keys() - {key, *given[:1], *keys.beside}
    if others:
        listed = ", ".join(map(repr, sorted(others)))
        raise ParseError(
            f"The call of {name!r} has keys that calls do not have: {listed}. "
            f"Give one JSON object of the form {keys.form}."
        )
    return name, _as_json(members[given[0]]) if given else "{}"


def _takes_none(schema: Mapping[str, Any] | None) -> bool:
    if schema is None:
        return False
    return not (schema.get("properties") or schema.get("additionalProperties"))


def _as_json(written: str) -> str:
    """Return arguments as they were written, but strict JSON, and without quotes around them."""
    inner = _string(written)
    if inner is not None and members_of(inner) is not None:
        written = inner
    return escaped(written)


def _arguments(tool: str, text: str, schema: Mapping[str, Any] | None) -> str:
    """Return the arguments in tags; each ends at the last closing tag before the next one."""
    before, *parts = _PARAMETER.split(text)
    known = schema or {}
    values: dict[str, str] = {}
    lost = before.strip()
    for name, part in zip(map(str.strip, parts[::2]), parts[1::2], strict=True):
        written = _WRITTEN.fullmatch(part)
        if written is None or name in values:
            lost = lost or f"<parameter={name}>{part}".strip()
        else:
            values[name] = _as_meant(written[1], part_of(known, name), known)
    if lost:
        raise ParseError(
            f"The call of {tool!r} cannot be read where it says {shorten(lost)}. Each parameter "
            "may stand in it once, as <parameter=name>value</parameter>, with nothing between "
            "them; a value that holds such tags needs JSON. "
            f"Give one JSON object of the form {KEYS.form}."
        )
    members = (f"{_quoted(name)}: {value}" for name, value in values.items())
    return f"{{{', '.join(members)}}}"


def _as_meant(written: str, schema: Any, root: Mapping[str, Any]) -> str:
    """Return the JSON that is meant by the value of a parameter in tags.

    Tags mark no types, so the schema of the parameter decides:

    - A text that the schema lists (`enum`, `const`) is that text.
    - Where the schema takes no text, JSON is meant, and where it takes anything, too. So an
      untyped parameter gets 42 as a number.
    - Where it takes texts and other values, a list, an object or `null` is meant where it takes
      one of that kind; all else is a text. So `str | list[str]` gets a list, `str | int` the
      text "42".
    - What is no JSON is a text. `True`, `False` and `None` are JSON's words where no text is taken.

    JSON is passed on as it was written, with all digits of its numbers.
    """
    options = options_of(_NOTHING if schema is None else schema, root)
    kinds = {kind for option in options for kind in kinds_of(option) or _ANY} or _ANY
    listed = [value for option in options for value in values_of(option) or ()]
    takes_text = any("string" in kinds_of(one) and values_of(one) is None for one in options)
    if written in listed:
        return _quoted(written)
    kind, found = _json_in(written)
    is_meant = found and (kinds >= _ANY or not takes_text or kind in kinds & _UNMISTAKABLE)
    if not (found or takes_text):
        found = _WORDS_OF_PYTHON.get(written.strip(), "")
        is_meant = bool(found)
    return found if is_meant else _quoted(written)


def _json_in(written: str) -> tuple[str, str]:
    """Return the kind of a JSON text, and its strict form; empty texts if it is none."""
    try:
        value = json.loads(written, strict=False, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "", ""
    return kind_of(value), escaped(written.strip())


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _string(text: str) -> str | None:
    if not text.startswith('"'):
        return None
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
