"""Prompts: the texts that agents send to models, one file each."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["render"]


def render(prompt: str, /, **values: Any) -> str:
    """Return the text of a prompt with its values filled in; a missing value is an error."""
    return _environment().get_template(f"{prompt}.md").render(**values).strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
