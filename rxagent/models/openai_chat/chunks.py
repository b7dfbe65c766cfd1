"""Chunks of OpenAI's chat protocol, in all its dialects, read as deltas."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, ToolCallDelta
from ...finish_reasons import finish_of
from ...messages import ProviderData
from ...streams.fairness import REST, Rest, rested
from ..cut_calls import Latest
from ..errors import ErrorFactory
from ..failures import failure_in, failure_inside, is_foreign, wordless_failure_in
from ..json_events import JsonEvents
from ..own_tags import tags_of
from ..think_tags import ThinkTags
from .again import Again
from .calls import Calls, Fragment
from .choices import Choices, Undecided
from .fields import (
    FAR,
    Halves,
    Usages,
    failed_end_of,
    holds_more,
    id_of,
    number,
    reason_in,
    string,
    whole,
)
from .ids import is_replaceable
from .kept import OPAQUE, Kept
from .marked import MarkedThoughts, is_marked
from .nesting import is_deep
from .reasoning import Called, Failed, pieces_in, reasoning_fields_of, thoughts_in
from .repeats import Repeats, Seen

__all__ = ["ChatChunks"]

_TEXT, _REASONING, _REFUSAL = "text", "reasoning", "refusal"

_BESIDE = ("content", "refusal", "tool_calls", "function_call")
"""What a message adds that stands beside the text of a delta."""

_FINAL = ("length", "content_filter", "refusal")
"""Finish reasons that count after another one, and while arguments lack their end."""


class ChatChunks(JsonEvents):
    """Reads the chunks of one reply, one after the other, as deltas.

    Fragments of tool calls are passed on as they came; one without an index has the latest.
    What stands beside text and calls, and cannot be read, is skipped.

    Attributes:
        answered: Whether any choice was read.
        failure: The error that a chunk has reported, if one has.
        goes_on: Whether text or calls came after a finish reason.
        finished: Whether the reply is whole, by its finish reason or its form.
        is_stream: Whether the chunks are events of a stream, of which a message is no end.
        tags: Separates the answer from the thoughts before it.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
    """

    _what: ClassVar[str] = "a chunk"

    def __init__(self, errors: ErrorFactory, origin: str | None = None) -> None:
        super().__init__(errors)
        self.goes_on = False
        self.tags = ThinkTags(origin, tags_of(errors.model))
        self._choices = Choices()
        self._calls = Calls()
        self._again = Again()
        self._repeats = Repeats()
        self._passed: list[str] = []
        self._reason: str | None = None
        self._usages = Usages(errors.model)
        self._halves = Halves()
        self._latest = Latest()
        self._kept = Kept(origin, errors.model)
        self._marked = MarkedThoughts()
        self._index = 0
        self._latest_call = 0
        self._elsewhere: dict[tuple[int, int], int] = {}
        self._mirrored: set[int] = set()
        """The choices whose calls may come a second time, in their old form."""

    @property
    def is_plain(self) -> bool:
        """Whether further text without the sign `<` is the answer's."""
        is_open = self._halves.kept or self._marked.are_open
        return self.tags.may_pass and self._choices.are_decided and not is_open

    @property
    def is_cut(self) -> bool:
        """Whether a call lacks its arguments, and no finish reason came."""
        return self._reason is None and not self.finished and self._calls.are_cut

    def passed(self, text: str) -> None:
        """Note a text without the sign `<` that was emitted as the answer's."""
        self.tags.passed(text)
        self._passed.append(text)
        self.goes_on = self.finished

    def read(self, value: Any, /) -> Iterator[Delta | Rest]:
        """Yield the deltas of a chunk, or of a list of them; REST, where much holds few deltas.

        Raises:
            MalformedReply: The chunk has an unknown shape.
        """
        try:
            yield from super().read(value)
        except Undecided as error:
            self._fail_undecided(error, value)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""
        reason = self._choices.end()
        yield from self._settle()
        if reason is not None:
            yield from self._finish(reason)
        yield from self.tags.end()
        try:
            self._choices.check(bool(self._calls))
            if self._repeats.is_contradicted:
                raise Undecided("a whole message that differs from the pieces of it")
            if self._calls.has_unread:
                raise Undecided("a call without a name and arguments that can be read")
        except Undecided as error:
            self._fail_undecided(error, "")

    def _fail_undecided(self, error: Undecided, received: Any) -> None:
        if self.failure is None:
            self.failure = self._errors.malformed(str(error), received)

    def _read(self, chunk: Any) -> Iterator[Delta | Rest]:
        error = failure_in(chunk)
        if error is None and not self.finished and not chunk.get("choices"):
            is_strange = self.answered and is_foreign(chunk)
            error = chunk if is_strange else wordless_failure_in(chunk)
        if error is not None:
            self.fail(error)
        choices = chunk.get("choices") or ()
        self._choices.look(choices)
        for choice in choices if len(choices) < 2 else rested(choices):
            if choice is REST:
                yield REST
            elif choice:
                yield from self._read_choice(choice)
        if report := chunk.get("usage"):
            yield from self._report(report)
        if isinstance(of_groq := chunk.get("x_groq"), Mapping):
            yield from self._report(of_groq.get("usage"))

    def _read_choice(self, choice: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        index = number(choice.get("index")) or 0
        fields, reason = choice.get("delta"), reason_in(choice)
        message = choice.get("message")
        is_whole = message is not None and not holds_more(fields)
        fields = message if is_whole else fields
        error = failure_inside(choice, fields) or failed_end_of(choice.get("finish_reason"))
        if error is not None:
            self.fail(error)
        if not fields and isinstance(choice.get("text"), str):  # the protocol before messages
            fields = {"content": choice["text"]}
        if fields is None and not reason:
            return
        self.answered = True
        fields = fields or {}
        if self._passed:
            self._repeats.add(self._choices.answer or 0, "content", "".join(self._passed))
            self._passed = []
        if is_whole:  # it may repeat what came before
            fields = self._repeats.new_in(index, fields)
        else:
            for name, part in fields.items():
                if part:
                    self._repeats.add(index, name, part)
        has_calls = yield from self._read_fields(fields, index, is_whole)
        if reason and message and not is_whole:
            beside = {name: message.get(name) for name in _BESIDE}
            new = self._repeats.new_in(index, beside)
            has_calls |= yield from self._read_fields(new, index, True)
        if report := choice.get("usage"):
            yield from self._report(report)
        if reason:
            if self._choices.finishes(index, reason) or has_calls:
                yield from self._finish(reason)
        elif is_whole and not self.is_stream:
            self.finished = True

    def _read_fields(
        self, fields: Mapping[str, Any], choice: int, is_whole: bool
    ) -> Generator[Delta | Rest, None, bool]:
        """Yield the deltas of a delta or a message; return whether it has calls."""
        if self.finished and any(fields.get(name) for name in _BESIDE):
            self.goes_on = True
        if self._choices.takes(choice, fields):
            yield from self._read_released()
            yield from self._read_message(fields, choice)
        has_calls = False
        if fields.get("tool_calls") or fields.get("tool_call") or fields.get("function_call"):
            for delta in self._read_calls(fields, choice, is_whole):
                has_calls = has_calls or delta is not REST
                yield delta
            has_calls = has_calls or bool(self._latest)
        return has_calls

    def _read_released(self) -> Iterator[Delta | Rest]:
        for fields, choice in self._choices.released():
            yield from self._read_message(fields, choice)

    def _read_message(self, fields: Mapping[str, Any], choice: int) -> Iterator[Delta | Rest]:
        is_read = False
        for name in reasoning_fields_of(fields):
            reasoning = fields.get(name)
            if not reasoning or is_deep(reasoning):
                continue
            if isinstance(reasoning, list | Mapping):
                yield from self._kept.add(name, reasoning)
            if not is_read:
                for delta in self._think(thoughts_in(reasoning), self._kept.field(name, fields)):
                    is_read = is_read or delta is not REST
                    yield delta
        if not OPAQUE.isdisjoint(fields):
            yield from self._kept.take_opaque(fields)
        if content := fields.get("content"):
            has_mark = "extra_content" in fields and is_marked(fields)
            yield from self._read_content(content, choice, has_mark)
        if (refusal := fields.get("refusal")) and refusal is not True:
            yield from self._refuse(string(refusal))

    def _think(
        self, thoughts: Iterable[str | Rest], extra: tuple[ProviderData, ...] = ()
    ) -> Iterator[Delta | Rest]:
        for thought in thoughts:
            if thought is REST:
                yield REST
            elif thought and (joined := self._halves.join(_REASONING, thought)):
                yield from self.tags.settle()
                yield ReasoningDelta(joined, extra)
                extra = ()

    def _refuse(self, refusal: str) -> Iterator[Delta | Rest]:
        yield from self._kept.take()
        yield from self.tags.settle()
        yield RefusalDelta(self._halves.join(_REFUSAL, refusal))

    def _read_content(self, content: Any, choice: int, has_mark: bool) -> Iterator[Delta | Rest]:
        if not isinstance(content, str):
            yield from self._kept.add_thoughts(content)
        for piece in (("text", content),) if isinstance(content, str) else pieces_in(content):
            if piece is REST:
                yield REST
            elif isinstance(piece, Failed):
                self.fail(piece[0])
            elif isinstance(piece, Called):
                index = number(piece[0].get("index"))
                yield from self._read_call(
                    choice, self._index if index is None else index, piece[0]
                )
            elif piece[0] == _TEXT:
                yield from self._read_text(piece[1], has_mark)
            elif piece[0] == _REFUSAL:
                yield from self._refuse(piece[1])
            else:
                yield from self._think(piece[1:])

    def _read_text(self, text: str, has_mark: bool) -> Iterator[Delta | Rest]:
        if has_mark or self._marked.are_open:
            thought, text = self._marked.split(text, has_mark)
            yield from self._think((thought,))
        if text and self._kept.has_parts:
            yield from self._kept.take()
        if text := self._halves.join(_TEXT, text):
            yield from self.tags.add(text)

    def _read_calls(
        self, fields: Mapping[str, Any], choice: int, is_whole: bool
    ) -> Iterator[Delta | Rest]:
        fragments = fields.get("tool_calls") or fields.get("tool_call") or ()
        if isinstance(fragments, Mapping):
            fragments = [fragments]
        if not isinstance(fragments, list | tuple):
            raise TypeError
        position = -1
        seen: set[int] = set()
        for fragment in rested(fragments):
            if fragment is REST:
                yield REST
                continue
            position += 1
            if fragment is None:
                continue
            index = number(fragment.get("index"))
            if index is None:
                index = position if is_whole else self._index
            self._index = index
            self._mirrored.add(choice)
            yield from self._read_call(choice, index, fragment, index not in seen)
            seen.add(index)
        function = fields.get("function_call")  # the protocol before parallel calls
        if function and not self._is_mirror(function, choice):
            yield from self._read_call(choice, 0, {"function": function})

    def _is_mirror(self, function: Mapping[str, Any], choice: int) -> bool:
        """Return whether a call in the old form repeats one that came in the new form."""
        name = function.get("name")
        return choice in self._mirrored and (not name or name in self._calls.names)

    def _unique(self, choice: int, index: int, continues: bool) -> int:
        """Return an index that no call of another choice has, unless a fragment continues one."""
        if choice == (self._choices.answer or 0) and not self._choices.have_moved:
            return index
        if continues and (choice, index) not in self._elsewhere:
            return self._latest_call
        return self._elsewhere.setdefault((choice, index), FAR + len(self._elsewhere))

    def _read_call(
        self, choice: int, index: int, fields: Mapping[str, Any], may_repeat: bool = True
    ) -> Iterator[Delta | Rest]:
        if self._kept.has_parts:
            yield from self._kept.take()
        yield from self.tags.settle()
        fragment = Fragment(fields)
        error = failure_inside(fields, fragment.function)
        if error is not None:
            self.fail(error)
            return
        name, arguments = fragment.name, fragment.arguments
        id = id_of(fields.get("id"))
        kept = fragment.beside()
        if id and not is_replaceable(id) and self._kept.is_new(id):
            kept["id"] = id  # which goes back to its origin as it is
        given = index
        index = self._latest_call = self._unique(choice, index, not (id or name))
        if arguments:
            arguments = self._halves.join(index, self._calls.new_in(index, id, arguments))
        name = whole(string(name)) if name else None
        if not may_repeat:
            self._again.begin(index, id, name, arguments or "")
        elif name or arguments:
            new = self._again.new_in(index, id, name, arguments)
            if new is None and self._again.is_known(index, kept):
                return
            id, name, arguments = new or (id, None, None)
        self._again.is_known(index, kept)
        self.finished = self.finished and not (arguments and not arguments.isspace())
        self.finished = self.finished and not name
        self._repeats.add_call(choice, Seen(given, id, name, arguments))
        if name or arguments:
            self._calls.add(index, name, arguments)
        elif id or kept:
            self._calls.add_unread(index)
        yield from self._latest.release()
        delta = ToolCallDelta(index, id, name, arguments, self._kept.data(kept))
        if fragment.is_object:
            self._latest.hold(delta)
        else:
            yield delta

    def _report(self, report: Any) -> Iterator[Delta]:
        if usage := self._usages.add(report):
            yield usage

    def _finish(self, reason: str) -> Iterator[Delta | Rest]:
        meaning = finish_of(reason)
        if meaning is None:
            self.fail({"code": reason, "message": f"the reply ended with {reason!r}"})
        if self.failure or (self.finished and meaning not in _FINAL):
            return
        self.finished = meaning in _FINAL or not (self.is_stream and self._calls.are_open)
        yield from self._latest.release(is_cut=meaning == "length")
        yield from self._settle()
        yield from self.tags.end()
        if meaning is not None and meaning != self._reason:
            self._reason = meaning
            yield Finish(meaning)

    def _settle(self) -> Iterator[Delta | Rest]:
        yield from self._read_released()
        yield from self._latest.release()
        if self._marked.are_open:
            yield from self._think((self._marked.end(),))
        yield from self._kept.take()
        for key, half in self._halves.flush().items():
            match key:
                case int():
                    yield ToolCallDelta(key, arguments=half)
                case "reasoning":
                    yield ReasoningDelta(half)
                case "refusal":
                    yield RefusalDelta(half)
                case _:
                    yield from self.tags.add(half)
