"""ChatTemplate: a model's own Jinja template, rendered as transformers does it."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import Any

from attrs import field, frozen

from .conversation import Form

__all__ = ["ChatTemplate"]


@frozen(slots=False)
class ChatTemplate:
    """A template that makes a prompt from messages and tools.

    Attributes:
        source: The text of the template, in Jinja.
        tokens: The special tokens that it may name: `bos_token`, `eos_token`.
    """

    source: str
    tokens: dict[str, str] = field(factory=dict)

    def render(self, messages: list[Form], tools: list[Form] | None, **more: Any) -> str:
        """Return the prompt, up to where the answer begins.

        Raises:
            jinja2.TemplateError: The template is broken, or does not take these messages.
        """
        variables = {"add_generation_prompt": True, "documents": None, **self.tokens, **more}
        return str(self._compiled.render(messages=messages, tools=tools, **variables))

    @cached_property
    def _compiled(self) -> Any:
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_generation_mark(), loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        return environment.from_string(self.source)


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """Return JSON; Jinja's own filter escapes signs of HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _raise(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _generation_mark() -> Any:
    from jinja2 import nodes
    from jinja2.ext import Extension

    class GenerationMark(Extension):
        """Ignores `{% generation %}`, which marks for training what the model wrote."""

        tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

        def parse(self, parser: Any) -> Any:
            """Return the block without its mark."""
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    return GenerationMark
