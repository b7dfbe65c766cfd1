"""Code is found in what models write, in each of the forms that they use."""

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.agents.code_blocks import Tags, find_code
from rxagent.errors import ParseError

MARKDOWN = Tags.of("markdown")

FORMS = {
    "between tags": "Thought: two.\n<code>\nx = 1\ny = 2\n</code>",
    "in one line": "Two. <code>x = 1\ny = 2</code>",
    "left open by the stop": "Two.\n<code>\nx = 1\ny = 2\n",
    "left open within the tag": "Two.\n<code>\nx = 1\ny = 2\n</cod",
    "two blocks": "One.\n<code>\nx = 1\n</code>\nAnd two.\n<code>y = 2</code>",
    "indented": "Two.\n<code>\n    x = 1\n    y = 2\n</code>",
    "a fence": "Two.\n```python\nx = 1\ny = 2\n```\nThat is it.",
    "a short fence": "Two.\n```py\nx = 1\ny = 2\n```",
    "an indented fence": "- Two.\n  ```python\n  x = 1\n  y = 2\n  ```",
    "an open fence": "Two.\n```python\nx = 1\ny = 2",
    "a fence without a name": "Two.\n```\nx = 1\ny = 2\n```",
    "two fences": "One.\n```python\nx = 1\n```\nTwo.\n```python\ny = 2\n```",
    "a fence among others": 'See\n```json\n{"x": 1}\n```\n```python\nx = 1\ny = 2\n```',
    "a fence between tags": "<code>\n```python\nx = 1\ny = 2\n```\n</code>",
    "bare": "x = 1\ny = 2",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("tags", [Tags(), MARKDOWN], ids=["tags", "markdown"])
def test_each_usual_form_is_understood(text, tags):
    """Whichever tags were asked for, code in one of the usual forms is found."""
    expected = ast.dump(ast.parse("x = 1\ny = 2"))

    assert expected == ast.dump(ast.parse(find_code(text, tags)))


def test_tags_are_configurable():
    """Any pair of texts can be the tags."""
    tags = Tags.of(("[[", "]]"))

    assert "x = 1" == find_code("Now [[x = 1]] and so on", tags)
    assert "x = 1" == find_code("Now [[x = 1", tags)


@pytest.mark.parametrize("wrong", ["html", ("<code>",), ("", "</code>"), 5, ("a", 1)])
def test_wrong_tags_are_refused(wrong):
    """The error says what tags may be."""
    with pytest.raises(ValueError, match="code_block_tags must be"):
        Tags.of(wrong)


@pytest.mark.parametrize(
    "prose",
    [
        "Wrong blob!",
        "Hello",
        "42",
        "not sure",
        "see, above",
        "'x = 1'",
        "```json\n{}\n```",
        "```\na b\n```",
    ],
)
@pytest.mark.parametrize(
    "tags", [Tags(), MARKDOWN, Tags("[[", "]]")], ids=lambda tags: tags.opening
)
def test_prose_is_no_code(prose, tags):
    """A reply that does nothing is refused with the right form, in the tags asked for."""
    with pytest.raises(ParseError) as raised:
        find_code(prose, tags)

    assert str(raised.value).startswith("The reply holds no code that can run.\n\nWrite a thought")
    assert f"\n{tags.opening}\nprint(2 + 3)\n{tags.closing}\n" in str(raised.value)
    assert f"\n{tags.opening}\nfinal_answer(5)\n{tags.closing}" in str(raised.value)


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_reply_is_called_empty(text):
    """The model reads that nothing arrived."""
    with pytest.raises(ParseError, match="The reply was empty"):
        find_code(text, Tags())


def test_an_empty_block_is_called_empty():
    """The model reads that its block held nothing."""
    with pytest.raises(ParseError, match="The block of code was empty"):
        find_code("So: <code>\n \n</code>", Tags())


def test_an_object_holds_code():
    """In structured mode the code is a field; other forms are still understood."""
    reply = json.dumps({"thought": "Two.", "code": "x = 1\ny = 2"})
    fenced = json.dumps({"thought": "Two.", "code": "```python\nx = 1\n```"})

    assert "x = 1\ny = 2" == find_code(reply, Tags(), structured=True)
    assert "x = 1" == find_code(fenced, Tags(), structured=True)
    assert "x = 1" == find_code("<code>x = 1</code>", Tags(), structured=True)
    with pytest.raises(ParseError, match='"thought"'):
        find_code("Wrong blob!", Tags(), structured=True)


blocks = st.text("xy=1 \n#", min_size=1).filter(str.strip)


@given(st.lists(blocks, min_size=1, max_size=3), st.text("ab \n", max_size=5))
def test_what_stands_between_tags_is_the_code(codes, prose):
    """Several blocks are joined, each as it stands but for blank lines around it."""
    text = "".join(f"{prose}<code>\n{code}\n</code>{prose}" for code in codes)
    found = find_code(text, Tags())

    assert [line.strip() for code in codes for line in code.split("\n") if line.strip()] == [
        line.strip() for line in found.split("\n") if line.strip()
    ]


@given(st.text("ab<code>/\n", max_size=30))
def test_a_closed_block_needs_no_end(text):
    """What a text lacks to close its block closes it; then it lacks nothing."""
    for tags in (Tags(), MARKDOWN):
        closed = text + tags.missing_end(text)

        assert "" == tags.missing_end(closed)
        assert (closed == text) == (not tags.missing_end(text))
