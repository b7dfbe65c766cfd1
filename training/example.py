"""Example: one dialogue that the model learns from, and its text as the model reads it."""

import json
from typing import Any

from attrs import field, frozen

from .words import words_of

__all__ = ["Example", "Offered", "Reply", "call", "chosen", "code", "is_near"]

CODE, CALL, USER, RESULT, ASSISTANT, CLOSING, END, PAD = SPECIAL = (
    *("<|code|>", "<|call|>", "<|user|>", "<|result|>", "<|assistant|>"),
    *("<|closing|>", "<|end|>", "<|pad|>"),
)
TAGS = ("<code>", "</code>", "<tool_call>", "</tool_call>")

MARKS = "?!.,:;()[]_\"'\n"
PLAIN = words_of(
    """
    the and for what with from into that thi are have how who which you your tell show give get
    find can please now calculate compute work out much many
    """
)
"""Words of a question that choose no tool, without an s at the end."""

LONGEST = 300
"""How many characters of a question, and of a result, the chat template shows."""


@frozen
class Offered:
    """A tool of an example.

    Attributes:
        name: Its name.
        parameters: The type of each parameter by its name, as `int`.
        description: The first line of its description.
        is_async: Whether code awaits it.
    """

    name: str
    parameters: dict[str, str]
    description: str
    is_async: bool = False

    @property
    def line(self) -> str:
        """The line of the prompt that describes it."""
        parameters = ", ".join(f"{name}: {kind}" for name, kind in self.parameters.items())
        return f"{'async ' * self.is_async}{self.name}({parameters}) {self.description}\n"


@frozen
class Reply:
    """What the model writes, and what it reads then.

    Attributes:
        text: What it writes.
        results: What it reads then.
        is_learned: Whether it is to be learned; a mistake is only read.
    """

    text: str
    results: tuple[str, ...] = ()
    is_learned: bool = True


@frozen
class Example:
    """A dialogue.

    Attributes:
        kind: What it is about.
        question: The task.
        replies: What the model writes.
        tools: The tools that it may use.
        is_code: Whether it writes code, or calls tools.
        answer: The answer, or the calls, by which an evaluation judges.
    """

    kind: str
    question: str
    replies: tuple[Reply, ...] = field(converter=tuple)
    tools: tuple[Offered, ...] = field(default=(), converter=tuple)
    is_code: bool = True
    answer: Any = None

    def parts(self) -> list[tuple[str, bool]]:
        """Return the pieces of its text, each with whether it is to be learned."""
        lines = chosen([tool.line for tool in self.tools], self.question)
        head = (CODE if self.is_code else CALL) + "".join(lines)
        parts = [(f"{head}{USER}{shown(self.question)}", False)]
        for reply in self.replies:
            is_closing = self.kind == "closing" and reply is self.replies[-1]
            before = CLOSING + ASSISTANT if is_closing else ASSISTANT
            parts += [(before, False), (reply.text + END, reply.is_learned)]
            parts += [(RESULT + shown(result), False) for result in reply.results]
        return parts


def chosen(lines: list[str], question: str) -> list[str]:
    """Return the lines of the tools that the chat template shows.

    They are the four with the most words of the question, in the order of these words in the
    question. A tool is left out if another has all its words and more. If none has any, the first
    four are shown to a question with a digit, which may be a sum, and none to others.
    """
    found = {line: _found(line, question) for line in lines}
    kept: list[str] = []
    for line in sorted(lines, key=lambda line: -len(found[line])):
        if found[line] and not any(set(found[line]) < set(found[other]) for other in kept):
            kept.append(line)
    near = sorted(kept[:4], key=lambda line: found[line])
    return near or (lines[:4] if set(question) & set("0123456789") else [])


def is_near(line: str, question: str) -> bool:
    """Return whether the line of a tool has a word of a question by which it may be chosen."""
    return bool(_found(line, question))


def _found(line: str, question: str) -> list[int]:
    """Return which words of a question a line has."""
    words = [word.removesuffix("s") for word in _spaced(question).split()[:60]]
    words = [word for word in words if (len(word) > 2 and word not in PLAIN) or word.isdigit()]
    spaced = f" {_spaced(line)}"
    return [at for at, word in enumerate(dict.fromkeys(words)) if f" {word}" in spaced]


def _spaced(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, " ")
    return text.lower()


def shown(text: str) -> str:
    """Return what the chat template shows of a question or a result."""
    text = text.strip().replace("<|", "< |")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def code(thought: str, *lines: str) -> str:
    """Return a reply with code."""
    body = "\n".join(lines)
    return f"Thought: {thought}\n<code>\n{body}\n</code>"


def call(*calls: tuple[str, dict[str, Any]]) -> str:
    """Return a reply with calls."""
    written = (json.dumps({"name": n, "arguments": a}, ensure_ascii=False) for n, a in calls)
    return "".join(f"<tool_call>{text}</tool_call>" for text in written)
