"""ONNX: a model in a folder, which onnxruntime-genai runs in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen

from ..arguments import mapping, text
from ..messages import Request
from .local.answer import Answer
from .local.chat_template import ChatTemplate
from .local.conversation import rendered
from .local.model import LocalModel, Settings
from .provider import Provider

__all__ = ["PROVIDER", "OnnxModel"]

PROVIDER = Provider(
    prefix="onnx",
    model=f"{__name__}:OnnxModel",
    sdk="onnxruntime-genai",
    extra="onnx",
    requires="rxagent[onnx]",
    docs="https://onnxruntime.ai/docs/genai/",
    modules=("onnxruntime_genai",),
    naming="a folder with genai_config.json",
)

_CONFIG = "genai_config.json"

_AT_ONCE = 128
"""How many tokens of a prompt are read at once. onnxruntime-genai keeps the interpreter's lock
meanwhile, so this is how long other threads wait, and after how many a stop takes effect."""

_OTHER_NAMES = {"seed": "random_seed"}


@frozen
class _Engine:
    genai: Any
    model: Any
    tokenizer: Any
    template: ChatTemplate | None
    ends: frozenset[int]
    context_length: int


class OnnxModel(LocalModel[_Engine]):
    """A model that onnxruntime-genai runs in this process, on the CPU or on a GPU.

    Each subscription generates on a thread of its own; when it is disposed, that ends at the next
    token. The thread of the first request loads the model. Images are not supported.

    Args:
        model_id: The folder with genai_config.json, as onnxruntime-genai's model builder makes it.
        execution_provider: Where it runs: `cpu`, `cuda`, `dml`, ...; by default what the
            folder's genai_config.json says.
        provider_options: Options of the execution provider.
        chat_template: A Jinja template in place of the folder's.
        options: For each answer. `max_tokens` is 4,096 by default; `temperature`, `top_p`, `top_k`,
            `seed`, `repetition_penalty` and the other search options of onnxruntime-genai;
            `stop`, texts at which the answer ends; `chat_template_kwargs`, variables of the
            template; `logits_processor`, a function that is called with the ids so far and the
            logits of the next token, and returns new logits. Options of a request replace
            them, and None removes one.
    """

    _declaration: ClassVar[Provider] = PROVIDER

    def __init__(
        self,
        model_id: str | PathLike[str],
        *,
        execution_provider: str | None = None,
        provider_options: Mapping[str, Any] | None = None,
        chat_template: str | None = None,
        **options: Any,
    ) -> None:
        text("execution_provider", execution_provider, optional=True)
        folder = fspath(model_id) if isinstance(model_id, PathLike) else model_id
        super().__init__(folder, chat_template=chat_template, options=options)
        self._execution_provider = execution_provider
        self._provider_options = mapping("provider_options", provider_options)

    @property
    def _folder(self) -> Path:
        return Path(self.model_id).expanduser()

    def _load(self) -> _Engine:
        folder = self._folder
        if not (folder / _CONFIG).is_file():
            what = "is a folder without" if folder.is_dir() else "is no folder with"
            raise self._errors.rejected(
                f"{what} {_CONFIG}. Give a folder that `python -m "
                "onnxruntime_genai.models.builder -m NAME -o FOLDER -p int4 -e cpu` has made, or "
                "download one: `hf download NAME --local-dir FOLDER`."
            )
        try:
            genai = import_module("onnxruntime_genai")
        except ImportError as error:
            raise self._declaration.missing(error) from error
        try:
            model = genai.Model(self._config(genai, str(folder)))
            tokenizer = genai.Tokenizer(model)
            length = _json(folder / _CONFIG)["model"]["context_length"]
            template = self._template(folder)
        except Exception as error:
            raise self._errors.rejected(
                f"cannot be loaded by onnxruntime-genai: {error}. Check that the folder is whole."
            ) from error
        ends = frozenset(map(int, tokenizer.eos_token_ids))
        return _Engine(genai, model, tokenizer, template, ends, length)

    def _config(self, genai: Any, folder: str) -> Any:
        config = genai.Config(folder)
        if self._execution_provider is not None:
            config.clear_providers()
            if self._execution_provider != "cpu":
                config.append_provider(self._execution_provider)
        for name, value in self._provider_options.items():
            config.set_provider_option(self._execution_provider or "cpu", name, str(value))
        return config

    def _template(self, folder: Path) -> ChatTemplate | None:
        """Return the chat template.

        It is rendered by Jinja, as the engine's own templates know less: they leave out the types
        of a tool's parameters, and which are required (onnxruntime-genai 0.18).
        """
        settings = _json(folder / "tokenizer_config.json")
        source = self._chat_template or _template_in(folder, settings)
        names = ("bos_token", "eos_token", "pad_token", "unk_token")
        tokens = {name: _token(settings[name]) for name in names if settings.get(name)}
        return None if source is None else ChatTemplate(source, tokens)

    def _prompt(self, engine: _Engine, request: Request, settings: Settings) -> str:
        self._refuse_images(request)
        template = engine.template
        if template is None:
            raise self._no_template(", as its folder has no chat_template.jinja")
        return rendered(
            request,
            template.source,
            lambda messages, tools: template.render(messages, tools, **settings.template),
            self._errors,
            constrained=not request.tools,
        )

    def _generate(
        self, engine: _Engine, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        ids = engine.tokenizer.encode(prompt)
        room = engine.context_length - len(ids)
        if room < 1:
            raise self._no_room(engine.context_length, len(ids))
        most = min(settings.max_tokens, room)
        sampling = dict(settings.sampling)
        process = sampling.pop("logits_processor", None)
        generator = self._generator(engine, request, len(ids) + most, sampling)
        for start in range(0, len(ids), _AT_ONCE):
            if answer.is_over:
                return
            generator.append_tokens(ids[start : start + _AT_ONCE])
        stream = engine.tokenizer.create_stream()
        reason = "length"
        for token in _tokens(generator, process):
            if token in engine.ends:
                answer.add("")
                reason = "stop"
            else:
                answer.add(stream.decode(token))
            if answer.is_over:
                break
        answer.end(len(ids), reason)

    def _generator(
        self, engine: _Engine, request: Request, length: int, sampling: dict[str, Any]
    ) -> Any:
        options = {_OTHER_NAMES.get(name, name): value for name, value in sampling.items()}
        parameters = engine.genai.GeneratorParams(engine.model)
        try:
            parameters.set_search_options(**options, max_length=length)
        except (RuntimeError, TypeError) as error:
            known = ", ".join(sorted(parameters.get_search_options().keys() - {"max_length"}))
            raise self._errors.rejected(
                f"does not take these options: {' '.join(str(error).split())}. Those of "
                f"onnxruntime-genai are {known}; max_tokens, seed and stop are known too."
            ) from error
        if request.output is not None and not request.tools:
            parameters.set_guidance("json_schema", json.dumps(request.output, default=dict))
        return engine.genai.Generator(engine.model, parameters)


def _tokens(generator: Any, process: Callable[[Any, Any], Any] | None) -> Iterator[int]:
    """Generate tokens, and yield each."""
    generate, latest, is_done = (
        generator.generate_next_token,
        generator.get_next_tokens,
        generator.is_done,
    )
    while not is_done():
        if process is not None:
            logits = process(generator.get_sequence(0), generator.get_logits())
            generator.set_logits(logits)
        generate()
        yield int(latest()[0])


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _template_in(folder: Path, settings: Mapping[str, Any]) -> str | None:
    """Return the source of a folder's template; of several, the default one."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = settings.get("chat_template")
    if isinstance(found, list):
        named = {each["name"]: each["template"] for each in found}
        found = named.get("tool_use") or named.get("default")
    return found


def _token(value: Any) -> str:
    return str(value["content"] if isinstance(value, Mapping) else value)
