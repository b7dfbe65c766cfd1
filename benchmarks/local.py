"""Local models: tokens a second, beside the engine's own loop, on a small model.

It has 1.3 million parameters, as many as the smallest models that are of use.
"""

import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from rxagent import each
from rxagent.events import Usage
from rxagent.models import MLXModel, Model, OnnxModel, TransformersModel
from rxagent.testing.far_ends.tiny import build_onnx, tiny_model

from .row import Row
from .turns import take_turns

__all__ = ["mlx", "onnx", "transformers"]

_PROMPT = "How much is 2 + 3?"
_LEAST = 0.95
_SIZES = {
    "hidden_size": 160,
    "intermediate_size": 448,
    "num_hidden_layers": 4,
    "num_attention_heads": 5,
    "num_key_value_heads": 5,
    "head_dim": 32,
}


def onnx(url: str, quick: bool) -> Iterator[Row]:
    """Measure OnnxModel beside onnxruntime-genai's loop."""
    if not _are_installed("onnxruntime_genai", "onnx_ir", "torch", "transformers"):
        return
    with tempfile.TemporaryDirectory() as parts:
        source, folder = Path(parts, "source"), Path(parts, "onnx")
        for part in _small_model():
            part.save_pretrained(source)
        build_onnx(source, folder, "fp32")
        yield _onnx(str(folder), quick)


def _onnx(folder: str, quick: bool) -> Row:
    count = 300 if quick else 1000
    genai = import_module("onnxruntime_genai")
    engine = genai.Model(folder)
    tokenizer = genai.Tokenizer(engine)
    ids = tokenizer.encode(_PROMPT)

    def bare() -> None:
        parameters = genai.GeneratorParams(engine)
        most = len(ids) + count
        parameters.set_search_options(max_length=most, min_length=most)
        generator = genai.Generator(engine, parameters)
        generator.append_tokens(ids)
        stream = tokenizer.create_stream()
        while not generator.is_done():
            generator.generate_next_token()
            stream.decode(generator.get_next_tokens()[0])

    model = OnnxModel(folder, max_tokens=count, min_length=count * 2)
    return _row("onnx", model, bare, count, 5 if quick else 15)


def transformers(url: str, quick: bool) -> Iterator[Row]:
    """Measure TransformersModel beside `generate` with a TextIteratorStreamer."""
    if not _are_installed("torch", "transformers"):
        return
    count = 100 if quick else 300
    network, tokenizer = _small_model()
    library = import_module("transformers")

    def plain() -> None:
        inputs = tokenizer(_PROMPT, return_tensors="pt")
        streamer = library.TextIteratorStreamer(tokenizer, skip_prompt=True)
        options = {"max_new_tokens": count, "min_new_tokens": count, "streamer": streamer}
        thread = Thread(target=network.generate, kwargs={**inputs, **options})
        thread.start()
        for _ in streamer:
            pass
        thread.join()

    model = TransformersModel(
        model=network, tokenizer=tokenizer, max_tokens=count, min_new_tokens=count
    )
    yield _row("transformers", model, plain, count, 5 if quick else 15)


def mlx(url: str, quick: bool) -> Iterator[Row]:
    """Measure MLXModel beside mlx-lm's loop."""
    if not _are_installed("mlx_lm", "torch", "transformers"):
        return
    count = 100 if quick else 300
    library = import_module("mlx_lm")
    with tempfile.TemporaryDirectory() as folder:
        for part in _small_model():
            part.save_pretrained(folder)
        network, tokenizer = library.load(folder)
        never = dict.fromkeys(tokenizer.eos_token_ids, -1e9)  # no answer ends early
        processors = import_module("mlx_lm.sample_utils").make_logits_processors(logit_bias=never)
        ids = tokenizer.encode(_PROMPT)

        def bare() -> None:
            options = {"max_tokens": count, "logits_processors": processors}
            for step in library.stream_generate(network, tokenizer, ids, **options):
                assert step.token not in never

        model = MLXModel(folder, max_tokens=count, logit_bias=never)
        yield _row("mlx", model, bare, count, 5 if quick else 15)


def _small_model() -> tuple[Any, Any]:
    network, tokenizer = tiny_model()
    config = deepcopy(network.config)
    config.update(_SIZES)
    return type(network)(config).eval(), tokenizer


def _row(name: str, model: Model, theirs: Callable[[], None], count: int, times: int) -> Row:
    turns = take_turns(
        lambda: _rate(lambda: _read(model, count), count), lambda: _rate(theirs, count), times
    )
    return turns.row(f"{name}: tokens of a small model", "tokens/s", _LEAST, is_least=True)


def _read(model: Model, count: int) -> None:
    *_, last = each(model(_PROMPT))
    assert isinstance(last, Usage)
    assert last.output_tokens == count


def _rate(work: Callable[[], Any], count: int) -> float:
    before = perf_counter()
    work()
    return count / (perf_counter() - before)


def _are_installed(*names: str) -> bool:
    return all(find_spec(name) for name in names)
