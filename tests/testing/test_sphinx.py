"""The Sphinx extension: a page shows diagrams, but no false ones."""

import re
import sys

import pytest

sphinx = pytest.importorskip("sphinx.cmd.build", reason="documentation is built by `tox -e docs`")

TRUE = "# It says `x` & no more.\n\na:   -'x'|\n> a\nout: -'x'|\n"
FALSE = TRUE.replace("out: -'x'|", "out: -'y'|")


def _write(path, text):
    """Write a file, unless it has this text, so that it counts as old."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


@pytest.fixture
def build(tmp_path, monkeypatch, capsys):
    """Return a function that builds a page: exit code, the page's HTML, and stderr."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "marble_diagrams" / "say").mkdir(parents=True)
    (tmp_path / "docs" / "conf.py").write_text(
        'project = "p"\nextensions = ["rxagent.testing.sphinx", "sphinx.ext.autodoc"]\n'
    )
    monkeypatch.syspath_prepend(tmp_path)

    def build(page, **diagrams):
        for name, text in diagrams.items():
            path = tmp_path / "marble_diagrams" / "say" / f"{name}.marble"
            path.write_text(text, encoding="utf-8")
        _write(tmp_path / "docs" / "index.rst", f"Page\n====\n\n{page}\n")
        code = sphinx.main(["-q", "-b", "html", str(tmp_path / "docs"), str(tmp_path / "o")])
        page = tmp_path / "o" / "index.html"
        return code, page.read_text() if page.exists() else "", capsys.readouterr().err

    return build


def test_a_diagram_is_drawn_on_its_page(build):
    """The page has the title, the picture, and the text, folded."""
    code, html, said = build(".. marbles:: say/x", x=TRUE)

    assert (0, "") == (code, said)
    assert 1 == html.count("<svg ")
    assert "It says <code" in html
    assert re.search(r"<details><summary>As text</summary>.*&gt; a\n", html, re.DOTALL)


def test_a_page_may_hold_its_diagram(build):
    """Without a name, the directive shows its own content."""
    code, html, said = build(".. marbles::\n\n   a:   -'x'|\n   > a\n   out: -'x'|")

    assert (0, "", 1) == (code, said, html.count("<svg "))


def test_a_family_is_shown_whole(build):
    """With a star, each diagram is shown below its name, and no two share an id."""
    code, html, said = build(".. marbles:: say/*", x=TRUE, y=TRUE)

    assert (0, "", 2) == (code, said, html.count("<svg "))
    assert ["x", "y"] == re.findall(r'<p class="rubric">(\w)</p>', html)
    assert len(ids := re.findall(r' id="(marbles-[^"]*)"', html)) == len(set(ids)) == 4


def test_docstrings_show_diagrams(build, tmp_path):
    """The directive works in docstrings, by autodoc."""
    (tmp_path / "sayer.py").write_text('"""Say.\n\n.. marbles:: say/x\n"""\n')
    try:
        code, html, said = build(".. automodule:: sayer", x=TRUE)
    finally:
        sys.modules.pop("sayer", None)

    assert (0, "", 1) == (code, said, html.count("<svg "))


IMPORTING = f"from shouting import shouted\n{TRUE.replace('> a', '> shouted(a)')}"


def test_a_diagram_imports_like_conf_py(build, tmp_path):
    """Modules are imported from the path of conf.py, and a page is read again when they change."""
    shouting = tmp_path / "docs" / "shouting.py"
    shouting.write_text("def shouted(a):\n    return a\n")

    code, html, said = build(".. marbles:: say/x", x=IMPORTING)

    assert (1, 0) == (code, html.count("<svg "))
    assert "There is no module 'shouting'. " in said
    with (tmp_path / "docs" / "conf.py").open("a") as conf:
        conf.write("import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\n")
    try:
        assert (0, 1) == ((built := build(".. marbles:: say/x"))[0], built[1].count("<svg "))
        shouting.write_text("import reactivex\ndef shouted(a): return reactivex.never()\n")
        sys.modules.pop("shouting")
        assert 1 == build(".. marbles:: say/x")[0]
    finally:
        sys.modules.pop("shouting", None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FALSE, "x.marble:5: out is not as drawn.\nexpected: -'y'|\nactual:   -'x'|"),
        ("a: -?\n> a\nout: -", "x.marble:1:5: '?' is no marble."),
        (TRUE.replace("> a", "> a.pipe(5)"), "x.marble:4:3: The pipeline raises TypeError"),
        (None, "There is no diagram"),
    ],
    ids=["false", "malformed", "raising", "missing"],
)
def test_a_false_picture_fails_the_build(build, text, sentence):
    """A false, malformed or missing diagram is an error at its place, and fails the build."""
    code, html, said = build(".. marbles:: say/x", **({"x": text} if text else {}))

    assert (1, 0) == (code, html.count("<svg "))
    assert re.search(r"index\.rst:4: ERROR: ", said)
    assert sentence in said


def test_a_false_picture_fails_until_it_is_fixed(build):
    """It fails a build that reads no page again, and no longer one that reads its page again."""
    assert 1 == build(".. marbles:: say/x", x=FALSE)[0]
    assert 1 == build(".. marbles:: say/x")[0]
    assert (0, 1) == ((built := build(".. marbles:: say/x", x=TRUE))[0], built[1].count("<svg "))
