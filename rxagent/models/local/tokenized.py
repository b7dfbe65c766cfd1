"""TokenizedModel: a model in this process whose tokenizer is one of transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from attrs import frozen

from ...errors import ModelError
from ...messages import Request
from .conversation import Form, rendered, tools_of
from .decoder import Decoder
from .model import LocalModel, Settings
from .parsed_reader import ParsedReader, parser_of
from .text_reader import AnswerReader

__all__ = ["Tokenized", "TokenizedModel"]


@frozen(kw_only=True)
class Tokenized:
    """An engine with a tokenizer of transformers.

    Attributes:
        tokenizer: The tokenizer.
        processor: The processor, if the model reads images.
    """

    tokenizer: Any
    processor: Any = None


_E = TypeVar("_E", bound=Tokenized)


class TokenizedModel(LocalModel[_E]):
    """A model whose prompts are made, and whose answers are read, by a tokenizer of transformers.

    A subclass says how the engine is loaded, and how it generates.
    """

    _keeps_schemas: ClassVar[bool] = False
    """Whether the engine keeps to the schema of a request that offers no tools."""

    def _not_loaded(self, error: Exception, library: str, naming: str) -> ModelError:
        """Return the error that a model cannot be loaded.

        Args:
            error: The engine's.
            library: The engine.
            naming: What to give as the name of a model, after the word "Give".
        """
        if isinstance(error, OSError) and "connect" in str(error):
            return self._errors.unavailable("could not be loaded from the Hugging Face Hub", error)
        what = " ".join(str(error).split())
        return self._errors.rejected(f"cannot be loaded by {library}: {what} Give {naming}.")

    def _prompt(self, engine: _E, request: Request, settings: Settings) -> str:
        tokenizer, processor = engine.tokenizer, engine.processor
        if processor is None:
            self._refuse_images(request)
        renderer = processor or tokenizer
        template = self._chat_template or getattr(renderer, "chat_template", None)
        template = template or getattr(tokenizer, "chat_template", None)
        if not template:
            raise self._no_template()

        def render(messages: list[Form], tools: list[Form] | None) -> str:
            text: str = renderer.apply_chat_template(
                messages if processor is None else _in_parts(messages),
                tools=tools,
                chat_template=self._chat_template,
                add_generation_prompt=True,
                tokenize=False,
                **settings.template,
            )
            return text

        constrained = self._keeps_schemas and not request.tools
        return rendered(request, str(template), render, self._errors, constrained=constrained)

    def _reader(self, engine: _E, prompt: str, request: Request) -> AnswerReader:
        parser = parser_of(engine.tokenizer, prompt, tools_of(request) or None)
        return super()._reader(engine, prompt, request) if parser is None else ParsedReader(parser)

    def _decoder(self, engine: _E) -> Callable[[int], str]:
        """Return what decodes the ids of an answer, one after the other."""
        is_parsed = getattr(engine.tokenizer, "response_template", None) is not None
        return Decoder(engine.tokenizer, all_tokens=is_parsed).add


def _in_parts(messages: list[Form]) -> list[Form]:
    """Return messages whose contents are lists, as the templates of processors expect."""
    return [
        {**form, "content": [{"type": "text", "text": form["content"]}]}
        if isinstance(form["content"], str)
        else form
        for form in messages
    ]
