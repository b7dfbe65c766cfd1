"""LocalFarEnd: a far end in this process, a tiny model that is made to say a script.

The tokenizer, the chat template, the engine's loop and what reads its text are the real ones. Only
the tokens are chosen by a logits processor.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle, repeat
from pathlib import Path
from typing import Any, ClassVar, Self

from attrs import define, evolve

from ...events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ...models import Model
from ...models.local.answer import Answer
from ...models.local.model import LocalModel, Settings
from .far_end import Call, FarEnd
from .items import Blank, Broken, Endless, Item, LastFrame, Reported, Script, Silence, Waiting
from .tiny import BLANK, END

__all__ = ["NOT_OFFERED", "LocalFarEnd", "Play", "Scripted", "encoder_of"]

_PART = re.compile(r"<\|(tools|im_start)\|>(.*?)<\|im_end\|>\n", re.DOTALL)

_DOCS = "https://huggingface.co/docs/transformers/main_classes/text_generation"
_NO_SERVER = f"It runs in this process, so there is no server that could do this: {_DOCS}"
_NEVER_SILENT = (
    "An engine has no time-out, and is never silent; the operator `timeout` ends a slow answer: "
    f"{_DOCS}"
)

_NO_BODY = f"Its answer has no body that could be cut: {_DOCS}"
_NO_WHOLE = f"An engine gives its tokens one by one, so its answers are always streamed: {_DOCS}"

NOT_OFFERED = {
    "rate_limited": _NO_SERVER,
    "unavailable": _NO_SERVER,
    "rejected": _NO_SERVER,
    "cut_before_its_end": _NO_BODY,
    "one_of_several_is_cut": _NO_BODY,
    "reported_kinds": _NO_SERVER,
    "malformed": f"It makes tokens, and each is text, so no text violates a protocol: {_DOCS}",
    "time_out_of_the_server": _NO_SERVER,
    "time_out_at_opening": _NEVER_SILENT,
    "time_out_counts_silence": _NEVER_SILENT,
    "time_out_in_midstream": _NEVER_SILENT,
    "long_pieces": f"It gives a token at a time, and no token is long: {_DOCS}",
    "unknown_finish_reason": f"It has no words for why it ended: a token or the limit: {_DOCS}",
    "refusals": (
        "Templates have no place for a refusal, so it is text: "
        "https://huggingface.co/docs/transformers/chat_templating"
    ),
    "usage_in_detail": f"It keeps no tokens between answers, and tells no kinds apart: {_DOCS}",
    "whole_text": _NO_WHOLE,
    "whole_reasoning": _NO_WHOLE,
    "whole_calls": _NO_WHOLE,
    "whole_replies_fail": _NO_WHOLE,
    "leaving_a_whole_reply": _NO_WHOLE,
    "usage_may_be_unknown": f"The tokens are counted here, so the usage is always known: {_DOCS}",
}
"""The cells that no engine in this process offers."""


class LocalFarEnd(FarEnd):
    """A far end in this process.

    A subclass makes the models: tiny ones, with `TEMPLATE` as their chat template. They may lie in
    folders, which it links into one of its own.
    """

    longest: ClassVar[int] = 4_000
    finish_words: ClassVar[Mapping[str, str]] = {
        "stop": "an end token",
        "length": "no end token",
        "tool_calls": "</tool_call>",
    }

    def __init__(self) -> None:
        super().__init__()
        self._used: Usage | None = None

    def start(self) -> Self:
        """Make a folder for the models, which `perform` makes."""
        self._folder = Path(tempfile.mkdtemp(prefix=f"rxagent-{self.prefix}-"))
        return self

    def close(self) -> None:
        """Remove the folder; generations end with their subscriptions."""
        shutil.rmtree(self._folder)

    def perform(self, script: Script, /, **options: Any) -> Model:
        """Return a new model that says a script."""
        model = self._made(self._new_name(), options)
        model.far_end, model.script = self, script
        return model

    @abstractmethod
    def _made(self, name: str, options: Mapping[str, Any]) -> Scripted:
        """Return a new model.

        Args:
            name: Its name, or that of its folder.
            options: Passed to its constructor.
        """

    def _linked(self, name: str, folder: Path) -> str:
        """Return another path to a folder; its last part is a name."""
        link = self._folder / name
        link.symlink_to(folder)
        return str(link)

    def check(self, body: Mapping[str, Any]) -> None:
        """Check a conversation against what chat templates expect."""
        for message in body["messages"]:
            assert message["role"] in ("system", "user", "assistant", "tool"), message
            for call in message.get("tool_calls", ()):
                assert isinstance(call["function"]["arguments"], dict), call
        for tool in body.get("tools", ()):
            assert tool["type"] == "function", tool

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the model was given."""
        tools = [tool["function"] for tool in body.get("tools", ())]
        return Request(
            [_message(message) for message in body["messages"]],
            tools=[ToolSpec(t["name"], t["description"], t["parameters"]) for t in tools],
        )

    def patience(self, seconds: float) -> Mapping[str, Any]:
        """Return no options: an engine has no time-out."""
        return {}

    def used(self, items: Iterable[Item]) -> Usage | None:
        """Return the tokens of the last prompt, and of the answer to it."""
        return self._used

    def begin(self, name: str, prompt: str, script: Script, encode: Encode, marks: Marks) -> Play:
        """Receive a prompt, and return the play of the script in answer to it.

        Args:
            name: The name of the model.
            prompt: The prompt.
            script: The script.
            encode: Returns the ids of a text.
            marks: The ids of the tokens that are no text.
        """
        call, request = self._receive(name, _body(prompt))
        items = list(_apart(script(request)))
        play = Play(call, _tokens(items, encode, marks), marks)
        if not any(isinstance(item, Endless | Silence | Waiting) for item in items):
            play.length = len(encode(_written(items)))
            is_cut = any(item == Finish("length") for item in items)
            self._used = Usage(len(encode(prompt)), play.length + (not is_cut))
            play.is_cut = is_cut
        return play

    def end(self, play: Play) -> None:
        """Note that a generation has ended, before the end of its script or after it."""
        if not play.is_over:
            self._left(play.call)


Encode = Callable[[str], Sequence[int]]


@define
class Marks:
    """The ids of tokens that are no text.

    Attributes:
        end: Ends an answer.
        blank: Says nothing.
        ahead: How many tokens the engine chooses before it gives the first of them.
    """

    end: int
    blank: int
    ahead: int = 0


@define(eq=False)
class Play:
    """A script that is being said, token by token."""

    call: Call
    _tokens: Iterator[int | Exception]
    marks: Marks
    length: int = 0
    is_cut: bool = False
    is_over: bool = False

    def next(self) -> int:
        """Return the next token.

        Raises:
            RuntimeError: The script says that generating fails here.
        """
        token = next(self._tokens, self.marks.end)
        if isinstance(token, Exception):
            self.is_over = True
            raise token
        self.length -= 1
        self.is_over = token == self.marks.end or (self.is_cut and self.length == 0)
        return token


class Scripted(LocalModel[Any]):
    """A model that says a script; a mix-in before the real class.

    Attributes:
        far_end: The far end.
        script: The script.
    """

    far_end: LocalFarEnd
    script: Script

    def _generate(
        self, engine: Any, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        play = self.far_end.begin(self.model_id, prompt, self.script, *self._encoder(engine))
        play.call.body = {**play.call.body, "options": _numbers(settings.sampling)}
        most = play.length if play.is_cut else settings.max_tokens
        forced = {**settings.sampling, **self._force(engine, play)}
        settings = evolve(settings, max_tokens=most, sampling=forced)
        try:
            super()._generate(  # type: ignore[safe-super]  # the real class follows
                engine, prompt, request, settings, answer
            )
        finally:
            self.far_end.end(play)

    @abstractmethod
    def _force(self, engine: Any, play: Play) -> Mapping[str, Any]:
        """Return the sampling options by which the engine takes the tokens of a play."""

    @abstractmethod
    def _encoder(self, engine: Any) -> tuple[Encode, Marks]:
        """Return what encodes a text, and the marks."""


def encoder_of(tokenizer: Any, ahead: int = 0) -> tuple[Encode, Marks]:
    """Return what encodes a text by a tokenizer of transformers, and the marks.

    Args:
        tokenizer: The tokenizer of a tiny model.
        ahead: How many tokens the engine chooses before it gives the first of them.
    """

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return ids

    to_id = tokenizer.convert_tokens_to_ids
    return encode, Marks(to_id(END), to_id(BLANK), ahead)


# Prompts.


def _body(prompt: str) -> dict[str, Any]:
    """Return what a prompt holds; its thoughts have a name that no other provider uses."""
    parts = [(kind, json.loads(text)) for kind, text in _PART.findall(prompt)]
    tools = [tools for kind, tools in parts if kind == "tools"]
    messages = [part for kind, part in parts if kind == "im_start"]
    for message in messages:
        if "reasoning_content" in message:
            message["thoughts"] = message.pop("reasoning_content")
    body: dict[str, Any] = {"messages": messages}
    return {**body, "tools": tools[0]} if tools else body


def _message(message: Mapping[str, Any]) -> Message:
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Message(
        message["role"],
        "".join(part["text"] for part in parts if part["type"] == "text"),
        tool_calls=[
            ToolCall(call["id"], made["name"], json.dumps(made["arguments"]))
            for call in message.get("tool_calls", ())
            for made in [call["function"]]
        ],
        tool_call_id=message.get("tool_call_id"),
        images=[Image(part["url"]) for part in parts if part["type"] == "image"],
        reasoning=message.get("thoughts", ""),
    )


def _numbers(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if isinstance(value, int | float)}


# Answers.


def _tokens(items: Sequence[Item], encode: Encode, marks: Marks) -> Iterator[int | Exception]:
    written: list[Item] = []
    for item in items:
        if isinstance(item, Delta):
            written.append(item)
            continue
        yield from encode(_written(written))
        written = []
        match item:
            case Blank():
                yield marks.blank
            case Endless(delta):
                yield from cycle(encode(_written([delta])))
            case Silence() | Waiting():
                yield from repeat(marks.blank)
            case Broken():
                yield from repeat(marks.blank, marks.ahead)
                yield RuntimeError("The engine has stopped.")
            case Reported():
                yield from repeat(marks.blank, marks.ahead)
                yield RuntimeError(item.message)
            case _:
                raise TypeError(f"No engine does {item!r}.")
    yield from encode(_written(written))
    yield marks.end


def _apart(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, with those of a last frame one after another: tokens have no frames."""
    for item in items:
        yield from item.items if isinstance(item, LastFrame) else [item]


def _written(items: Iterable[Item]) -> str:
    """Return the text in which a model writes deltas: calls stand where they began."""
    thoughts = ""
    parts: list[list[str]] = []
    calls: dict[int, list[str]] = {}
    for item in items:
        match item:
            case ReasoningDelta(thought):
                thoughts += thought
            case TextDelta(piece):
                parts.append([piece])
            case ToolCallDelta(index, _, name, arguments):
                if index not in calls:
                    calls[index] = ["", ""]
                    parts.append(calls[index])
                calls[index][0] += name or ""
                calls[index][1] += arguments or ""
    written = [f"<think>{thoughts}</think>\n\n"] if thoughts else []
    for text, *rest in parts:
        written.append(_call_text(text, *rest) if rest else text)
    return "".join(written)


def _call_text(name: str, arguments: str) -> str:
    call = f'{{"name": {json.dumps(name)}, "arguments": {arguments}}}'
    return f"\n<tool_call>\n{call}\n</tool_call>"
