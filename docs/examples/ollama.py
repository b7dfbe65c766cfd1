"""Ollama's own chat protocol: a line of JSON for each piece of the reply."""

import json
from contextlib import suppress

import aiohttp

from rxagent import Request
from rxagent import operators as ops
from rxagent.errors import ModelError
from rxagent.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from rxagent.models import ErrorFactory, Model, as_model


class OllamaModel(Model):
    """A model on a server of Ollama; `timeout` is the longest silence in seconds."""

    provider = "ollama"

    def __init__(self, model_id, api_base="http://localhost:11434", timeout=600):
        self.model_id = model_id
        self._url = f"{api_base}/api/chat"
        self._timeout = aiohttp.ClientTimeout(total=None, sock_read=timeout)

    def __call__(self, request):
        """Return the deltas of an answer."""
        request = Request.of(request)
        deltas = as_model(self._reply)(request)
        return deltas.pipe(ops.stop_at(request.cuts)) if request.cuts else deltas

    async def _reply(self, request):
        errors = ErrorFactory(self.provider, self.model_id)
        reading, line = Reading(self.model_id), b""
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(self._url, json=body(self.model_id, request, errors)) as response,
            ):
                if response.status >= 400:
                    raise errors.reported(await response.text(), response.status, response.headers)
                async for line in lines(response.content):
                    for delta in reading.deltas(json.loads(line), errors):
                        yield delta
        except ModelError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise errors.malformed("what is no part of a reply", line) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            if reading.is_done:  # the answer is whole
                return
            raise errors.lost("could not be reached, or broke off", error) from error
        if not reading.is_done:
            raise errors.unavailable("ended its reply before it was done")


async def lines(content):
    """Yield the lines of a body that are whole, also those that came right before a reset."""
    lost, rest = None, b""
    while not (lost or content.at_eof()):
        try:
            piece = await content.readany()
        except aiohttp.ClientError as error:
            lost = error
            content.set_exception(None)  # it would hide what has arrived before
            piece = content.read_nowait()
        *whole, rest = (rest + piece).split(b"\n")
        for line in filter(bytes.strip, whole):
            yield line
    if lost:
        raise lost
    with suppress(ValueError):  # half a line is none
        json.loads(rest)
        yield rest


class Reading:
    """Reads the parts of one reply; a call has neither id nor index, only its place."""

    def __init__(self, model_id):
        self.model_id = model_id
        self.calls = 0
        self.is_done = False

    def deltas(self, part, errors):
        """Yield the deltas of a part."""
        if "error" in part:
            raise errors.reported(part["error"])
        message = part.get("message") or {}
        if thought := message.get("thinking"):
            yield ReasoningDelta(thought)
        if text := message.get("content"):
            yield TextDelta(text)
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = json.dumps(function.get("arguments") or {})
            yield ToolCallDelta(self.calls, None, function["name"], arguments)
            self.calls += 1
        if part.get("done"):
            reason = part.get("done_reason") or "stop"
            if reason not in ("stop", "length"):
                raise errors.unavailable(f"ended its reply with {reason!r}")
            self.is_done = True
            yield Finish("tool_calls" if self.calls and reason == "stop" else reason)
            read, written = part.get("prompt_eval_count") or 0, part.get("eval_count")
            if isinstance(read, int) and isinstance(written, int):
                yield Usage(read, written, model=self.model_id)


def body(model_id, request, errors):
    """Return the body of a request."""
    names, messages = {}, []
    for one in request.messages:  # ids may come again in each run: the latest call has the name
        names |= {call.id: call.name for call in one.tool_calls}
        messages.append(message(one, names, errors))
    sent = {"model": model_id, "messages": messages, "stream": True}
    if request.tools:
        sent["tools"] = [tool(spec) for spec in request.tools]
    elif request.output:  # beside tools it would keep the model from calling them
        sent["format"] = dict(request.output)
    return sent | dict(request.options)


def message(given, names, errors):
    """Return a message; the images are bare base64."""
    sent = {"role": given.role, "content": given.text}
    if given.reasoning:
        sent["thinking"] = given.reasoning
    if given.images:
        sent["images"] = [base64_of(image, errors) for image in given.images]
    if given.tool_calls:
        sent["tool_calls"] = [
            {"function": {"name": call.name, "arguments": arguments(call.arguments)}}
            for call in given.tool_calls
        ]
    if given.role == "tool":
        sent["tool_name"] = names.get(given.tool_call_id, "")
    return sent


def base64_of(image, errors):
    """Return the bytes of an image; Ollama reads no addresses."""
    label, _, data = image.url.partition(";base64,")
    if not label.startswith("data:"):
        raise errors.rejected(
            f"takes images as bytes, and {image.url[:64]!r} is an address. "
            "Fetch it, and write Image.from_bytes(data, media_type)."
        )
    return data


def arguments(text):
    """Return arguments as an object, whatever a model wrote."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def tool(spec):
    """Return the description of a tool."""
    function = {
        "name": spec.name,
        "description": spec.description,
        "parameters": dict(spec.parameters),
    }
    return {"type": "function", "function": function}
