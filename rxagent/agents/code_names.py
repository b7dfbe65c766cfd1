"""Names of functions that code must not set."""

from __future__ import annotations

import symtable
import warnings
from collections.abc import Collection, Iterator

from ..errors import CodeError

__all__ = ["check_names"]


def check_names(code: str, names: Collection[str]) -> None:
    """Check that code sets none of the names by which later code calls its functions.

    Parameters and other local variables of the code's own functions may have any name.

    Args:
        code: The code; what is not Python passes.
        names: The names of the functions.

    Raises:
        CodeError: It sets one of them.
    """
    taken = sorted(set(names).intersection(_set_in(code)))
    if not taken:
        return
    name = taken[0]
    advice = (
        "Call final_answer(...) with the answer"
        if name == "final_answer"
        else "Choose another name for the variable"
    )
    raise CodeError(
        f"NameError: `{name}` is a function that you can call, so the code must not set this "
        f"name, and nothing was run. {advice}."
    )


def _set_in(code: str) -> Iterator[str]:
    """Yield the names that code sets for later code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in strings, for example
        try:
            tables = [symtable.symtable(code, "<code>", "exec")]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
    outermost = tables[0]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            is_global = table is outermost or symbol.is_declared_global()
            if is_global and (symbol.is_assigned() or symbol.is_imported()):
                yield symbol.get_name()
