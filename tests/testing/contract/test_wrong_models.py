"""Wrong versions of docs/examples/ollama.py fail the cell that states what they break."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from rxagent.testing.contract import ModelContract, listening

pytest.importorskip("aiohttp")

_FOLDER = Path(__file__).parents[3] / "docs" / "examples"
_SOURCE = (_FOLDER / "ollama.py").read_text(encoding="utf-8")


def loaded():
    """Return the test of the example, with the far end."""
    spec = spec_from_file_location("contract_of_ollama", _FOLDER / "test_ollama.py")
    module, kept = module_from_spec(spec), sys.modules.get("ollama")
    sys.modules["ollama"] = changed()
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["ollama"]
        if kept is not None:
            sys.modules["ollama"] = kept
    return module


def changed(*changes):
    """Return the module of the example with changes: a text, and what stands in its place."""
    source = _SOURCE
    for before, after in changes:
        assert source.count(before) >= 1, f"the example has no {before!r}"
        source = source.replace(before, after, 1)
    module = ModuleType("wrong_ollama")
    exec(compile(source, "wrong_ollama.py", "exec"), vars(module))
    return module


_EXAMPLE = loaded()
_TEXT = 'if text := message.get("content"):'
_CALLS = 'for call in message.get("tool_calls") or ():'
_STATUS = "if response.status >= 400:"
_CONTENT = '"content": given.text}'
_ARGUMENTS = 'json.dumps(function.get("arguments") or {})'
_STOPS = "deltas.pipe(ops.stop_at(request.cuts)) if request.cuts else deltas"
_UNKNOWN = 'raise errors.unavailable(f"ended its reply with {reason!r}")'
_LINES = "async for line in lines(response.content):"
_SPLIT = '*whole, rest = (rest + piece).split(b"\\n")'
_CUT = 'raise errors.unavailable("ended its reply before it was done")'

WRONG = {
    # Bytes and lines.
    "a piece of the body is a line": (
        "text_in_order",
        (_SPLIT, '*whole, rest = *piece.split(b"\\n"), b""'),
    ),
    "letters in pieces are lost": (
        "text_in_order",
        ("await content.readany()", '(await content.readany()).decode(errors="ignore").encode()'),
    ),
    "letters are Latin": ("text_in_order", ("loads(line)", 'loads(line.decode("latin-1"))')),
    "a separator ends a line": (
        "signs_are_text",
        ("loads(line)", "loads(line.decode().splitlines()[0])"),
    ),
    "a line has a limit": ("long_pieces", (_LINES, "async for line in response.content:")),
    "a line begins late": ("long_pieces", ("(rest + piece).", "(rest + piece)[-65536:].")),
    "the last line has a line break": ("last_frame_is_read", ("        yield rest\n", "")),
    "a cut reply is whole": ("cut_before_its_end", (_CUT, 'yield Finish("stop")')),
    # Replies.
    "text is stripped": (
        "white_space_is_text",
        ("yield TextDelta(text)", "yield TextDelta(text.strip())"),
    ),
    "text is cut": ("long_pieces", ("yield TextDelta(text)", "yield TextDelta(text[:4096])")),
    "tags are none of the text": (
        "signs_are_text",
        (
            _TEXT,
            'import re\n        if text := re.sub("<[^>]*>", "", message.get("content") or ""):',
        ),
    ),
    "letters are short": (
        "text_in_order",
        (_TEXT, 'if text := "".join(c for c in message.get("content") or "" if ord(c) < 0x10000):'),
    ),
    "text on the last line is lost": (
        "last_frame_is_read",
        (_TEXT, 'if (text := message.get("content")) and not part.get("done"):'),
    ),
    "text behind calls is lost": (
        "text_around_calls",
        (_TEXT, 'if (text := message.get("content")) and not self.calls:'),
    ),
    "thoughts are stripped": (
        "reasoning_is_apart",
        ("ReasoningDelta(thought)", "ReasoningDelta(thought.strip())"),
    ),
    "calls on the last line are lost": (
        "last_frame_is_read",
        (_CALLS, 'for call in () if part.get("done") else message.get("tool_calls") or ():'),
    ),
    "calls beside text are lost": (
        "last_frame_is_read",
        (_CALLS, 'for call in () if message.get("content") else message.get("tool_calls") or ():'),
    ),
    "one call is read": ("parallel_calls", (_CALLS, _CALLS.replace(" or ()", "[:1]"))),
    "an unknown reason is stop": (
        "unknown_finish_reason",
        (_UNKNOWN, 'reason = "stop"'),
    ),
    "an unknown reason is passed on": ("unknown_finish_reason", (_UNKNOWN, "pass")),
    "a cut call is whole": ("finish_reasons", ('self.calls and reason == "stop"', "self.calls")),
    "an error beside the end is lost": (
        "reported_beside_the_end",
        ('if "error" in part:', 'if "error" in part and not part.get("done"):'),
    ),
    # Arguments.
    "arguments are flat": (
        "arguments_are_exact",
        (_ARGUMENTS, 'json.dumps({k: v for k, v in function["arguments"].items() if v != {}})'),
    ),
    "arguments are texts": (
        "arguments_are_exact",
        (_ARGUMENTS, 'json.dumps({k: str(v) for k, v in function["arguments"].items()})'),
    ),
    "arguments are Latin": (
        "arguments_are_exact",
        (_ARGUMENTS, _ARGUMENTS + '.encode().decode("unicode_escape")'),
    ),
    "arguments are not sent back": (
        "arguments_are_exact",
        ('"arguments": arguments(call.arguments)', '"arguments": {}'),
    ),
    # Statuses and times.
    "the body of a 500 is the answer": (
        "unavailable",
        (
            _STATUS,
            """if response.status == 500:
                    yield TextDelta(await response.text())
                    yield Finish("stop")
                    return
                if response.status >= 400:""",
        ),
    ),
    "a 500 is a rejection": (
        "unavailable",
        (
            _STATUS,
            f'if response.status == 500: raise errors.rejected("")\n                {_STATUS}',
        ),
    ),
    "six statuses are errors": (
        "rejected",
        (_STATUS, "if response.status in (400, 401, 403, 404, 429, 503):"),
    ),
    "a time-out of the server is a rejection": (
        "time_out_of_the_server",
        (
            _STATUS,
            f'if response.status == 408: raise errors.rejected("")\n                {_STATUS}',
        ),
    ),
    "the sentence is not read": ("rejected", ("await response.text()", '""')),
    "a wait is not read": ("rate_limited", (", response.headers)", ")")),
    "the time-out is a total": (
        "time_out_counts_silence",
        ("total=None, sock_read=timeout", "total=timeout"),
    ),
    "a time-out is a lost connection": (
        "time_out_in_midstream",
        ("raise errors.lost(", "raise errors.unavailable("),
    ),
    "the reply is collected first": (
        "broken_in_midstream",
        (
            """                async for line in lines(response.content):
                    for delta in reading.deltas(json.loads(line), errors):
                        yield delta""",
            """                found = []
                async for line in lines(response.content):
                    found += reading.deltas(json.loads(line), errors)
                for delta in found:
                    yield delta""",
        ),
    ),
    # Requests.
    "system texts are stripped": (
        "texts_are_whole",
        (_CONTENT, '"content": given.text.strip() if given.role == "system" else given.text}'),
    ),
    "letters are sent as ?": (
        "texts_are_whole",
        (_CONTENT, '"content": given.text.encode("latin-1", "replace").decode("latin-1")}'),
    ),
    "results are stripped": (
        "calls_are_given_back",
        (_CONTENT, '"content": given.text.strip() if given.role == "tool" else given.text}'),
    ),
    "results are cut": (
        "long_conversations",
        (_CONTENT, '"content": given.text[:2000] if given.role == "tool" else given.text}'),
    ),
    "results have no name": ("calls_are_given_back", ('names.get(given.tool_call_id, "")', '""')),
    "the history is cut": (
        "long_conversations",
        ("for one in request.messages:", "for one in request.messages[-12:]:"),
    ),
    "five tools are sent": (
        "tools",
        ("for spec in request.tools]", "for spec in request.tools[:5]]"),
    ),
    "descriptions are lost": ("tools", ("spec.description", '""')),
    "schemas lack fields": (
        "tools",
        ("dict(spec.parameters)", '{"properties": spec.parameters.get("properties", {})}'),
    ),
    "no stops where there are tools": (
        "stops_are_cut",
        (_STOPS, _STOPS.replace("if request.cuts", "if request.cuts and not request.tools")),
    ),
    "one stop": ("stops_are_cut", ("stop_at(request.cuts)", "stop_at(request.cuts[:1])")),
    "a JPEG is rejected": (
        "kinds_of_images",
        ('if not label.startswith("data:"):', 'if label != "data:image/png":'),
    ),
    "one image": (
        "several_images",
        ("for image in given.images]", "for image in given.images[:1]]"),
    ),
    "the schema of the answer is lost": ("output_schema", ("elif request.output:", "elif False:")),
    "options are lost": ("options", (" | dict(request.options)", "")),
    "thoughts are not sent back": ("reasoning_is_given_back", ("if given.reasoning:", "if False:")),
    "empty results are lost": (
        "calls_are_given_back",
        (
            "messages.append(message(",
            'if one.text or one.role != "tool": messages.append(message(',
        ),
    ),
    # Runs.
    "what is done stands on the model": (
        "one_of_several_is_cut",
        ("reading, line =", "self.reading, line ="),
        ('b""\n', 'b""\n        reading = self.reading\n'),
        ("if not reading.is_done", "if not self.reading.is_done"),
    ),
    "a loop is kept": (
        "a_second_loop",
        ("import aiohttp", "import aiohttp\nimport asyncio"),
        ("        errors = Err", '        kept = vars(self).get("loop")\n        errors = Err'),
        ("        try:", "        self.loop = kept or asyncio.get_running_loop()\n        try:"),
        ("(timeout=self._timeout)", "(timeout=self._timeout, loop=self.loop)"),
    ),
    "a reply is kept": (
        "each_subscription_asks_again",
        (
            "as_model(self._reply)(request)",
            "as_model(self._reply)(request).pipe(rxo.replay()).auto_connect()",
        ),
        ("import aiohttp", "import aiohttp\nfrom reactivex import operators as rxo"),
    ),
}


@pytest.mark.parametrize(("cell", "changes"), [(c, more) for c, *more in WRONG.values()], ids=WRONG)
def test_a_wrong_model_fails(cell, changes, monkeypatch):
    """The cell fails with the wrong version."""
    monkeypatch.setattr(listening, "_LONGEST", 0.5)
    wrong = changed(*changes)

    class FarEnd(_EXAMPLE.OllamaFarEnd):
        def connect(self, name, /, **options):
            return wrong.OllamaModel(name, self.url, **options)

        def wait_hang_up(self, model, count=1, timeout=0.5):
            super().wait_hang_up(model, count, timeout)

    with pytest.raises(Exception), FarEnd() as far_end:  # noqa: B017, PT011 - wrong in any way
        getattr(ModelContract(), f"test_{cell}")(far_end)


@pytest.mark.parametrize("cell", sorted({cell for cell, *_ in WRONG.values()}))
def test_the_right_model_passes(cell):
    """The same cells pass with the example as it is, so that each fault is what fails them."""
    with _EXAMPLE.OllamaFarEnd() as far_end:
        getattr(ModelContract(), f"test_{cell}")(far_end)
