"""Reading: how a text becomes a diagram, or an error at its place."""

import keyword
import re
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from attrs import Factory, define

from ...events import TextDelta
from .bindings import Unmade, value_of
from .diagram import Diagram, Note, Pipeline, Source, Watch
from .imports import Import, imports_of
from .lines import Line
from .rows import Kind, Mark, read_subscription, read_values, unquoted
from .snippets import Snippet
from .timeline import Timeline, read_duration, read_ruler

__all__ = ["notes_of", "parse", "read", "watch_of"]

__tracebackhide__ = True

_ROW = re.compile(r"([^\W\d]\w*)([:~^])")
_BINDING = re.compile(r"(\S+)[ ]*=")
_IMPORT = re.compile(r"(from|import)[ ]")
_SETTINGS = {"tick", "time"}
_RENAME = "import this `as` something else."
_TAKEN = _SETTINGS | {
    "attempts",
    "model_of",
    "ops",
    "request",
    "rx",
    "rxo",
    "slowly",
    "tool_of",
}


def read(path: str | PathLike[str]) -> Diagram:
    """Return the diagram in a file."""
    try:
        return parse(Path(path).read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise Line("", 1, str(path)).flaw(0, "This file is no text in UTF-8.") from None


def parse(text: str, file: str | None = None) -> Diagram:
    """Return the diagram that a text is.

    Raises:
        MarbleSyntaxError: The text is no diagram; says where.
    """
    return _Reader(text, file).diagram()


def notes_of(
    line: Line, start: int, timeline: Timeline, bindings: Mapping[str, Any], begun: float = 0.0
) -> tuple[Note, ...]:
    """Return what the marbles of a row mean, in seconds since `begun`."""

    def note(mark: Mark) -> Note:
        at = round(_time(line, mark, timeline) - begun, 6)
        match mark:
            case Mark(kind=Kind.COMPLETED):
                return Note(at, Kind.COMPLETED, None, mark.sign)
            case Mark(sign="#") if "!" not in bindings:
                raise line.flaw(
                    mark.place, 'The # carries no error; write `! = ModelError("...")`.'
                )
            case Mark(sign="#"):
                return Note(at, Kind.ERROR, bindings["!"], mark.sign)
            case Mark(sign=sign) if sign.startswith("'"):
                return Note(at, Kind.NEXT, TextDelta(unquoted(sign)), sign)
            case Mark(sign=sign) if sign in bindings:
                value = bindings[sign]
                kind = Kind.ERROR if isinstance(value, Exception) else Kind.NEXT
                return Note(at, kind, value, sign)
        raise line.flaw(
            mark.place, f"Nothing is bound to {mark.sign!r}; write `{mark.sign} = ...`."
        )

    return tuple(map(note, read_values(line, start)))


def watch_of(name: str, line: Line, start: int, timeline: Timeline) -> Watch:
    """Return what a row of subscriptions means."""
    subscribed, disposed = (
        None if mark is None else _time(line, mark, timeline)
        for mark in read_subscription(line, start)
    )
    return Watch(name, subscribed, disposed, line)


def _time(line: Line, mark: Mark, timeline: Timeline) -> float:
    time = timeline.at(mark.column)
    if time is None:
        raise line.flaw(
            mark.place, "By its ticks this column comes later than the label to its right."
        )
    return time


@define
class _Row:
    name: str
    sort: str
    line: Line
    body: int

    @property
    def start(self) -> int:
        """The first column that is not blank."""
        text = self.line.text
        return len(text) - len(text[self.body :].lstrip(" "))

    @property
    def is_blank(self) -> bool:
        return not self.line.text[self.body :].strip(" ")


@define
class _Reader:
    """A diagram on its way from text to values."""

    text: str
    file: str | None
    rows: list[_Row] = Factory(list)
    settings: dict[str, _Row] = Factory(dict)
    snippets: dict[str, Snippet] = Factory(dict)
    imports: dict[str, Import] = Factory(dict)
    comments: list[str] = Factory(list)

    def diagram(self) -> Diagram:
        self._sort_lines()
        self._read_imports()
        pipeline = self._pipeline()
        timeline = self._timeline()
        bindings = self._bindings()
        sources = {
            row.name: self._source(row, timeline, bindings) for row in self.rows if row.sort != "^"
        }
        watches = tuple(self._watch(row, timeline) for row in self.rows if row.sort == "^")
        if "out" not in sources:
            raise Line(self.text.split("\n")[0], 1, self.file).flaw(0, "The row `out:` is missing.")
        out = sources.pop("out")
        self._refuse_loose_ends(pipeline, bindings, sources, watches)
        title, *prose = self.comments or [""]
        return Diagram(
            self.text,
            self.file,
            title,
            "\n".join(prose),
            timeline,
            bindings,
            {name: snippet.source for name, snippet in self.snippets.items()},
            tuple(sources.values()),
            watches,
            self.imports,
            pipeline,
            out,
        )

    def _lines(self) -> Iterator[Line]:
        for number, text in enumerate(self.text.split("\n"), 1):
            yield Line(text.rstrip("\r ").removeprefix("\ufeff"), number, self.file)

    def _sort_lines(self) -> None:
        going_on: str | None = None
        for line in self._lines():
            if not line.text:
                going_on = None
            elif line.text[0] in " )]}":
                if going_on is None:
                    raise line.flaw(0, "This goes on with nothing; a row begins with its name.")
                snippet = self.snippets[going_on]
                self.snippets[going_on] = Snippet((*snippet.lines, line), snippet.start)
            else:
                going_on = self._sort(line)

    def _sort(self, line: Line) -> str | None:
        """Put a line where it belongs; return the name of the snippet that may go on in others."""
        if line.text[0] == "#":
            if not (self.rows or self.settings or self.snippets):
                self.comments.append(line.text[1:].strip())
        elif line.text[0] == ">":
            return self._add_snippet(">", line, 1)
        elif _IMPORT.match(line.text):
            return self._add_snippet(f"import {line.number}", line, 0)
        elif row := _ROW.match(line.text):
            self._add_row(_Row(row[1], row[2], line, row.end()))
        elif binding := _BINDING.match(line.text):
            if len(binding[1]) != 1 or not (binding[1].isalnum() or binding[1] == "!"):
                raise line.flaw(0, f"{binding[1]!r} is no letter; only those are bound, and `!`.")
            return self._add_snippet(binding[1], line, binding.end())
        else:
            raise line.flaw(0, "This is no row, pipeline (>), binding (=), import or comment (#).")
        return None

    def _add_snippet(self, name: str, line: Line, start: int) -> str:
        if name in self.snippets:
            what = f"{name!r} is bound, but there is another already."
            if name == ">":
                what = (
                    "The pipeline is one expression, but there is another already; "
                    "indent its further lines."
                )
            raise line.flaw(0, what)
        self.snippets[name] = Snippet((line,), start)
        return name

    def _add_row(self, row: _Row) -> None:
        if row.name in _SETTINGS and row.sort == ":":
            if row.name in self.settings:
                raise row.line.flaw(0, f"There is a line `{row.name}:` already.")
            self.settings[row.name] = row
            return
        if row.name in _TAKEN or keyword.iskeyword(row.name):
            raise row.line.flaw(
                0, f"A stream cannot be called {row.name!r}, which means something."
            )
        if row.name == "out" and row.sort == "~":
            raise row.line.flaw(3, "What comes out is written `out:`.")
        same = (other for other in self.rows if other.name == row.name and other.sort != "^")
        if row.sort != "^" and any(same):
            raise row.line.flaw(0, f"There is a row {row.name!r} already.")
        if row.sort != "^" and row.is_blank:
            raise row.line.flaw(row.body - 1, "This row is blank; silence is written `-`.")
        self.rows.append(row)

    def _read_imports(self) -> None:
        for key in [key for key in self.snippets if key.startswith("import ")]:
            for one in imports_of(self.snippets.pop(key)):
                if one.name in {row.name for row in self.rows}:
                    raise one.flaw(f"There is a row {one.name!r} already; {_RENAME}")
                if one.name in self.imports:
                    raise one.flaw(f"{one.name!r} is imported already; {_RENAME}")
                if one.name in _TAKEN:
                    raise one.flaw(f"{one.name!r} means something already; {_RENAME}")
                self.imports[one.name] = one

    def _pipeline(self) -> Pipeline:
        if ">" not in self.snippets:
            first = Line(self.text.split("\n")[0], 1, self.file)
            raise first.flaw(0, "The pipeline is missing: a line `> expression`.")
        snippet = self.snippets.pop(">")
        return Pipeline(snippet, *snippet.compile())

    def _timeline(self) -> Timeline:
        tick = Timeline().tick
        if (row := self.settings.get("tick")) is not None:
            text = row.line.text[row.body :].strip()
            tick = read_duration(text) or 0.0
            if not tick:
                raise row.line.flaw(row.start, "A tick is a time such as 10ms, and not none.")
        ruler = self.settings.get("time")
        labels = list(read_ruler(ruler.line, ruler.body)) if ruler is not None else []
        zero = min(
            [row.start for row in self.rows if not row.is_blank] + [column for column, _ in labels]
            or [0]
        )
        if not labels or labels[0][0] != zero:
            labels.insert(0, (zero, 0.0))
        begun, *later = (seconds for _, seconds in labels)
        if ruler is not None and (begun or 0.0 in later):
            raise ruler.line.flaw(ruler.start, "Time begins with 0, in the first column of all.")
        return Timeline(tick, tuple(labels))

    def _bindings(self) -> dict[str, Any]:
        return {
            letter: value_of(letter, snippet, self.imports)
            for letter, snippet in self.snippets.items()
        }

    def _source(self, row: _Row, timeline: Timeline, bindings: Mapping[str, Any]) -> Source:
        start = Mark(row.start, Kind.NEXT, "", row.start)
        drawn = _time(row.line, start, timeline) if row.sort == ":" and row.name != "out" else 0.0
        notes = notes_of(row.line, row.start, timeline, bindings, drawn)
        return Source(row.name, row.sort == "~", drawn, notes, row.line)

    def _watch(self, row: _Row, timeline: Timeline) -> Watch:
        watch = watch_of(row.name, row.line, row.body, timeline)
        if watch.subscribed is None and row.name != "out" and not row.is_blank:
            raise row.line.flaw(row.start, "This row does not say when: write ^ or leave it blank.")
        return watch

    def _refuse_loose_ends(
        self,
        pipeline: Pipeline,
        bindings: Mapping[str, Any],
        sources: Mapping[str, Source],
        watches: tuple[Watch, ...],
    ) -> None:
        unmade = [value for value in bindings.values() if isinstance(value, Unmade)]
        used = {*pipeline.names, *(name for value in unmade for name in value.imports)}
        for one in self.imports.values():
            if one.name not in used:
                raise one.flaw(f"Nothing here uses {one.name!r}.")
        for source in sources.values():
            if source.name not in pipeline.names:
                raise source.line.flaw(0, f"The pipeline never uses {source.name!r}.")
        for watch in watches:
            if watch.name not in {*sources, "out"}:
                raise watch.line.flaw(0, f"There is no row {watch.name!r}.")
        if len([watch for watch in watches if watch.name == "out"]) > 1:
            raise watches[-1].line.flaw(
                0, "The result is subscribed once: one row `out^` is enough."
            )
