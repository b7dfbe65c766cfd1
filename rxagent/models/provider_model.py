"""ProviderModel: a model of a provider that declares itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from ..arguments import text
from ..pickling import portable
from .model import Model
from .options import permitted
from .provider import Provider

__all__ = ["ProviderModel"]


class ProviderModel(Model):
    """A model of a provider; a subclass has the declaration of its provider.

    Copies share what cannot be copied, such as a client.

    Args:
        model_id: The model's name.
        options: Its options in each request.
    """

    provider: ClassVar[str]
    """The prefix of the provider, as it declares it."""

    _declaration: ClassVar[Provider]
    _held: ClassVar[Mapping[str, str]] = {"_options": "an option"}
    """The attributes that may hold what cannot be pickled, each in words."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_declaration" in vars(cls):
            cls.provider = cls._declaration.prefix

    def __init__(self, model_id: str, options: dict[str, Any]) -> None:
        text("model_id", model_id)
        self.model_id = model_id
        self._options = permitted(options, type(self))

    def __getstate__(self) -> dict[str, Any]:
        owner = f"The model {self!r}"
        held = {
            name: portable(owner, part, getattr(self, name)) for name, part in self._held.items()
        }
        return {**vars(self), **held}

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, _: Any) -> Self:
        return self.__copy__()
