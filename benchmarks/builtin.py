"""The built-in model: from the command to its first token and to its end, and tokens a second."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

import rxagent
from rxagent import each
from rxagent.events import Usage
from rxagent.models import BuiltinModel

from .row import Row
from .turns import take_turns

__all__ = ["rows"]

_FOLDER = Path(rxagent.__file__).parent / "models" / "tiny"
_PROMPT = "<|code|><|user|>What is 23 * 17?<|assistant|>"
_MOST_FIRST, _MOST = 1.2, 2.0
_LEAST = 0.97


def rows(url: str, quick: bool) -> Iterator[Row]:
    """Measure the command, and the model beside its engine's own loop."""
    if not find_spec("onnxruntime_genai"):
        return
    _ask()  # the first start reads from the disk
    asked = [_ask() for _ in range(3 if quick else 9)]
    first, whole = (median(side) for side in zip(*asked, strict=True))
    for name, value, most in (
        ("builtin: rxagent run, to the first token", first, _MOST_FIRST),
        ("builtin: rxagent run, to the end", whole, _MOST),
    ):
        yield Row(name, value, "s", f"at most {most} s", value <= most)
    yield _tokens(300 if quick else 1000, 5 if quick else 15)


def _ask() -> tuple[float, float]:
    command = [sys.executable, "-m", "rxagent", "run", "What is 23 * 17?"]
    began = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        process.stderr.read(1)
        first = perf_counter() - began
        out, _ = process.communicate()
    assert out == b"391\n", out
    return first, perf_counter() - began


def _tokens(count: int, times: int) -> Row:
    genai = import_module("onnxruntime_genai")
    engine = genai.Model(str(_FOLDER))
    tokenizer = genai.Tokenizer(engine)
    ids = tokenizer.encode(_PROMPT)

    def theirs() -> float:
        before = perf_counter()
        parameters = genai.GeneratorParams(engine)
        most = len(ids) + count
        parameters.set_search_options(max_length=most, min_length=most)
        generator = genai.Generator(engine, parameters)
        generator.append_tokens(ids)
        stream = tokenizer.create_stream()
        while not generator.is_done():
            generator.generate_next_token()
            stream.decode(generator.get_next_tokens()[0])
        return count / (perf_counter() - before)

    options = {"max_tokens": count, "min_length": count * 2, "chat_template": _PROMPT}
    model = BuiltinModel(min_probability=0, **options)  # behind its end it is sure of nothing

    def ours() -> float:
        before = perf_counter()
        *_, last = each(model(""))
        assert isinstance(last, Usage)
        assert last.output_tokens == count
        return count / (perf_counter() - before)

    turns = take_turns(ours, theirs, times)
    return turns.row("builtin: tokens", "tokens/s", _LEAST, is_least=True)
