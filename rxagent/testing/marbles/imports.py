"""The imports of a diagram: names of the user's own, which are looked up when it is performed."""

import ast
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from attrs import field, frozen

from ...errors import MarbleSyntaxError, describe
from .snippets import Snippet

__all__ = ["Import", "imports_of"]

_HOW = "An import is written `from package.module import name, other as alias`"
_WHERE = (
    "Is its folder on sys.path? pytest's setting `pythonpath = .` puts it there, "
    "or `sys.path.insert` in the conf.py of Sphinx."
)


@frozen
class Import:
    """A name that a diagram takes from a module."""

    name: str
    module: str
    attribute: str
    _snippet: Snippet = field(eq=False)
    _alias: ast.alias = field(eq=False)

    def flaw(self, what: str) -> MarbleSyntaxError:
        """Return the error that says what is wrong with this name."""
        return self._snippet.flaw_at(self._alias, what)

    def _flaw_of_module(self, what: str) -> MarbleSyntaxError:
        return self._snippet.flaw(what, offset=len("from "))

    def load(self) -> Any:
        """Return what the name means.

        Raises:
            MarbleSyntaxError: The module cannot be imported, or has nothing of this name.
        """
        try:
            module = import_module(self.module)
            if hasattr(module, self.attribute):
                return getattr(module, self.attribute)
            return import_module(f"{self.module}.{self.attribute}")
        # A script that nobody guards leaves the interpreter when it is imported.
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name:
                if error.name == f"{self.module}.{self.attribute}":
                    what = f"There is no {self.attribute!r} in the module {self.module!r}."
                    raise self.flaw(what) from None
                if f"{self.module}.".startswith(f"{error.name}."):
                    what = f"There is no module {error.name!r}. {_WHERE}"
                    raise self._flaw_of_module(what) from None
            what = f"The module {self.module!r} raises {describe(error)}"
            raise self.flaw(what) from error


def imports_of(snippet: Snippet) -> Iterator[Import]:
    """Yield the names that a line imports."""
    match snippet.parse("exec", _HOW).body:
        case [ast.ImportFrom(module=str(module), names=names, level=0)]:
            for alias in names:
                if alias.name == "*":
                    raise snippet.flaw_at(alias, f"{_HOW}; say which names.")
                yield Import(alias.asname or alias.name, module, alias.name, snippet, alias)
        case [ast.ImportFrom(level=level)] if level:
            raise snippet.flaw(f"{_HOW}; a diagram lies in no package, so no dot comes first.")
        case _:
            raise snippet.flaw(f"{_HOW}.")
