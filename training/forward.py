"""The forward pass of training: that of transformers' Llama, with fewer and smaller operations.

On a CPU, a model this small spends its time between the matrices. So activations are in bfloat16,
matrices that read the same are joined, and nothing masks the padding: it stands behind, where a
causal model does not look, and is not learned.
"""

from functools import cache
from typing import Any

import torch
from torch.nn import functional

__all__ = ["hits_of", "loss_of"]


def loss_of(model: Any, ids: Any, labels: Any) -> Any:
    """Return the loss on what is to be learned; only its tokens pass the last layer."""
    logits, kept = _logits(model, ids, labels)
    return functional.cross_entropy(logits.float(), labels[:, 1:][kept])


def hits_of(model: Any, ids: Any, labels: Any) -> Any:
    """Return for each dialogue whether all that is to be learned is what the model would write."""
    logits, kept = _logits(model, ids, labels)
    missed = torch.zeros_like(kept)
    missed[kept] = logits.argmax(-1) != labels[:, 1:][kept]
    return ~missed.any(-1)


def _logits(model: Any, ids: Any, labels: Any) -> tuple[Any, Any]:
    kept = labels[:, 1:] >= 0
    hidden = _normed(_hidden(model, ids)[:, :-1][kept], model.model.norm)
    return functional.linear(hidden, model.model.embed_tokens.weight.to(hidden.dtype)), kept


def _hidden(model: Any, ids: Any) -> Any:
    config, cast = model.config, torch.bfloat16
    heads, width = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    cos, sin = _turns(ids.shape[1], width, config.rope_parameters["rope_theta"])
    ahead = _ahead(ids.shape[1])
    embedding = model.model.embed_tokens.weight
    hidden = functional.embedding(ids, embedding).to(cast)
    batch, length, size = hidden.shape
    for layer in model.model.layers:
        own, wide = layer.self_attn, layer.mlp
        joined = torch.cat([own.q_proj.weight, own.k_proj.weight, own.v_proj.weight]).to(cast)
        normed = _normed(hidden, layer.input_layernorm)
        mixed = functional.linear(normed, joined).view(batch, length, 3 * heads, width)
        turned = _turned(mixed[:, :, : 2 * heads], cos, sin).transpose(1, 2)
        value = mixed[:, :, 2 * heads :].transpose(1, 2)
        scores = (turned[:, :heads] * width**-0.5) @ turned[:, heads:].transpose(2, 3) + ahead
        read = scores.softmax(-1) @ value
        read = read.transpose(1, 2).reshape(batch, length, size)
        hidden = hidden + functional.linear(read, own.o_proj.weight.to(cast))
        normed = _normed(hidden, layer.post_attention_layernorm)
        joined = torch.cat([wide.gate_proj.weight, wide.up_proj.weight]).to(cast)
        gate, up = functional.linear(normed, joined).chunk(2, -1)
        hidden = hidden + functional.linear(
            functional.silu(gate) * up, wide.down_proj.weight.to(cast)
        )
    return hidden


def _normed(hidden: Any, norm: Any) -> Any:
    weight = norm.weight.to(hidden.dtype)
    return functional.rms_norm(hidden, (hidden.shape[-1],), weight, norm.variance_epsilon)


def _turned(mixed: Any, cos: Any, sin: Any) -> Any:
    one, other = mixed.chunk(2, -1)
    return torch.cat([one * cos - other * sin, other * cos + one * sin], -1)


@cache
def _turns(length: int, width: int, theta: float) -> tuple[Any, Any]:
    steps = theta ** (-torch.arange(0, width, 2).float() / width)
    angles = torch.outer(torch.arange(length).float(), steps)[None, :, None]
    return angles.cos().to(torch.bfloat16), angles.sin().to(torch.bfloat16)


@cache
def _ahead(length: int) -> Any:
    return torch.full((length, length), -30000.0, dtype=torch.bfloat16).triu(1)
