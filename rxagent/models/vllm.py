"""vLLM: a model that its engine runs beside this process, for many requests at once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from functools import partial
from importlib import import_module
from typing import Any, ClassVar
from uuid import uuid4

from attrs import frozen

from ..arguments import mapping
from ..messages import Request
from .local.answer import Answer
from .local.engine_loop import EngineLoop
from .local.model import Settings
from .local.tokenized import Tokenized, TokenizedModel
from .provider import Provider

__all__ = ["PROVIDER", "VLLMModel"]

PROVIDER = Provider(
    prefix="vllm",
    model=f"{__name__}:VLLMModel",
    sdk="vLLM",
    extra="vllm",
    requires="rxagent[vllm]",
    docs="https://docs.vllm.ai/",
    modules=("vllm",),
    naming="a name on the Hugging Face Hub, or a folder",
)

_NAMING = (
    "a name such as Qwen/Qwen3-4B, or a folder of transformers; what the engine's own processes "
    "have printed names the cause"
)
_USUAL = {"disable_log_stats": True}
_STARTING = "VLLM_WORKER_MULTIPROC_METHOD"
_ENDS = {"stop": "stop", "length": "length", "repetition": "stop"}


@frozen(kw_only=True)
class _Engine(Tokenized):
    loop: EngineLoop[Any]
    defaults: Mapping[str, Any]
    context_length: int

    @property
    def is_dead(self) -> bool:
        """Whether its processes have ended."""
        return self.loop.is_closed or bool(self.loop.engine.errored)


class VLLMModel(TokenizedModel[_Engine]):
    """A model that vLLM's engine runs, which works on many requests at once.

    The engine has processes of its own, so a program that uses it starts under
    `if __name__ == "__main__":`. The first request starts them; they end with this process, or
    when the model and its copies are gone. When a subscription is disposed, the engine aborts its
    request. Images are not supported; `vllm serve` and `OpenAIModel` read them.

    Args:
        model_id: The name on the Hugging Face Hub, or a folder.
        model_kwargs: More arguments of vLLM's engine, such as `max_model_len`,
            `tensor_parallel_size` or `gpu_memory_utilization`.
        chat_template: A Jinja template in place of the tokenizer's.
        options: For each answer, as vLLM's `SamplingParams` takes them; by default those of the
            model's generation_config.json. `max_tokens` is 4,096 by default; `stop`, texts at
            which the answer ends; `chat_template_kwargs`, variables of the template. Options of a
            request replace them, and None removes one.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _held: ClassVar[Mapping[str, str]] = {
        "_options": "an option",
        "_model_kwargs": "an argument of vLLM's engine",
    }
    _keeps_schemas: ClassVar[bool] = True
    _takes_no_images: ClassVar[str] = (
        "takes no images. Run `vllm serve`, and give them to an OpenAIModel with its address."
    )

    def __init__(
        self,
        model_id: str,
        *,
        model_kwargs: Mapping[str, Any] | None = None,
        chat_template: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model_id, chat_template=chat_template, options=options)
        self._model_kwargs = mapping("model_kwargs", model_kwargs)

    def _load(self) -> _Engine:
        # A process that has threads cannot be forked safely.
        os.environ.setdefault(_STARTING, "spawn")
        try:
            kind = import_module("vllm.v1.engine.async_llm").AsyncLLM
            arguments = import_module("vllm.engine.arg_utils").AsyncEngineArgs
        except ImportError as error:
            raise PROVIDER.missing(error) from error
        try:
            settings = arguments(**{**_USUAL, **self._model_kwargs, "model": self.model_id})
            loop = EngineLoop(partial(kind.from_engine_args, settings), _close)
        except Exception as error:
            raise self._not_loaded(error, "vLLM", _NAMING) from error
        engine = loop.engine
        return _Engine(
            tokenizer=engine.get_tokenizer(),
            loop=loop,
            defaults=engine.model_config.get_diff_sampling_param(),
            context_length=engine.model_config.max_model_len,
        )

    def _generate(
        self, engine: _Engine, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        ids = engine.tokenizer.encode(prompt, add_special_tokens=False)
        room = engine.context_length - len(ids)
        if room < 1:
            raise self._no_room(engine.context_length, len(ids))
        sampling = _sampling(engine.defaults, settings, min(settings.max_tokens, room), request)
        decode = self._decoder(engine)
        ask = partial(_ask, ids=ids, sampling=sampling)
        try:
            with closing(engine.loop.read(ask, lambda: answer.is_over)) as outputs:
                for output in outputs:
                    made = output.outputs[0]
                    *tokens, last = made.token_ids or [None]
                    for token in tokens:
                        answer.add(decode(token))
                    if last is not None:  # the one at which an answer stops is no text
                        answer.add("" if made.finish_reason == "stop" else decode(last))
                    if made.finish_reason is not None and made.finish_reason not in _ENDS:
                        raise self._errors.unavailable(f"ended its reply with {made.finish_reason}")
                    if made.finish_reason is not None or answer.is_over:
                        reason = _ENDS[made.finish_reason or "stop"]
                        answer.end(len(ids), reason, output.num_cached_tokens or 0)
                        break
        finally:
            if engine.is_dead:
                self._loading.forget(engine)
                engine.loop.close()

    def _is_refusal(self, error: Exception) -> bool:
        wrong: type[Exception] = import_module("vllm.exceptions").VLLMClientError
        return isinstance(error, wrong) or super()._is_refusal(error)


def _close(engine: Any) -> None:
    engine.shutdown()
    engine.shutdown = _nothing  # its __del__ calls that, and would fail when the interpreter ends


def _nothing() -> None:
    pass


def _ask(engine: Any, ids: list[int], sampling: Any) -> AsyncIterator[Any]:
    prompt = import_module("vllm.inputs").tokens_input(ids)
    outputs: AsyncIterator[Any] = engine.generate(prompt, sampling, uuid4().hex)
    return outputs


def _sampling(defaults: Mapping[str, Any], settings: Settings, most: int, request: Request) -> Any:
    """Return vLLM's parameters for one answer."""
    kinds = import_module("vllm.sampling_params")
    options = dict(settings.sampling)
    if not options.pop("do_sample", True):
        options["temperature"] = 0.0
    if request.output is not None and not request.tools:
        schema = kinds.StructuredOutputsParams(json=request.output)
        options.setdefault("structured_outputs", schema)
    return kinds.SamplingParams(
        **{**defaults, **options},
        max_tokens=most,
        output_kind=kinds.RequestOutputKind.DELTA,
        detokenize=False,
    )
