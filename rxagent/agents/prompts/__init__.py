"""Prompts: the texts that agents send to models, one file each.

Each is a template of Jinja2. `Prompts` replaces some of them; a replacement may include the
original: ``{% include "system.md" %}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import field, frozen
from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateSyntaxError, meta
from jinja2.exceptions import TemplateError

from ...arguments import did_you_mean, shown
from ...errors import describe
from ...frozen import frozen_mapping

__all__ = ["CODE_PROMPTS", "PROMPTS", "Prompts", "check_template", "fill_in", "render"]

PROMPTS: Mapping[str, frozenset[str]] = {
    "closing": frozenset({"limit", "what"}),
    "given": frozenset({"given", "task"}),
    "plan": frozenset({"steps", "tools", "update"}),
    "system": frozenset({"form", "instructions", "name", "text_answers", "tools"}),
}
"""The prompts of an agent that can be replaced, with the values that their templates may use."""

CODE_PROMPTS: Mapping[str, frozenset[str]] = {
    "closing": PROMPTS["closing"],
    "code_system": frozenset(
        {"form", "instructions", "language", "name", "structured", "tags", "tools"}
    ),
    "code_task": frozenset({"given", "handed", "lost", "task"}),
    "plan": PROMPTS["plan"],
}
"""Those of an agent that writes code."""

_FILES = tuple(f"{name}.md" for name in {**PROMPTS, **CODE_PROMPTS})


def _replaced(prompts: Mapping[str, str] | None) -> Mapping[str, str]:
    return frozen_mapping("prompts", prompts)


@frozen
class Prompts:
    """The prompts of an agent, of which some are replaced.

    Args:
        replaced: Templates by the names of the prompts that they replace.
        known: The prompts that can be replaced, with the values that they may use.

    Raises:
        ValueError: A name is unknown, or a template is malformed or uses an unknown value.
    """

    replaced: Mapping[str, str] = field(default=None, converter=_replaced, hash=False)
    known: Mapping[str, frozenset[str]] = field(default=PROMPTS, repr=False, hash=False)

    def __attrs_post_init__(self) -> None:
        for name, template in self.replaced.items():
            _check(name, template, self.known)

    def render(self, prompt: str, /, **values: Any) -> str:
        """Return the text of a prompt with its values filled in.

        Raises:
            ValueError: A template that replaces it cannot be filled in.
        """
        if prompt not in self.replaced:
            return render(prompt, **values)
        return fill_in(f"prompts[{prompt!r}]", self.replaced[prompt], **values)


def fill_in(where: str, template: str, /, **values: Any) -> str:
    """Return the text of a template of a user; the error for a missing value says where it is."""
    try:
        text: str = _compiled(template).render(**values)
    except TemplateError as error:
        raise ValueError(f"{where} cannot be filled in: {error}.") from error
    return text.strip()


def render(prompt: str, /, **values: Any) -> str:
    """Return the text of a prompt with its values filled in; a missing value is an error."""
    return _environment().get_template(f"{prompt}.md").render(**values).strip()


def check_template(where: str, template: Any, known: frozenset[str]) -> None:
    """Check that a text is a template that uses no other values than the known ones.

    Raises:
        TypeError: It is not a str.
        ValueError: It is malformed, or uses or includes something unknown; the message names it.
    """
    if not isinstance(template, str):
        raise TypeError(f"{where} must be the text of a template, not {shown(template)}.")
    try:
        parsed = _environment().parse(template)
        _compiled(template)
    except TemplateSyntaxError as error:
        raise ValueError(
            f"{where} is not a template of Jinja2: line {error.lineno}: {error.message}"
        ) from error
    for included in meta.find_referenced_templates(parsed):
        if included not in _FILES:
            raise ValueError(
                f"{where} includes {included!r}, which is not one of {', '.join(_FILES)}."
            )
    for value in sorted(meta.find_undeclared_variables(parsed) - known):
        raise ValueError(
            f"{where} uses the value {value!r}, which it does not get; it gets "
            f"{', '.join(sorted(known))}.{did_you_mean(value, known)}"
        )


def _check(name: Any, template: Any, known: Mapping[str, frozenset[str]]) -> None:
    if name not in known:
        raise ValueError(
            f"prompts has no key {shown(name)}; the prompts of this agent are {', '.join(known)}."
            f"{did_you_mean(name, known)}"
        )
    check_template(f"prompts[{name!r}]", template, known[name])


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_text,
    )


def _text(value: Any) -> str:
    """Return the text of a value in a prompt; a value without one must not end the run."""
    try:
        return str(value)
    except TemplateError:  # it is not there
        raise
    except Exception as error:
        return f"(a {type(value).__name__}, which has no text: {describe(error)})"


@cache
def _compiled(template: str) -> Any:
    return _environment().from_string(template)
