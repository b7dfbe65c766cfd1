"""The wire: events and messages as JSON, one object per line.

.. code-block:: text

    {"v":6,"type":"TextDelta","text":"Hi"}
    {"v":6,"type":"ToolCompleted","call_id":"call_1","result":"5","value":5}
    {"v":6,"type":"ToolOutput","call_id":"call_1","event":{"type":"TextDelta","text":"Hi"}}
    {"v":6,"type":"Stamped","run":"a1","seq":7,"at":1.5,"event":{"type":"Finish","reason":"stop"}}
    {"v":6,"type":"Message","role":"user","text":"Hi"}

`v` is the version of the line and `type` the class of the object; fields with their default are
left out. An inner event is under `event`, a plain value under `value`. A reader ignores unknown
fields and keeps unknown events as `UnknownEvent`.

Each new event or field raises the version by one, so that an older reader refuses a line that it
would read incompletely. No field is renamed, removed or changed in meaning, so lines of every
earlier version can be read; missing fields have their default.

.. code-block:: text

    1  the first version
    2  `extra` of ReasoningDelta, ToolCallDelta, Message and ToolCall; `images` of ToolCompleted
    3  `cache_write_tokens` and `model` of Usage
    4  Summarised
    5  MessageReceived
    6  `id` of ApprovalAsked and ApprovalAnswered, `unreported` of Usage

In a value, tuples are read back as lists, subclasses of str, numbers and dict as their base, and
what JSON cannot express (NaN, bytes, sets, objects, dicts with keys other than str) as `Opaque`. A
pair of surrogates is read back as the character that it encodes.

Events may be nested up to 500 levels, as those of inner agents are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from math import isfinite
from types import GenericAlias
from typing import Any, Never, get_args

from attrs import fields, frozen, has

from . import events
from .arguments import shorten
from .errors import RxAgentError
from .events import Event, Stamped, UnknownEvent
from .frozen import FrozenDict, FrozenList
from .json_names import JSON_NAMES, json_name_of
from .messages import Message, ProviderData

__all__ = ["VERSION", "MalformedLine", "Opaque", "decode", "dumps", "encode", "loads"]

VERSION = 6
"""The version that is written, and the latest one that can be read."""

_Fields = dict[str, Any]

_EVENTS: dict[str, type[Any]] = {
    name: kind
    for name in events.__all__
    if issubclass(kind := getattr(events, name), Event) and has(kind) and kind is not UnknownEvent
}
_LINES = {**_EVENTS, "Stamped": Stamped, "Message": Message}
_HOLDING: dict[Any, str] = {
    Stamped: "event",
    **{kind: "value" for kind in _EVENTS.values() if hasattr(kind, "value")},
}
"""The classes that may hold an event, with the field."""
_TOO_DEEP = "The line is nested too deeply for Python's JSON."
_DEEPEST = 500  # below the limit of Python's JSON, with room for values
_LONGEST_REPR = 10_000
_LONGEST_INT = 1 << 14_000  # Python refuses to read and write more digits


class MalformedLine(RxAgentError, ValueError):
    """A line cannot be read or written; the message names the part and the reason."""


@frozen
class Opaque:
    """Stands for a value that JSON cannot express; `repr` is its repr in Python."""

    repr: str


def encode(item: Event | Stamped | Message) -> _Fields:
    """Return an event, stamped event or message as a JSON object.

    Raises:
        MalformedLine: Events are nested more deeply than a line can hold.
    """
    line = {"v": VERSION} | _write(item)
    line["v"] = VERSION
    return line


def decode(line: object) -> Any:
    """Return the event, stamped event or message in a JSON object.

    Raises:
        MalformedLine: The object is not one of these, or has an unknown version.
    """
    if not isinstance(line, dict):
        raise MalformedLine(f"A line is an object, not {json_name_of(line)}.")
    if "v" not in line:
        raise MalformedLine("The line has no version: `v` is missing.")
    if type(line["v"]) is not int or not 1 <= line["v"] <= VERSION:
        raise MalformedLine(
            f"The line's version is {line['v']!r}; versions 1 to {VERSION} can be read."
        )
    try:
        return _read({name: line[name] for name in line if name != "v"})
    except RecursionError:
        raise MalformedLine(_TOO_DEEP) from None


def dumps(item: Event | Stamped | Message) -> str:
    """Return an event, stamped event or message as one line of ASCII, without a newline.

    Raises:
        MalformedLine: It is nested too deeply, or has a number that JSON cannot express.
    """
    line = encode(item)
    try:
        return _encoder.encode(line)
    except RecursionError:
        raise MalformedLine(_TOO_DEEP) from None
    except ValueError as error:
        raise MalformedLine(f"A {type(item).__name__} cannot be written: {error}.") from error


def loads(text: str) -> Any:
    """Return the event, stamped event or message in a line of JSON.

    Raises:
        MalformedLine: The line is not JSON, is not one of these, or has an unknown version.
    """
    try:
        line = _decoder.decode(text)
    except RecursionError:
        raise MalformedLine(_TOO_DEEP) from None
    except ValueError as error:
        raise MalformedLine(f"The line is not JSON: {error}.") from error
    return decode(line)


# Writing


def _write(item: Any) -> _Fields:
    kind: Any = type(item)
    if kind not in _HOLDING:
        return _writer(kind)(item)
    around, is_stamped = [], kind is Stamped
    while kind in _HOLDING and isinstance(inner := getattr(item, _HOLDING[kind]), Event):
        around.append((kind, item))
        kind, item = type(inner), inner
    _check_depth(len(around) - is_stamped)
    line = _writer(kind)(item)
    for outer, holder in reversed(around):
        line = _writer(outer)(holder) | {"event": line}
    return line


@cache
def _writer(kind: Any) -> Callable[[Any], _Fields]:
    """Return a writer of a class, without the event that its instances hold."""
    if kind is UnknownEvent:
        return lambda event: (
            {"type": event.type}
            | {name: _plain(value) for name, value in event.fields.items() if name != "type"}
        )
    if kind not in _LINES.values():
        return _refuse
    from cattrs.gen import make_dict_unstructure_fn, override

    name, inner = kind.__name__, _HOLDING.get(kind)
    apart: Any = {field: override(omit=True) for field in (*_unsent(kind), inner) if field}
    # Fields of type Any or Event are written below; cattrs does the rest.
    written = make_dict_unstructure_fn(kind, _converter(), _cattrs_omit_if_default=True, **apart)
    if inner is None:
        return lambda item: {"type": name} | written(item)

    def write(item: Any) -> _Fields:
        line = {"type": name} | written(item)
        value = getattr(item, inner)
        if not isinstance(value, Event):
            line["value"] = _plain(value)
        return line

    return write


def _unsent(kind: Any) -> list[str]:
    """Return the names of the fields that belong to this process."""
    return [field.name for field in fields(kind) if not field.metadata.get("sent", True)]


def _refuse(item: Any) -> Never:
    raise TypeError(f"An event, a Stamped or a Message can be encoded, not {item!r}.")


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise MalformedLine(
            f"Events are nested {depth} levels deep; a line holds at most {_DEEPEST}."
        )


def _plain(value: Any) -> Any:
    """Return a value in the form that JSON can express."""
    try:
        return _jsonable(value)
    except RecursionError:
        return _jsonable(_opaque(value))


def _jsonable(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int() if abs(value) < _LONGEST_INT:
            return int.__int__(value)
        case float() if isfinite(value):
            return float.__float__(value)
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return _escaped({str.__str__(key): _jsonable(item) for key, item in value.items()})
        case Opaque(text):
            return {"$opaque": text}
    return _jsonable(_opaque(value))


def _escaped(fields: _Fields) -> _Fields:
    return {f"${key}": fields[key] for key in fields} if _looks_opaque(fields, "$") else fields


def _looks_opaque(fields: _Fields, least: str) -> bool:
    if len(fields) != 1:
        return False
    ((key, value),) = fields.items()
    return key.startswith(least) and key.lstrip("$") == "opaque" and isinstance(value, str)


def _opaque(value: Any) -> Opaque:
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__qualname__} without a repr>"
    return Opaque(shorten(text, _LONGEST_REPR))


# Reading


def _read(line: Any) -> Any:
    around: list[tuple[type[Any], _Fields, str]] = []
    kinds, where = _LINES, ""
    kind = _kind_of(line, kinds, where)
    while kind in _HOLDING and "event" in line:
        around.append((kind, line, where))
        line, kinds, where = line["event"], _EVENTS, f"{where}event."
        kind = _kind_of(line, kinds, where)
        _check_depth(len(around) - (around[0][0] is Stamped))
    if kind is UnknownEvent:
        fields = {key: _restored(line[key]) for key in line if key != "type"}
        read: Any = UnknownEvent(line["type"], fields)
    elif kind in _HOLDING and "value" in line:
        read = _structured({**line, "value": _restored(line["value"])}, kind, where)
    else:
        read = _structured(line, kind, where)
    for kind, line, where in reversed(around):
        read = _structured({**line, _HOLDING[kind]: read}, kind, where)
    return read


def _kind_of(line: Any, kinds: dict[str, type[Any]], where: str) -> type[Any]:
    if not isinstance(line, dict):
        raise MalformedLine(f"`{where.rstrip('.')}` should be an object, not {json_name_of(line)}.")
    name = line.get("type")
    if not isinstance(name, str):
        raise MalformedLine(
            f"`{where}type` should be the name of an event, not {json_name_of(name)}."
        )
    return kinds.get(name, UnknownEvent)


def _structured(line: _Fields, kind: type[Any], where: str) -> Any:
    from cattrs.errors import ClassValidationError

    try:
        return _converter().structure(line, kind)
    except ClassValidationError as error:
        faults = "; ".join(_faults(error, where))
        raise MalformedLine(f"{kind.__name__} cannot be read: {faults}.") from error


def _faults(error: Any, where: str) -> list[str]:
    from cattrs import transform_error

    faults = transform_error(error, path=where, format_exception=_fault)
    return [
        f"`{path.replace('..', '.').strip('.')}` {what}"
        for what, _, path in (fault.rpartition(" @ ") for fault in faults)
    ]


def _fault(error: BaseException, kind: type[Any] | None) -> str:
    return "is missing" if isinstance(error, KeyError) else str(error)


def _restored(value: Any) -> Any:
    """Return the value from which `_plain` made another, frozen."""
    match value:
        case list():
            return FrozenList([_restored(item) for item in value])
        case {"$opaque": str(text)} if len(value) == 1:
            return Opaque(text)
        case dict():
            skip = 1 if _looks_opaque(value, "$$") else 0
            return FrozenDict({key[skip:]: _restored(item) for key, item in value.items()})
    return value


# Both


@cache
def _converter() -> Any:
    """Return the converter for all fields; it never changes the type of a value."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, override

    converter: Any = Converter(omit_if_default=True, unstruct_collection_overrides={tuple: list})

    def expect(kind: type[Any], value: Any, *accepted: type[Any]) -> None:
        if type(value) not in accepted:
            raise TypeError(f"should be {JSON_NAMES[kind]}, not {json_name_of(value)}")

    def only(kind: type[Any], *accepted: type[Any]) -> None:
        def structure(value: Any, _: Any) -> Any:
            expect(kind, value, *accepted)
            if kind is float and not isfinite(float(value)):
                raise ValueError("should be a number that a float can hold")
            return kind(value)

        converter.register_structure_hook(kind, structure)

    def object_of(kind: type[Any]) -> Callable[[Any, Any], Any]:
        apart: Any = {name: override(omit=True) for name in _unsent(kind)}
        make = make_dict_structure_fn(kind, converter, **apart)

        def structure(value: Any, wanted: Any) -> Any:
            expect(dict, value, dict)
            return make(value, wanted)

        return structure

    def data_of(value: Any, _: Any) -> Any:
        expect(dict, value, dict)
        return _restored(value)

    def array_of(value: Any, kind: Any) -> Any:
        expect(list, value, list)
        return tuple(converter.structure(value, GenericAlias(list, get_args(kind)[:1])))

    def is_array(kind: Any) -> bool:
        return getattr(kind, "__origin__", None) is tuple

    converter.register_structure_hook_factory(has, object_of)
    only(str, str)
    only(int, int)
    only(float, float, int)
    converter.register_structure_hook_func(is_array, array_of)
    converter.register_structure_hook_func(lambda kind: kind == Mapping[str, Any], data_of)
    converter.register_unstructure_hook(
        ProviderData, lambda item: {"provider": item.provider, "data": _plain(item.data)}
    )
    converter.register_structure_hook_func(lambda kind: kind is Event, lambda event, _: event)
    return converter


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
