"""The check that all operators on streams share: each is called, then given a stream."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from reactivex import Observable

from ..arguments import shown

__all__ = ["operator"]

_F = TypeVar("_F", bound=Callable[..., Callable[[Any], Any]])


def operator(make: _F) -> _F:
    """Let an operator refuse anything but a stream, and say what to write instead.

    An operator without arguments also refuses a stream, to which it was piped without brackets.
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
