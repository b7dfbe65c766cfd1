"""A tiny language model and its tokenizer, made here: no hub is asked."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from .local import TEMPLATE

__all__ = ["BLANK", "END", "build_onnx", "onnx_folder", "tiny_folder", "tiny_model"]

END, BLANK = "<|im_end|>", "<|im_start|>"
_BEGIN = "<|endoftext|>"
_CONTEXT = 16_384

_TAUGHT = ["Hello there, how are you? It is 5. I have to add 2 and 3. <think> </think> <tool_call>"]
"""What the tokenizer learns its pieces from; of all else it takes bytes."""


@cache
def tiny_model() -> tuple[Any, Any]:
    """Return a Llama of 0.1 M parameters that knows nothing, and its tokenizer."""
    torch, transformers = import_module("torch"), import_module("transformers")
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
