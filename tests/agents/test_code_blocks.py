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
    assert "x = 1\ny = 2" == find_code(reply.replace("\\n", "\n"), Tags(), structured=True)
    assert "x = 1" == find_code(fenced, Tags(), structured=True)
    tagged = json.dumps({"thought": "Two.", "code": "<code>\nx = '</code>'\n</code>"})
    assert "x = '</code>'" == find_code(tagged, Tags(), structured=True)
    for before in ("", "Here:\n"):
        in_fence = f"{before}```json\n{reply}\n```\n"
        assert "x = 1\ny = 2" == find_code(in_fence, Tags(), structured=True)
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


def missing(text, tags):
    """Return what a text lacks to close its block."""
    reader = tags.reader()
    reader.add(text)
    return reader.missing


@given(st.text("ab<code>/\n'#\"`", max_size=30))
def test_a_closed_block_needs_no_end(text):
    """What a text lacks to close its block closes it; then it lacks nothing."""
    for tags in (Tags(), MARKDOWN):
        closed = text + missing(text, tags)

        assert "" == missing(closed, tags)
        assert (closed == text) == (not missing(text, tags))


# Texts in the code

MARKS = [
    *("```", "```python\n", "\n```\n", "\n  ```\n", "~~~\n", "<code>", "</code>", "x = 1\n"),
    *("\n</code>\n", "</co", "``", "`", "#", "'", '"', "\\", "{", "}", "\n", "é", "[[", "]]"),
]
marks = st.lists(st.sampled_from(MARKS), min_size=1, max_size=5).map("".join)
lines = marks.map(lambda text: text.replace("\n", " "))


def tripled(quote, text):
    """Return a string over several lines."""
    text = text.replace("\\", "\\\\").replace(quote, "")
    return quote * 3 + text + quote * 3


def formatted(text):
    """Return an f-string with a field and a format."""
    hexadecimal = text.encode().hex()
    return "f'''{len(\"" + hexadecimal + "\"):>9}</code>'''"


strings = st.one_of(
    st.builds(repr, marks),
    st.builds(tripled, st.sampled_from(["'", '"']), marks),
    lines.map(lambda text: "f" + repr(text.replace("{", "{{").replace("}", "}}"))),
    lines.map(formatted),
    st.builds(lambda text: "rb" + repr(text.encode().hex()), lines),
)
statements = st.one_of(
    st.builds("x = {}".format, strings),
    st.builds("print({}, [{}])".format, strings, strings),
    st.builds("x = 1  # {}".format, lines),
    st.builds("# {}\nx = (1 +\n2)".format, lines),
    st.builds("def f():\n    {}\n    return {}".format, strings, strings),
    st.builds("if x:\n    y = 1  # {}\n\n    z = {}".format, lines, strings),
)
programs = st.lists(statements, min_size=1, max_size=4).map("\n".join)


def around(before, after, tags=None):
    """Return a form of a reply, and the tags that were asked for."""
    return lambda code: before + code + after, tags or Tags()


WRITTEN = {
    "in tags": around("It's `<code>` next.\n<code>\n", "\n</code>\nThat's it."),
    "in tags of another name": around("So:\n[[\n", "\n]]\nThat's it.", Tags("[[", "]]")),
    "in a fence": around("So:\n```python\n", "\n```\nThat's it."),
    "in the fence that was asked for": around("So:\n```python\n", "\n```\nThat's it.", MARKDOWN),
    "in a fence within tags": around("So:\n<code>\n```python\n", "\n```\n</code>."),
    "in tags within a fence": around("So:\n```\n<code>\n", "\n</code>\n```\n."),
    "left open": around("So:\n<code>\n", "\n"),
    "bare": around("print(1)\n", ""),
    "in an object": (lambda code: json.dumps({"thought": "", "code": code}), Tags()),
}


@pytest.mark.parametrize("name", WRITTEN)
@given(program=programs)
def test_what_is_written_is_what_runs(name, program):
    """Whatever its strings and comments hold, the code that is found is the code."""
    form, tags = WRITTEN[name]
    found = find_code(form(program), tags, structured=name == "in an object")
    code = f"print(1)\n{program}" if name == "bare" else program

    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(found))


@given(programs)
def test_an_indented_block_is_that_block(program):
    """The indentation of the block is left out; its strings stay as they are."""
    inner = "\n".join("    " + line for line in program.split("\n"))
    (block,) = ast.parse(f"if x:\n    pass\n{inner}").body
    found = find_code(f"- So:\n    <code>\n{inner}\n    </code>", Tags())

    assert [ast.dump(each) for each in block.body[1:]] == [
        ast.dump(each) for each in ast.parse(found).body
    ]


@pytest.mark.parametrize(
    "prose",
    [
        "I write the code between `<code>` and `</code>`:",
        'Between "<code>" and "</code>":',
        "As in\n```html\n<code>x</code>\n```\nso here:",
        "Not so: `<code>x = 5</code>`.",
        "``<code>` `` is it:",
        "Nothing: <code></code>, but",
        "I put the code in <code> tags.",
        "I write it between <code> and </code>, as asked",
        "<code> is the tag for code",
        "<code> opens it, and </code> closes it:",
        "As (<code>), or <code>, or <code lang='python'> here",
        'Not "<code>x = 5</code>", nor \'<code lang="py">x = 5</code>\'.',
        "Its variable <code>total</code> is too small.",
        "It's in a <code> block, with\nthe <code> tag that you\nwant",
    ],
)
def test_a_mention_is_no_block(prose):
    """A tag in backticks, in quotes or in a fence of another language opens nothing."""
    assert "x = 1" == find_code(f"{prose}\n<code>\nx = 1\n</code>", Tags())


@pytest.mark.parametrize(
    "text",
    [
        '<code lang="python">\nx = 1\n</code>',
        "So: <code class='language-python'>x = 1</code>",
        '```html\n<code lang="python">\n```\n<code lang="python">x = 1</code>',
        '```\n<code lang="python">\nx = 1\n</code>\n```',
        *(f"So:\n```{name}\nx = 1\n```" for name in ("ipython", "Python3", "py3", "python3.12")),
        *(f"So:\n~~~ {name}\nx = 1\n~~~" for name in ("{.python}", "python title='a'", "ipython3")),
    ],
)
def test_other_names_of_python(text):
    """A tag may have attributes, and a fence a version of Python."""
    assert "x = 1" == find_code(text, Tags())


@pytest.mark.parametrize("name", ["python-repl", "pycon", "json", "cython", "pytb"])
def test_other_languages(name):
    """A fence of another language, or of a transcript with its results, is not run."""
    fence = f"```{name}\n>>> x = 5\n```"
    with pytest.raises(ParseError):
        find_code(fence, Tags())

    assert "x = 1" == find_code(f"{fence}\n```python\nx = 1\n```", Tags())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Thought: done. <code>final_answer(5)", "final_answer(5)"),
        ("Done: <code>final_answer(5)</code> So.", "final_answer(5)"),
        ("<code>total</code>", "total"),
        ("<code>print('x)</code>", "print('x)"),
        ("So: <code>for x in y:\n    print(x)\n</code>", "for x in y:\n    print(x)"),
        ("So: <code>x = await f(1,\n2)\n</code>", "x = await f(1,\n2)"),
        ("So: <code># two\nx = 1\n</code>", "# two\nx = 1"),
        ("So: <code>print('</code>')</code>", "print('</code>')"),
        ("So: <code>\nno Python at all\n</code>", "no Python at all"),
        ("<pre><code>x = 1\n</code></pre>", "x = 1"),
    ],
)
def test_code_behind_a_tag(text, code):
    """A tag opens a block where its line ends, or Python stands behind it in its line."""
    assert code == find_code(text, Tags())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Done: <code>final_answer(5)", "</code>"),
        ("Done: <code>print(5)  # five", "\n</code>"),
        ("I write it between <code> and ", ""),
        ("<code>", "</code>"),
    ],
)
def test_what_a_line_lacks_that_a_provider_has_cut(text, left):
    """Code in the line of a tag is closed, and a mention is not."""
    assert left == missing(text, Tags())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<code>\nx = 'a\n</code>\nIt's it.", "x = 'a"),
        ("<code>x = 'a</code>\nIt's it.", "x = 'a"),
        ("<code>x = '''a\n</code>\nIt's it.", "x = '''a"),
        ("```python\nx = '''a\n```\nIt's it.", "x = '''a"),
        ("<code>x = 1  # two</code>\nIt's it.", "x = 1  # two"),
    ],
)
def test_code_that_is_no_python_ends_where_it_was_meant_to(text, code):
    """A string that never ends does not hold the end of the block."""
    assert code == find_code(text, Tags())
