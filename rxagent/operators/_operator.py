"""What all operators on streams have in common: they are called, then given a stream."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from reactivex import Observable

from ..arguments import shown

__all__ = ["operator"]

_F = TypeVar("_F", bound=Callable[..., Callable[[Any], Any]])


def operator(make: _F) -> _F:
    """Let an operator refuse what is no stream, and say what to write instead.

    One without arguments also refuses the stream that was piped to it uncalled.
    """
    name = f"ops.{make.__name__}"
    takes_arguments = bool(signature(make).parameters)
    written = f"{name}({'...' if takes_arguments else ''})"

    @wraps(make)
    def made(*arguments: Any, **named: Any) -> Callable[[Any], Any]:
        if arguments and not takes_arguments:
            raise TypeError(f"{name} takes nothing: write {name}(), not {shown(arguments[0])}.")
        apply = make(*arguments, **named)

        def applied(source: Any) -> Any:
            if not isinstance(source, Observable):
                instead = f"Write `agent(task).pipe({written})`"
                if callable(source):
                    instead += f", or as a model `lambda request: model(request).pipe({written})`"
                raise TypeError(f"{written} takes a stream, not {shown(source)}. {instead}.")
            return apply(source)

        return applied

    return cast(_F, made)
