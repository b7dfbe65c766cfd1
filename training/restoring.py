"""Restore a model for training from the shipped folder: `python -m training.restoring FOLDER`.

It writes `FOLDER/model`, from which `python -m training.train OTHER --from FOLDER/model` goes on.
It needs onnx, torch and transformers.
"""

import argparse
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from transformers import AutoTokenizer, LlamaForCausalLM

from .convert import SHIPPED
from .train import network, save

__all__ = ["main", "restored"]


def main() -> None:
    """Restore as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of", type=Path, default=SHIPPED, help="A folder of training.convert.")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(given.of)
    save(restored(given.of, tokenizer), tokenizer, given.folder)
    print(given.folder / "model")


def restored(folder: Path, tokenizer: Any) -> LlamaForCausalLM:
    """Return the model whose weights a folder has."""
    shipped = onnx.load(str(folder / "model.onnx"))
    arrays = {each.name: numpy_helper.to_array(each).copy() for each in shipped.graph.initializer}
    model = network(tokenizer.eos_token_id)
    weights = model.state_dict()
    for name, weight in weights.items():
        weight.copy_(_weight(arrays, name))
    model.load_state_dict(weights)
    return model


def _weight(arrays: dict[str, Any], name: str) -> torch.Tensor:
    """Return a weight by its name in transformers; the builder turns matrices and joins three."""
    if name in ("model.embed_tokens.weight", "lm_head.weight"):
        return torch.from_numpy(arrays["lm_head.MatMul.weight"].T)
    if name == "model.norm.weight":
        (last,) = (each for each in arrays if each.endswith("final_norm_layernorm.weight"))
        return torch.from_numpy(arrays[last])
    if name.endswith("layernorm.weight"):
        return torch.from_numpy(arrays[name])
    before, part, _ = name.replace("self_attn", "attn").rsplit(".", 2)
    if part in ("q_proj", "k_proj", "v_proj"):
        joined = torch.from_numpy(arrays[f"{before}.qkv_proj.MatMul.weight"].T)
        return joined.chunk(3)["qkv".index(part[0])]
    return torch.from_numpy(arrays[f"{before}.{part}.MatMul.weight"].T)


if __name__ == "__main__":
    main()
