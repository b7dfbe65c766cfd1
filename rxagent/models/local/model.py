"""LocalModel: a model that generates in this process.

.. code-block:: text

    request ─▶ engine (loaded once) ─▶ prompt ─▶ generation, on a thread ─▶ Answer ─▶ deltas
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from attrs import frozen
from reactivex import Observable

from ...arguments import mapping, text
from ...errors import ModelError, ModelRejected, RxAgentError
from ...events import Delta
from ...messages import Message, Request
from ...streams import from_callback
from ...streams.sources import preparing
from ..errors import ErrorFactory
from ..options import check_options, merged
from ..own_tags import tags_of
from ..provider_model import ProviderModel
from ..sendable import sendable
from .answer import Answer
from .loading import Loading
from .text_reader import AnswerReader, TextReader

__all__ = ["MAX_TOKENS", "LocalModel", "Settings"]

MAX_TOKENS = 4096
"""How many tokens an answer may have, unless the options say otherwise."""

_LENGTHS = ("max_tokens", "max_new_tokens", "max_completion_tokens")

_E = TypeVar("_E")


@frozen
class Settings:
    """The options of one generation.

    Attributes:
        max_tokens: How many tokens the answer may have.
        template: More variables for the chat template.
        sampling: What else the engine takes; without `do_sample`, and with the temperature 0, the
            likeliest token is always taken.
    """

    max_tokens: int
    template: Mapping[str, Any]
    sampling: dict[str, Any]


class LocalModel(ProviderModel, Generic[_E]):
    """A model that generates in this process.

    Its engine is loaded by the thread of the first request. Each subscription generates on a thread
    of its own; when it is disposed, the generation ends at the next token.

    Args:
        model_id: The model's name, or its folder.
        chat_template: A Jinja template in place of the model's own.
        options: Of the generation, in each request.
    """

    _takes_no_images: ClassVar[str] = "takes no images. Give them to a TransformersModel."

    def __init__(
        self, model_id: str, *, chat_template: str | None, options: dict[str, Any]
    ) -> None:
        super().__init__(model_id, options)
        text("chat_template", chat_template, optional=True)
        self._chat_template = chat_template
        self._loading: Loading[_E] = Loading(self._load)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_id!r})"

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        del state["_loading"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._loading = Loading(self._load)

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription generates it again."""
        whole = sendable(Request.of(request))
        return preparing(lambda sent: from_callback(partial(self._answer, whole, sent)))

    def _answer(
        self,
        request: Request,
        sent: Callable[[], None],
        emit: Callable[[Delta], None],
        cancelled: Callable[[], bool],
    ) -> None:
        errors = self._errors
        check_options(request, errors)
        options = merged(*map(_with_one_length, (self._options, request.options)))
        stops = options.pop("stop", ())
        given = [stops] if isinstance(stops, str) else list(stops)
        answer = Answer(emit, cancelled, [*request.cuts, *given], self.model_id)
        settings = self._settings(options)
        engine = self._loading.get(cancelled)
        sent()
        if engine is None or cancelled():
            return
        try:
            prompt = self._prompt(engine, request, settings)
            answer.begin(self._reader(engine, prompt, request))
            self._generate(engine, prompt, request, settings, answer)
        except Exception as error:
            answer.flush()
            if isinstance(error, RxAgentError):
                raise
            raise self._failure(error, is_broken=answer.written > 0) from error

    def _failure(self, error: Exception, is_broken: bool) -> ModelError:
        """Return what an error of the engine means.

        Args:
            error: The error.
            is_broken: Whether the answer has begun.
        """
        if is_broken:
            return self._errors.unavailable("broke off its reply", error)
        if self._is_refusal(error):
            return self._errors.rejected(f"cannot generate an answer to this request: {error}")
        return self._errors.unavailable("could not generate an answer", error)

    def _is_refusal(self, error: Exception) -> bool:
        """Return whether an error of the engine says that the request cannot be answered."""
        return isinstance(error, TypeError | ValueError)

    @property
    def _errors(self) -> ErrorFactory:
        return ErrorFactory(self.provider, self.model_id)

    def _no_template(self, where: str = "") -> ModelRejected:
        """Return the error that there is no chat template.

        Args:
            where: Where it was looked for, if that helps.
        """
        return self._errors.rejected(
            f"has no chat template{where}. Take a model that is made for chats, often called "
            "-Instruct, or pass chat_template=..., in Jinja."
        )

    def _no_room(self, most: int, read: int) -> ModelRejected:
        """Return the error that a prompt leaves no room for an answer."""
        return self._errors.rejected(
            f"reads at most {most} tokens, and the messages have {read}. Shorten them."
        )

    def _refuse_images(self, request: Request) -> None:
        """Raise an error if a request has images."""
        if any(message.images for message in request.messages):
            raise self._errors.rejected(self._takes_no_images)

    def _settings(self, options: dict[str, Any]) -> Settings:
        """Return the options of a generation, in common names.

        Raises:
            ModelRejected: One of them makes no sense.
        """
        most = options.pop(_LENGTHS[0], MAX_TOKENS)
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise self._errors.rejected(f"takes a number of tokens as max_tokens, not {most!r}.")
        template = mapping("chat_template_kwargs", options.pop("chat_template_kwargs", None))
        heat = options.get("temperature")
        if heat == 0:
            options = {**options, "do_sample": False}
            del options["temperature"]
        elif options.keys() & {"temperature", "top_p", "top_k"}:
            options = {"do_sample": True, **options}
        return Settings(most, template, options)

    @abstractmethod
    def _load(self) -> _E:
        """Load the engine; called once, by the thread of the first request.

        Raises:
            MissingExtra: Its package is not installed.
            ModelRejected: There is no such model, or it cannot be loaded.
        """

    @abstractmethod
    def _prompt(self, engine: _E, request: Request, settings: Settings) -> str:
        """Return the prompt of a request, by the model's chat template.

        Raises:
            ModelRejected: The model has no template, or one that does not take the request.
        """

    def _reader(self, engine: _E, prompt: str, request: Request) -> AnswerReader:
        """Return what reads the text of an answer."""
        tools = {tool.name: tool.parameters for tool in request.tools}
        return TextReader(prompt, tools, tags_of(self.model_id))

    @abstractmethod
    def _generate(
        self, engine: _E, prompt: str, request: Request, settings: Settings, answer: Answer
    ) -> None:
        """Generate an answer, until it ends or `answer.is_over`."""


def _with_one_length(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in which the longest answer has one name."""
    return {_LENGTHS[0] if name in _LENGTHS else name: value for name, value in options.items()}
