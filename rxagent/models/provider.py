"""Provider: what a provider of models declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from attrs import frozen

from ..errors import MissingExtra

if TYPE_CHECKING:
    from .model import Model

__all__ = ["THIS_MACHINE", "Provider"]

THIS_MACHINE = "this machine"
"""The address of models that need no server."""


@frozen(kw_only=True)
class Provider:
    """The declaration of a provider: how its models are named, set up and listed.

    A package adds a provider by an entry point of the group `rxagent.providers`, which has the
    prefix as its name and leads to a declaration. Its module must be importable without the SDK.

    Attributes:
        prefix: What stands before the colon of a model's name.
        model: The class of its models, as `package.module:Class`, imported on first use. It is
            called with the model's name and the options of `resolve`.
        sdk: What its models need, in words, such as `OpenAI's SDK`.
        extra: The extra of its package that installs the SDK.
        requires: What `pip install` takes to install the SDK.
        modules: The modules that must be installed, where not every user has them.
        variables: The environment variables that must be set.
        key_variable: The environment variable of the key.
        url_variable: The environment variable of the server's address.
        note: What else to know about the variables, in a sentence without its stop.
        docs: The page where a user reads about its models.
        list_models: Connects to the server, with a time-out in seconds, and returns its address
            and the names of its models. It may raise any Exception. None where there is no server.
        naming: What a model is named by, where the server does not list its models.
    """

    prefix: str
    model: str
    sdk: str
    extra: str
    requires: str
    docs: str
    modules: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    key_variable: str | None = None
    url_variable: str | None = None
    note: str = ""
    list_models: Callable[[float], tuple[str, Iterable[str]]] | None = None
    naming: str = ""

    def load(self) -> Callable[..., Model]:
        """Import and return the class of its models."""
        kind: Callable[..., Model] = resolve_name(self.model)
        return kind

    def is_installed(self) -> bool:
        """Return whether what its models need is installed; nothing is imported."""
        return all(find_spec(name) is not None for name in self.modules)

    def missing(self, error: Exception) -> MissingExtra:
        """Return the error that the SDK cannot be imported."""
        return MissingExtra(
            f"{self.sdk} cannot be imported: {error}. Run `pip install '{self.requires}'`.",
            extra=self.extra,
        )
