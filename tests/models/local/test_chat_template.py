"""ChatTemplate: Jinja as the templates of models use it."""

import re

import pytest
from jinja2 import TemplateError

from rxagent.models.local.chat_template import ChatTemplate

HI = [{"role": "user", "content": "<b>ü"}]


def test_what_templates_use():
    """Special tokens, JSON as it is, blocks for training, loops that end, and the date."""
    source = """\
{{ bos_token }}{% for m in messages %}
    {%- generation %}{{ m | tojson }}{% endgeneration %}
    {%- break %}
{% endfor %}
{{ strftime_now('%Y') }}{{ enable_thinking }}"""
    made = ChatTemplate(source, {"bos_token": "<s>"}).render(HI * 2, None, enable_thinking=False)

    assert re.fullmatch(r'<s>{"role": "user", "content": "<b>ü"}\d{4}False', made)


def test_what_templates_refuse():
    """A template refuses by an exception, and may do nothing else than make text."""
    with pytest.raises(TemplateError, match="Not so"):
        ChatTemplate("{{ raise_exception('Not so') }}").render(HI, None)
    with pytest.raises(TemplateError):
        ChatTemplate("{{ messages.append(1) }}").render(HI, None)
    with pytest.raises(TemplateError):
        ChatTemplate("{{ ''.__class__.__mro__ }}{{ messages.__class__.__base__() }}").render(
            HI, None
        )
