"""Conversations: messages and tools in the form that chat templates read.

The templates of models differ. Some take no tools, no system message, or no two messages of one
role in a row, and raise an exception. So a conversation has several forms, and the first one that
a template takes is sent.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, TypeAlias

from attrs import evolve

from ...call_forms import CALL_CLOSE, CALL_OPEN
from ...json_text import members_of
from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..errors import ErrorFactory
from ..history import without_bare_data

__all__ = ["Form", "Render", "rendered", "tools_of"]

Form: TypeAlias = dict[str, Any]
"""A message or a tool as a template reads it."""

Render: TypeAlias = Callable[[list[Form], list[Form] | None], str]
"""Renders messages and tools by a template; it raises an exception if the template does not take
them."""

_TAKES_TOOLS = re.compile(r"\btools\b")

_TOOLS = """\
You may call these tools, described as JSON:

{tools}

To call one, write a JSON object between tags, and nothing behind the last one:

<tool_call>
{{"name": <the tool's name>, "arguments": <an object of its arguments>}}
</tool_call>"""

_SCHEMA = """\
Answer with a JSON value of this JSON Schema, and nothing else:

{schema}"""


def rendered(
    request: Request, template: str, render: Render, errors: ErrorFactory, *, constrained: bool
) -> str:
    """Return the prompt of a request.

    Args:
        request: The request.
        template: The source of the template.
        render: Renders messages by the template.
        errors: Makes the errors.
        constrained: Whether the engine keeps to the request's schema by itself.

    Raises:
        ModelRejected: The template takes none of the forms.
    """
    error: Exception | None = None
    schema = None if constrained else request.output
    takes_tools = bool(_TAKES_TOOLS.search(template))
    for messages, tools in _forms(request, schema, takes_tools):
        try:
            return render(messages, tools)
        except Exception as raised:  # a template may raise anything
            error = error or raised
    raise errors.rejected(
        f"has a chat template that does not take these messages: {error}. "
        "Give another one as chat_template=..., in Jinja."
    ) from error


def _forms(
    request: Request, schema: Any, takes_tools: bool
) -> Iterator[tuple[list[Form], list[Form] | None]]:
    shown = [_instruction(_SCHEMA.format(schema=json.dumps(schema)))] if schema else []
    own, messages = tools_of(request), list(without_bare_data(request.messages))
    if takes_tools or not (own or any(message.tool_calls for message in messages)):
        plain = _with_instructions(list(_messages(messages)), shown)
        yield plain, own or None
        yield _alternating(plain), own or None
    text = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in own)
    shown += [_instruction(_TOOLS.format(tools=text))] if own else []
    written = _with_instructions(list(_written(messages)), shown)
    yield written, None
    yield _alternating(written), None


def _messages(messages: Iterable[Message]) -> Iterator[Form]:
    """Yield messages, with other ids: nine letters and digits, as Mistral's templates demand.

    The images of tool results follow in a user's message.
    """
    ids = (f"call{number:05}" for number in count(1))
    waiting: dict[str | None, deque[str]] = {}
    for message in _with_images_behind(messages):
        form = _message(message)
        if message.role == "tool":
            sent = waiting.get(message.tool_call_id) or deque([next(ids)])
            form["tool_call_id"] = sent.popleft() if len(sent) > 1 else sent[0]
        elif message.tool_calls:
            waiting = defaultdict(deque)
            form["tool_calls"] = [_call(call, next(ids)) for call in message.tool_calls]
            for call, sent_call in zip(message.tool_calls, form["tool_calls"], strict=True):
                waiting[call.id].append(sent_call["id"])
        yield form


def _with_images_behind(messages: Iterable[Message]) -> Iterator[Message]:
    seen: list[Image] = []
    for message in messages:
        if message.role == "tool":
            seen += message.images
            yield evolve(message, images=())
            continue
        if seen:
            yield Message("user", images=seen)
            seen = []
        yield message
    if seen:
        yield Message("user", images=seen)


def _message(message: Message) -> Form:
    form: Form = {"role": message.role, "content": message.text}
    if message.images:
        parts = [{"type": "image", "url": image.url} for image in message.images]
        text = [{"type": "text", "text": message.text}] if message.text else []
        form["content"] = [*parts, *text]
    if message.reasoning:
        form["reasoning_content"] = message.reasoning
    return form


def _call(call: ToolCall, id: str) -> Form:
    """Return a call; templates want its arguments as an object."""
    return {
        "id": id,
        "type": "function",
        "function": {"name": call.name, "arguments": _arguments(call)},
    }


def _call_form(call: ToolCall) -> Form:
    return {"name": call.name, "arguments": _arguments(call)}


def _arguments(call: ToolCall) -> Any:
    return json.loads(call.arguments, strict=False) if members_of(call.arguments) else {}


def tools_of(request: Request) -> list[Form]:
    """Return the tools of a request as templates read them."""
    return [_tool(tool) for tool in request.tools]


def _tool(tool: ToolSpec) -> Form:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": _plain(tool.parameters) or {"type": "object", "properties": {}},
        },
    }


def _plain(value: Any) -> Any:
    """Return a schema in lists and dictionaries, as templates test for them."""
    return json.loads(json.dumps(value, default=dict))


def _instruction(text: str) -> Form:
    return {"role": "system", "content": text}


def _with_instructions(messages: list[Form], instructions: Sequence[Form]) -> list[Form]:
    """Return messages with instructions in the first system message."""
    if not instructions:
        return messages
    text = "\n\n".join(instruction["content"] for instruction in instructions)
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}
        return [first, *messages[1:]]
    return [_instruction(text), *messages]


def _written(messages: Iterable[Message]) -> Iterator[Form]:
    """Yield messages without calls: these, and their results, are written as text."""
    names: dict[str | None, deque[str]] = {}
    for message in _with_images_behind(messages):
        form = _message(message)
        if message.tool_calls:
            names |= {call.id: deque() for call in message.tool_calls}
            for call in message.tool_calls:
                names[call.id].append(call.name)
            calls = [
                f"{CALL_OPEN}\n{json.dumps(form)}\n{CALL_CLOSE}"
                for form in map(_call_form, message.tool_calls)
            ]
            form["content"] = "\n".join([message.text, *calls] if message.text else calls)
        if message.role == "tool":
            called = names.get(message.tool_call_id) or deque(["the tool"])
            name = called.popleft() if len(called) > 1 else called[0]
            form = {"role": "user", "content": f"Result of {name}:\n{message.text}"}
        yield form


def _alternating(messages: Iterable[Form]) -> list[Form]:
    """Return messages in which no role follows itself, and system messages are the user's."""
    joined: list[Form] = []
    for form in messages:
        form = {**form, "role": "user"} if form["role"] == "system" else form
        last = joined[-1] if joined else {}
        if form["role"] in ("user", "assistant") and last.get("role") == form["role"]:
            joined[-1] = {**last, **form, "content": _both(last["content"], form["content"])}
        else:
            joined.append(form)
    return joined


def _both(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(filter(None, [one, other]))
    return [*_parts(one), *_parts(other)]


def _parts(content: Any) -> list[Form]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
