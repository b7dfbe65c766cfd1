"""Train the model: `python -m training.train FOLDER`.

It writes `FOLDER/model`, for transformers, every few minutes and at the end, and the loss at each
step to `FOLDER/loss.csv`. It needs torch and transformers.
"""

import argparse
import math
import os
import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from .batches import batches
from .exact import exact, fresh
from .forward import loss_of
from .kinds.all import STAGES
from .tokens import SIZE, made

__all__ = ["main"]


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument(
        "--stages",
        nargs="+",
        type=_stage,
        default=[("sums", 0.15), ("tools", 0.25), ("all", 0.6)],
        help="Which mixtures, and for which part of the time, as sums:0.2 all:0.8.",
    )
    parser.add_argument("--size", type=int, default=8, help="Examples of about one length.")
    parser.add_argument(
        "--sizes", type=int, default=2, help="How many of these a process reads a step."
    )
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--warm-up", type=int, default=150, help="In how many steps it rises.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="start", type=Path, help="A folder to go on from.")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    size = sum(p.numel() for p in network(2).parameters()) + 2
    shared = torch.zeros(given.processes, size).share_memory_()
    barrier = torch.multiprocessing.get_context("spawn").Barrier(given.processes)
    torch.multiprocessing.spawn(work, (given, shared, barrier), nprocs=given.processes)


def _stage(text: str) -> tuple[str, float]:
    name, _, part = text.partition(":")
    if name not in STAGES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(STAGES)}.")
    return name, float(part or 1)


def work(rank: int, given: argparse.Namespace, shared: Any, barrier: Any) -> None:
    """Train in one of the processes, each of which has one thread.

    Args:
        rank: Its number.
        given: What the command line says.
        shared: Memory in which each process has a row for its gradients.
        barrier: Where they wait for each other.
    """
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    tokenizer = AutoTokenizer.from_pretrained(given.start) if given.start else made()
    model = (
        LlamaForCausalLM.from_pretrained(given.start)
        if given.start
        else network(tokenizer.eos_token_id)
    )
    model.train()
    if rank == 0:
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    train(model, tokenizer, given, partial(averaged, rank, shared, barrier), rank)


def network(end: int) -> LlamaForCausalLM:
    """Return a model that knows nothing."""
    config = LlamaConfig(
        vocab_size=SIZE,
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=5,
        num_attention_heads=5,
        num_key_value_heads=5,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
    )
    return LlamaForCausalLM(config)


def train(model: Any, tokenizer: Any, given: argparse.Namespace, average: Any, rank: int) -> None:
    """Train for so many minutes; the rate falls as a cosine of the time that has passed.

    Muon turns the steps of the matrices between into ones of equal size in all directions: so
    what is rare is learned as well.
    """
    hidden = [p for p in model.model.layers.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if all(p is not each for each in hidden)]
    optimizers = (
        torch.optim.Muon(hidden, lr=given.rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=given.rate, betas=(0.9, 0.98), weight_decay=0, fused=True),
    )
    seed = given.seed + 1000 * rank
    stages = {
        name: batches(tokenizer, f"{seed} {name}", given.size, STAGES[name])
        for name, _ in given.stages
    }
    dialogues = fresh(tokenizer, 4) if rank == 0 else {}
    log = (given.folder / "loss.csv").open("w", encoding="utf-8") if rank == 0 else None
    if log is not None:
        log.write("step,seconds,loss,rate\n")
    part, step, began, saved = 0.0, 0, time.monotonic(), time.monotonic()
    while part < 1:
        risen = min(1, (step + 1) / given.warm_up)
        rate = given.rate * risen * (0.505 + 0.495 * math.cos(math.pi * part))
        for group in (group for each in optimizers for group in each.param_groups):
            group["lr"] = rate
        taken = islice(stages[_at(part, given.stages)], given.sizes)
        loss = torch.stack([loss_of(model, *each) for each in taken]).mean()
        loss.backward()
        passed = time.monotonic() - began
        mean, seconds = average(model, loss.item(), passed)
        part = min(1.0, seconds / (given.minutes * 60))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        if log is not None:
            log.write(f"{step},{seconds:.1f},{mean:.5f},{rate:.6f}\n")
            if step % 50 == 0:
                log.flush()
                print(f"step {step}, {seconds:.0f} s, loss {mean:.4f}", flush=True)
            if step % 500 == 0:
                print(exact(model, dialogues), flush=True)
            if time.monotonic() - saved > 180:
                save(model, tokenizer, given.folder)
                saved = time.monotonic()
    if log is not None:
        log.close()
        save(model, tokenizer, given.folder)


def _at(part: float, stages: list[tuple[str, float]]) -> str:
    """Return the stage at a part of the time."""
    for name, share in stages:
        part -= share
        if part < 0:
            return name
    return stages[-1][0]


def averaged(
    rank: int, shared: Any, barrier: Any, model: Any, loss: float, passed: float
) -> tuple[float, float]:
    """Average the gradients of all processes, and return the mean of the loss and of the time."""
    parameters = list(model.parameters())
    if len(shared) == 1:
        return loss, passed
    own = [p.grad.flatten() for p in parameters]
    torch.cat([*own, torch.tensor([loss, passed])], out=shared[rank])
    barrier.wait()
    mean = shared.mean(0)
    barrier.wait()
    at = 0
    for parameter in parameters:
        parameter.grad.copy_(mean[at : at + parameter.numel()].view_as(parameter))
        at += parameter.numel()
    return mean[-2].item(), mean[-1].item()


def save(model: LlamaForCausalLM, tokenizer: Any, folder: Path) -> None:
    """Save the model where transformers finds it, whole or not at all."""
    new, old = folder / "model.new", folder / "model"
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(new)
    tokenizer.chat_template = Path(__file__).with_name("chat_template.jinja").read_text("utf-8")
    tokenizer.save_pretrained(new)
    if old.exists():
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    new.rename(old)


if __name__ == "__main__":
    main()
