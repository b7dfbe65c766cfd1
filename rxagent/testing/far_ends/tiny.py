"""A tiny language model and its tokenizer, made here: no hub is asked."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from copy import deepcopy
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = [
    "BLANK",
    "END",
    "TEMPLATE",
    "build_onnx",
    "onnx_folder",
    "tiny_folder",
    "tiny_model",
    "tiny_vision_model",
]

END, BLANK = "<|im_end|>", "<|im_start|>"
_BEGIN = "<|endoftext|>"
_IMAGE = "<image>"
_CONTEXT = 16_384

TEMPLATE = """\
{%- if tools %}{{ '<|tools|>' + tools | tojson + '<|im_end|>\\n' }}{% endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message | tojson + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
"""A chat template that shows all that it is given, as JSON."""

VISION_TEMPLATE = TEMPLATE.replace(
    "{%- endfor %}",
    """{%- for part in message.content if part.type == 'image' %}{{ '<image>' }}{% endfor %}
{%- endfor %}""",
)
"""The same, with a mark for each image behind its message."""

_TAUGHT = ["Hello there, how are you? It is 5. I have to add 2 and 3. <think> </think> <tool_call>"]
"""What the tokenizer learns its pieces from; of all else it takes bytes."""


@cache
def tiny_model() -> tuple[Any, Any]:
    """Return a Llama of 0.1 M parameters that knows nothing, and its tokenizer."""
    torch, transformers = import_module("torch"), import_module("transformers")
    torch.set_num_threads(1)  # more of them wait for each other, where the machine is busy
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_pieces(),
        bos_token=_BEGIN,
        eos_token=END,
        pad_token=_BEGIN,
        additional_special_tokens=[BLANK],
    )
    tokenizer.chat_template = TEMPLATE
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=_CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.LlamaForCausalLM(config).eval(), tokenizer


@cache
def tiny_vision_model() -> tuple[Any, Any]:
    """Return a Llava as tiny, which reads images of 16 x 16 pixels, and its processor."""
    transformers = import_module("transformers")
    network, tokenizer = map(deepcopy, tiny_model())
    tokenizer.add_special_tokens({"additional_special_tokens": [_IMAGE, BLANK]})
    tokenizer.chat_template = VISION_TEMPLATE
    text = network.config
    text.vocab_size = len(tokenizer)
    image = tokenizer.convert_tokens_to_ids(_IMAGE)
    vision = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=image, vision_feature_layer=-1
    )
    size = {"height": 16, "width": 16}
    processor = transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessorPil(size=size, crop_size=size),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=VISION_TEMPLATE,
        image_token=_IMAGE,
        num_additional_image_tokens=1,
    )
    return transformers.LlavaForConditionalGeneration(config).eval(), processor


def _pieces() -> Any:
    tokenizers = import_module("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(_TAUGHT, trainer)
    return made


@cache
def tiny_folder() -> Path:
    """Return a folder of this process with the tiny model."""
    folder = _folder() / "tiny"
    network, tokenizer = tiny_model()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@cache
def onnx_folder() -> Path:
    """Return a folder of this process with the tiny model for onnxruntime-genai."""
    import_module("onnxruntime_genai")
    folder = _folder() / "onnx"
    build_onnx(tiny_folder(), folder, "fp32")
    return folder


def build_onnx(source: Path, folder: Path, precision: str) -> None:
    """Build a folder for onnxruntime-genai from one of transformers.

    Raises:
        RuntimeError: It cannot be built.
    """
    kind = {"-p": precision, "-e": "cpu", "-c": str(folder.parent / "cache")}
    where = {"-i": str(source), "-o": str(folder)}
    options = [word for pair in (where | kind).items() for word in pair]
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"The builder of onnxruntime-genai failed: {ran.stderr[-2000:]}")


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="rxagent-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
