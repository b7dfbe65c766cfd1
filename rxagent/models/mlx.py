"""MLX: a model that mlx-lm runs in this process, on Apple's chips or on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from attrs import frozen

from ..arguments import mapping
from ..messages import Request
from .local.answer import Answer
from .local.model import Settings
from .local.tokenized import Tokenized, TokenizedModel
from .options import merged
from .provider import Provider

__all__ = ["PROVIDER", "MLXModel"]

PROVIDER = Provider(
    prefix="mlx",
    model=f"{__name__}:MLXModel",
    sdk="mlx-lm",
    extra="mlx",
    requires="rxagent[mlx]",
    docs="https://huggingface.co/mlx-community",
    modules=("mlx_lm",),
    naming="a name on the Hugging Face Hub, such as those of mlx-community, or a folder",
)

_NAMING = "a name such as mlx-community/SmolLM3-3B-4bit, or a folder that `mlx_lm.convert` has made"

_OF_THE_SAMPLER = ("top_p", "min_p", "min_tokens_to_keep", "top_k", "xtc_probability")
_OF_PENALTIES = (
    "logit_bias",
    "repetition_penalty",
    "repetition_context_size",
    "presence_penalty",
    "frequency_penalty",
)


@frozen(kw_only=True)
class _Engine(Tokenized):
    network: Any


class MLXModel(TokenizedModel[_Engine]):
    """A model that mlx-lm runs in this process, on Apple's chips, or on the CPU of any machine.

    Each subscription generates on a thread of its own; when it is disposed, that ends at the next
    token. The thread of the first request loads the model. Images are not supported.

    Args:
        model_id: The name on the Hugging Face Hub, or a folder.
        trust_remote_code: Whether code of the model's repository may run here.
        load_kwargs: More arguments of `mlx_lm.load`, such as `adapter_path`.
        chat_template: A Jinja template in place of the tokenizer's.
        options: For each answer. `max_tokens` is 4,096 by default; `temperature`, `top_p`, `top_k`,
            `min_p`, `repetition_penalty`, `logits_processors` and what else mlx-lm takes; `seed`
            sets MLX's seed, which the process shares; `stop`, texts at which the answer ends;
            `chat_template_kwargs`, variables of the template. Options of a request replace
            them, and None removes one.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _held: ClassVar[Mapping[str, str]] = {
        "_options": "an option",
        "_load_kwargs": "an argument of mlx_lm.load",
    }

    def __init__(
        self,
        model_id: str,
        *,
        trust_remote_code: bool = False,
        load_kwargs: Mapping[str, Any] | None = None,
        chat_template: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model_id, chat_template=chat_template, options=options)
        trusting = merged({"trust_remote_code": trust_remote_code or None})
        self._load_kwargs = trusting | mapping("load_kwargs", load_kwargs)

    def _load(self) -> _Engine:
        try:
            library = import_module("mlx_lm")
        except ImportError as error:
            raise PROVIDER.missing(error) from error
        try:
            network, tokenizer = library.load(self.model_id, **self._load_kwargs)
        except Exception as error:
            raise self._not_loaded(error, "mlx-lm", _NAMING) from error
        return _Engine(network=network, tokenizer=tokenizer)

    def _generate(
        self, engine: _Engine, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        tokenizer = engine.tokenizer
        decode = self._decoder(engine)
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        steps = import_module("mlx_lm").stream_generate(
            engine.network,
            tokenizer,
            ids,
            max_tokens=settings.max_tokens,
            prompt_progress_callback=_leaving(answer),
            **_sampling(settings.sampling),
        )
        try:
            for step in steps:
                is_ended = step.finish_reason == "stop"
                answer.add("" if is_ended else decode(step.token))
                if step.finish_reason is not None:
                    answer.end(len(ids), step.finish_reason)
                elif answer.is_over:
                    answer.end(len(ids), "stop")
                    break
        except _Left:
            pass
        finally:
            steps.close()


class _Left(Exception):
    """The answer is not wanted any more."""


def _leaving(answer: Answer) -> Any:
    """Return what mlx-lm calls between the parts of a prompt."""

    def progress(done: int, total: int) -> None:
        if answer.is_over:
            raise _Left

    return progress


def _sampling(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `stream_generate` for the options of a sampling."""
    left = dict(options)
    utils = import_module("mlx_lm.sample_utils")
    if (seed := left.pop("seed", None)) is not None:
        import_module("mlx.core").random.seed(seed)
    is_sampled = left.pop("do_sample", False)
    heat = left.pop("temperature", 1.0)
    chosen = {name: left.pop(name) for name in _OF_THE_SAMPLER if name in left}
    penalties = {name: left.pop(name) for name in _OF_PENALTIES if name in left}
    processors = [*utils.make_logits_processors(**penalties), *left.pop("logits_processors", ())]
    sampler = utils.make_sampler(heat if is_sampled else 0.0, **chosen)
    return {"sampler": sampler, "logits_processors": processors, **left}
