"""Parameters: what a provider's models take, from their class and its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..printable import one_line

if TYPE_CHECKING:
    from ..models import Provider

__all__ = ["parameters_of"]

_ARGUMENTS = re.compile(r"^Args:\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(r"^    (\w+): (.*?)(?=^    \S|\Z)", re.MULTILINE | re.DOTALL)


def parameters_of(provider: Provider) -> Iterator[str]:
    """Yield a line for each parameter of a provider's models: its name, its default, what it is."""
    kind = provider.load()
    found = _ARGUMENTS.search(inspect.getdoc(kind) or "")
    known = dict(_ARGUMENT.findall(found[1])) if found else {}
    for name, parameter in inspect.signature(kind).parameters.items():
        shown = f"{name}={parameter.default!r}"
        if parameter.default is parameter.empty:
            shown = "**" * (parameter.kind is parameter.VAR_KEYWORD) + name
        yield f"{shown}: {one_line(' '.join(known[name].split()))}" if name in known else shown
