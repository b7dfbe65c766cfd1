"""Prompts: what agents say to models of their own accord, one file each."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render"]


def render(prompt: str, /, **values: Any) -> str:
    """Return the text of a prompt with its values filled in; one that is missing is an error."""
    return _environment().get_template(f"{prompt}.md").render(**values).strip()


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
