"""Reading: how a text becomes a diagram, or an error at its place."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from attrs import Factory, define

from ...events import TextDelta
from .bindings import Unmade, value_of
from .diagram import Diagram, Note, Pipeline, Source, Watch
from .rows import (
    ERROR,
    Kind,
    Line,
    Mark,
    Timeline,
    letter_of,
    read_duration,
    read_ruler,
    read_subscription,
    read_values,
    unquoted,
)
from .scope import KIT
from .snippets import Import, Snippet, imports_of

__all__ = ["notes_of", "parse", "read", "watch_of"]

__tracebackhide__ = True

_ROW = re.compile(r"([^\W\d]\w*)([:~^])")
_BINDING = re.compile(r"(\S+)[ ]*=")
_IMPORT = re.compile(r"(from|import)[ ]")
_SETTINGS = {"tick", "time"}
_TAKEN = _SETTINGS | KIT.keys()


def read(path: str | PathLike[str]) -> Diagram:
    """Return the diagram in a file."""
    try:
        return parse(Path(path).read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise Line("", 1, str(path)).flaw(0, "This file is no text in UTF-8.") from None


def parse(text: str, file: str | None = None) -> Diagram:
    """Return the diagram of a text.

    Raises:
        MarbleSyntaxError: The text is no diagram; the error says where.
    """
    return _Parser(text, file).diagram()


def notes_of(
    line: Line, start: int, timeline: Timeline, bindings: Mapping[str, Any], begun: float = 0.0
) -> tuple[Note, ...]:
    """Return the notes of a row's marbles, in seconds since `begun`."""

    def note(mark: Mark) -> Note:
        at = round(_time(line, mark, timeline) - begun, 6)
        letter = letter_of(mark.sign)
        if mark.kind is Kind.COMPLETED:
            return Note(at, Kind.COMPLETED, None, mark.sign)
        if mark.sign.startswith("'"):
            return Note(at, Kind.NEXT, TextDelta(unquoted(mark.sign)), mark.sign)
        if letter in bindings:
            value = bindings[letter]
            is_error = letter == ERROR or isinstance(value, Exception)
            return Note(at, Kind.ERROR if is_error else Kind.NEXT, value, mark.sign)
        what = f"Nothing is bound to {letter!r}; write `{letter} = ...`."
        if letter == ERROR:
            what = 'The # carries no error; write `! = ModelError("...")`.'
        raise line.flaw(mark.place, what)

    return tuple(map(note, read_values(line, start)))


def watch_of(name: str, line: Line, start: int, timeline: Timeline) -> Watch:
    """Return the times of a row of subscriptions."""
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
class _RawRow:
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
class _Parser:
    """A diagram while it is read."""

    text: str
    file: str | None
    rows: list[_RawRow] = Factory(list)
    settings: dict[str, _RawRow] = Factory(dict)
    snippets: dict[str, Snippet] = Factory(dict)
    imports: dict[str, Import] = Factory(dict)
    comments: list[str] = Factory(list)

    def diagram(self) -> Diagram:
        self._sort_lines()
        self._read_imports()
        first = Line(self.text.split("\n")[0], 1, self.file)
        if ">" not in self.snippets:
            raise first.flaw(0, "The pipeline is missing: a line `> expression`.")
        snippet = self.snippets.pop(">")
        pipeline = Pipeline(snippet, *snippet.compile())
        timeline = self._timeline()
        bindings = {
            letter: value_of(letter, snippet, self.imports)
            for letter, snippet in self.snippets.items()
        }
        sources = {
            row.name: self._source(row, timeline, bindings) for row in self.rows if row.sort != "^"
        }
        watches = tuple(self._watch(row, timeline) for row in self.rows if row.sort == "^")
        if "out" not in sources:
            raise first.flaw(0, "The row `out:` is missing.")
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

    # Lines.

    def _sort_lines(self) -> None:
        open_snippet: str | None = None
        for number, text in enumerate(self.text.split("\n"), 1):
            line = Line(text.rstrip("\r ").removeprefix("\ufeff"), number, self.file)
            if not line.text:
                open_snippet = None
            elif line.text[0] in " )]}":
                if open_snippet is None:
                    raise line.flaw(0, "This line continues nothing; a row begins with its name.")
                snippet = self.snippets[open_snippet]
                self.snippets[open_snippet] = Snippet((*snippet.lines, line), snippet.start)
            else:
                open_snippet = self._sort(line)

    def _sort(self, line: Line) -> str | None:
        """Sort a line; return the name of its snippet if other lines may continue it."""
        if line.text[0] == "#":
            if not (self.rows or self.settings or self.snippets):
                self.comments.append(line.text[1:].strip())
        elif line.text[0] == ">":
            return self._add_snippet(">", line, 1)
        elif _IMPORT.match(line.text):
            return self._add_snippet(f"import {line.number}", line, 0)
        elif row := _ROW.match(line.text):
            self._add_row(_RawRow(row[1], row[2], line, row.end()))
        elif binding := _BINDING.match(line.text):
            if len(binding[1]) != 1 or not (binding[1].isalnum() or binding[1] == ERROR):
                raise line.flaw(0, f"{binding[1]!r} is no letter; bind a letter, a digit or `!`.")
            return self._add_snippet(binding[1], line, binding.end())
        else:
            raise line.flaw(0, "This is no row, pipeline (>), binding (=), import or comment (#).")
        return None

    def _add_snippet(self, name: str, line: Line, start: int) -> str:
        if name in self.snippets:
            what = f"{name!r} is already bound."
            if name == ">":
                what = "There is already a pipeline; indent its further lines."
            raise line.flaw(0, what)
        self.snippets[name] = Snippet((line,), start)
        return name

    def _add_row(self, row: _RawRow) -> None:
        if row.name in _SETTINGS and row.sort == ":":
            if row.name in self.settings:
                raise row.line.flaw(0, f"There is already a line `{row.name}:`.")
            self.settings[row.name] = row
            return
        if row.name in _TAKEN or keyword.iskeyword(row.name):
            raise row.line.flaw(
                0, f"A stream cannot be called {row.name!r}, which has another meaning."
            )
        if row.name == "out" and row.sort == "~":
            raise row.line.flaw(3, "The result is written `out:`.")
        if row.sort != "^":
            if any(other.name == row.name and other.sort != "^" for other in self.rows):
                raise row.line.flaw(0, f"There is already a row {row.name!r}.")
            if row.is_blank:
                raise row.line.flaw(row.body - 1, "This row is blank; silence is written `-`.")
        self.rows.append(row)

    def _read_imports(self) -> None:
        rows = {row.name for row in self.rows}
        for key in [key for key in self.snippets if key.startswith("import ")]:
            for one in imports_of(self.snippets.pop(key)):
                if one.name in rows | self.imports.keys() | _TAKEN:
                    what = "has another meaning"
                    if one.name in rows:
                        what = "is already a row"
                    elif one.name in self.imports:
                        what = "is already imported"
                    raise one.flaw(f"{one.name!r} {what}; import this `as` something else.")
                self.imports[one.name] = one

    # Values.

    def _timeline(self) -> Timeline:
        tick = Timeline().tick
        if (row := self.settings.get("tick")) is not None:
            tick = read_duration(row.line.text[row.body :].strip()) or 0.0
            if not tick:
                raise row.line.flaw(row.start, "A tick is a time such as 10ms, above 0.")
        ruler = self.settings.get("time")
        labels = list(read_ruler(ruler.line, ruler.body)) if ruler is not None else []
        starts = [row.start for row in self.rows if not row.is_blank]
        zero = min(starts + [column for column, _ in labels], default=0)
        if not labels or labels[0][0] != zero:
            labels.insert(0, (zero, 0.0))
        begun, *later = (seconds for _, seconds in labels)
        if ruler is not None and (begun or 0.0 in later):
            raise ruler.line.flaw(ruler.start, "Time begins with 0, in the first column of all.")
        return Timeline(tick, tuple(labels))

    def _source(self, row: _RawRow, timeline: Timeline, bindings: Mapping[str, Any]) -> Source:
        start = Mark(row.start, Kind.NEXT, "", row.start)
        drawn = _time(row.line, start, timeline) if row.sort == ":" and row.name != "out" else 0.0
        notes = notes_of(row.line, row.start, timeline, bindings, drawn)
        return Source(row.name, row.sort == "~", drawn, notes, row.line)

    def _watch(self, row: _RawRow, timeline: Timeline) -> Watch:
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
        if sum(watch.name == "out" for watch in watches) > 1:
            raise watches[-1].line.flaw(
                0, "The result is subscribed once: one row `out^` is enough."
            )
