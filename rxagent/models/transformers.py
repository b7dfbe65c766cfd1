"""Transformers: a model of Hugging Face's library, text or vision, in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

__all__ = ["PROVIDER", "TransformersModel"]

PROVIDER = Provider(
    prefix="transformers",
    model=f"{__name__}:TransformersModel",
    sdk="transformers, with torch,",
    extra="transformers",
    requires="rxagent[transformers]",
    docs="https://huggingface.co/models?pipeline_tag=text-generation",
    modules=("torch", "transformers"),
    naming="a name on the Hugging Face Hub, or a folder",
)

_NAMING = "a name such as HuggingFaceTB/SmolLM3-3B, or a folder that `save_pretrained` has made"

_OF_ALL_PARTS = ("trust_remote_code", "revision", "token", "cache_dir", "subfolder", "gguf_file")
"""Arguments that loading the tokenizer takes too."""


@frozen(kw_only=True)
class _Engine(Tokenized):
    network: Any
    ends: frozenset[int]
    context_length: int | None


class TransformersModel(TokenizedModel[_Engine]):
    """A model that transformers runs in this process; it reads images if the model does.

    Each subscription generates on a thread of its own; when it is disposed, that ends at the next
    token. The thread of the first request loads the model, unless it is given.

    Args:
        model_id: The name on the Hugging Face Hub, or a folder. With `model`, any name.
        model: A model that is loaded already, with its `tokenizer` or `processor`.
        tokenizer: The tokenizer of `model`.
        processor: The processor of `model`, if it reads images.
        device_map: Where the parts of the model are placed, as in `from_pretrained`. By default
            all of it is on the first accelerator, or on the CPU if there is none.
        dtype: The type of the weights, such as `"bfloat16"` or `"auto"`.
        torch_dtype: The older name of `dtype`.
        quantization_config: How the weights are quantized, such as a `BitsAndBytesConfig`.
        trust_remote_code: Whether code of the model's repository may run here.
        model_kwargs: More arguments of `from_pretrained`.
        chat_template: A Jinja template in place of the tokenizer's.
        options: For each answer, as `generate` takes them. `max_tokens`, or `max_new_tokens`, is
            4,096 by default; `seed` sets torch's seed, which the process shares; `stop`, texts at
            which the answer ends; `chat_template_kwargs`, variables of the template. Options of a
            request replace them, and None removes one.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _held: ClassVar[Mapping[str, str]] = {
        "_options": "an option",
        "_given": "its model or tokenizer",
        "_arguments": "an argument of from_pretrained",
    }
    _takes_no_images: ClassVar[str] = "takes no images. Take a model that does, called -VL."

    def __init__(
        self,
        model_id: str | None = None,
        *,
        model: Any = None,
        tokenizer: Any = None,
        processor: Any = None,
        device_map: Any = None,
        dtype: Any = None,
        torch_dtype: Any = None,
        quantization_config: Any = None,
        trust_remote_code: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        chat_template: str | None = None,
        **options: Any,
    ) -> None:
        if model is None:
            if tokenizer is not None or processor is not None:
                raise TypeError("A tokenizer or processor is given with its model: model=...")
        elif tokenizer is None and processor is None:
            raise TypeError("A model is given with its tokenizer=... or processor=...")
        elif model_id is None:
            model_id = getattr(model, "name_or_path", None) or type(model).__name__
        super().__init__(model_id or "", chat_template=chat_template, options=options)
        if not self.model_id:
            raise TypeError("Give the name of a model, a folder, or model=... and tokenizer=...")
        self._given = None if model is None else (model, tokenizer, processor)
        named = {
            "device_map": device_map,
            "dtype": dtype if dtype is not None else torch_dtype,
            "quantization_config": quantization_config,
            "trust_remote_code": trust_remote_code or None,
        }
        self._arguments = merged(named) | mapping("model_kwargs", model_kwargs)

    def _load(self) -> _Engine:
        try:
            import_module("torch")
            library = import_module("transformers")
        except ImportError as error:
            raise PROVIDER.missing(error) from error
        network, tokenizer, processor = self._given or self._loaded(library)
        if tokenizer is None:
            tokenizer = getattr(processor, "tokenizer", processor)
        ends = getattr(network.generation_config, "eos_token_id", None)
        ends = tokenizer.eos_token_id if ends is None else ends
        length = getattr(network.config.get_text_config(), "max_position_embeddings", None)
        return _Engine(
            network=network,
            tokenizer=tokenizer,
            processor=processor,
            ends=_ids(ends),
            context_length=length,
        )

    def _loaded(self, library: Any) -> tuple[Any, Any, Any]:
        name, arguments = self.model_id, self._arguments
        shared = {key: arguments[key] for key in _OF_ALL_PARTS if key in arguments}
        try:
            config = library.AutoConfig.from_pretrained(name, **shared)
            if type(config) in library.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
                processor = library.AutoProcessor.from_pretrained(name, **shared)
                tokenizer, kind = processor.tokenizer, library.AutoModelForImageTextToText
            else:
                tokenizer = library.AutoTokenizer.from_pretrained(name, **shared)
                processor, kind = None, library.AutoModelForCausalLM
            network = kind.from_pretrained(name, **arguments)
        except ImportError as error:
            raise PROVIDER.missing(error) from error
        except Exception as error:
            raise self._not_loaded(error, "transformers", _NAMING) from error
        if not arguments.keys() & {"device_map", "quantization_config"}:
            network = network.to(_device())
        return network.eval(), tokenizer, processor

    def _generate(
        self, engine: _Engine, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        inputs = _encoded(engine, prompt, request).to(engine.network.device)
        read = inputs["input_ids"].shape[-1]
        most = settings.max_tokens
        if engine.context_length is not None:
            if read >= engine.context_length:
                raise self._no_room(engine.context_length, read)
            most = min(most, engine.context_length - read)
        sampling = dict(settings.sampling)
        if (seed := sampling.pop("seed", None)) is not None:
            import_module("torch").manual_seed(seed)
        ends = _ids(sampling["eos_token_id"]) if "eos_token_id" in sampling else engine.ends
        streamer = _Streamer(self._decoder(engine), ends, answer)
        criteria = [*sampling.pop("stopping_criteria", ()), _stopping(answer)]
        engine.network.generate(
            **inputs,
            max_new_tokens=most,
            streamer=streamer,
            stopping_criteria=criteria,
            **sampling,
        )
        answer.end(read, "length" if answer.written >= most and not streamer.is_ended else "stop")


class _Streamer:
    """Receives the ids of the prompt, and then those of the answer, from `generate`."""

    def __init__(self, decode: Callable[[int], str], ends: frozenset[int], answer: Answer) -> None:
        self._decode = decode
        self._ends = ends
        self._answer = answer
        self._has_begun = False
        self.is_ended = False

    def put(self, value: Any) -> None:
        """Take ids; the first time they are the prompt's."""
        if not self._has_begun:
            self._has_begun = True
            return
        for token in value.tolist():
            self.is_ended = token in self._ends
            if not self._answer.is_over:
                self._answer.add("" if self.is_ended else self._decode(token))

    def end(self) -> None:
        """Do nothing: `generate` returns."""


def _stopping(answer: Answer) -> Any:
    """Return the criterion by which `generate` ends when the answer is over."""
    full, kind = import_module("torch").full, import_module("torch").bool

    def is_over(ids: Any, scores: Any, **_: Any) -> Any:
        return full((ids.shape[0],), answer.is_over, device=ids.device, dtype=kind)

    return is_over


def _encoded(engine: _Engine, prompt: str, request: Request) -> Any:
    settings = {"add_special_tokens": False, "return_tensors": "pt"}
    if engine.processor is None:
        return engine.tokenizer(prompt, **settings)
    load = import_module("transformers.image_utils").load_image
    images = [load(image.url) for message in request.messages for image in message.images]
    return engine.processor(text=[prompt], images=images or None, **settings)


def _ids(ends: Any) -> frozenset[int]:
    if ends is None:
        return frozenset()
    return frozenset([ends] if isinstance(ends, int) else ends)


def _device() -> Any:
    torch = import_module("torch")
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator is None else accelerator
