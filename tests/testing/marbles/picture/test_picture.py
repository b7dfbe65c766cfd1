"""Pictures: each part has its own place and fits into it, and the SVG is well-formed."""

import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.testing.marbles import draw, parse, read
from rxagent.testing.marbles.picture.layout import across, layout
from rxagent.testing.marbles.picture.parts import Marble, Stroke, Words, cells, width_of
from rxagent.testing.marbles.picture.strands import strands
from rxagent.testing.marbles.picture.style import Shape
from rxagent.testing.marbles.rows import quoted

from ....laws import examples

PROJECT = Path(__file__).parents[4]
FILES = sorted((PROJECT / "marble_diagrams").rglob("*.marble"))
SVG = "{http://www.w3.org/2000/svg}"

VALUES = [
    "TextDelta('Hi')",
    "ReasoningDelta('Should I?')",
    "Usage(12, 2)",
    "StepRetried(1, 'ModelTimeout: It was silent for a very long time, and then a while more')",
    "ToolCall('c1', 'search', '{\"query\": \"the GDP of Peru in 2023, in current US dollars\"}')",
    "Message('assistant', 'Hello', [ToolCall('c1', 'add', '{}'), ToolCall('c2', 'sub', '{}')])",
    "ModelRefused('No.')",
    "5",
    "'größer 你好 <&>'",
]
SIGNS = st.sampled_from("aé你🚀 \n\t\x00\x9f\u202e'\\-|#()^!&<>\"") | st.characters(codec="utf-8")
TEXTS = st.text(SIGNS, max_size=24).map(quoted)


@st.composite
def diagrams(draw):
    """Return a diagram with streams, groups, texts and subscriptions of every kind."""
    letters = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True))
    marble = st.sampled_from(letters) | TEXTS
    group = st.lists(marble, min_size=1, max_size=4).map(lambda signs: f"({''.join(signs)})")
    silence = st.integers(1, 9).map(lambda ticks: "-" * ticks)
    body = st.lists(silence | marble | group, min_size=1, max_size=7).map("".join)
    end = st.sampled_from(["", "|", "#", "-|", "('x'|)", "('x'#)"])
    names = draw(
        st.lists(
            st.sampled_from(["a", "model", "primary", "a_stream_with_a_very_long_name"]),
            min_size=1,
            unique=True,
        )
    )
    lines = [f"tick: {draw(st.sampled_from(['1ms', '250us', '1s', '90min']))}"]
    for name in names:
        begun = draw(st.integers(0, 20))
        lines.append(row(name, draw(st.sampled_from(":~")), begun, draw(body) + draw(end)))
        for _ in range(draw(st.integers(0, 2))):
            watched = draw(st.sampled_from(["^", "^!", "(^!)", "^-------!"]))
            lines.append(row(name, "^", begun + draw(st.integers(0, 9)), watched))
    lines.append(f"> rx.merge({', '.join(names)})")
    lines.append(row("out", ":", 0, draw(body) + draw(end)))
    lines += [f"{letter} = {draw(st.sampled_from(VALUES))}" for letter in letters]
    return parse("\n".join([*lines, "! = ModelTimeout('It was silent.')"]).replace("\r", "?"))


def row(name, sort, begun, marbles):
    """Return a row whose marbles begin this many columns after the first."""
    return f"{name}{sort}".ljust(40 + begun) + marbles


def every_diagram(test):
    """Run a test with the diagrams of the project, and with generated ones."""
    made = examples(25)(given(diagram=diagrams())(test))

    def tested():
        for path in FILES:
            try:
                test(read(path))
            except AssertionError as error:
                error.add_note(f"drawn from {path}")
                raise
        made()

    tested.__doc__ = test.__doc__
    return tested


def labels(picture):
    """Return all parts of a picture but the strokes."""
    return [part for part in picture.parts if not isinstance(part, Stroke)]


def overlap(one, other):
    """Tell whether two boxes share more than an edge."""
    return (
        min(one.right, other.right) - max(one.left, other.left) > 1e-6
        and min(one.bottom, other.bottom) - max(one.top, other.top) > 1e-6
    )


@every_diagram
def test_no_two_labels_overlap(diagram):
    """Names, marbles, code, numbers and the legend do not overlap in the picture."""
    picture = layout(diagram)
    boxes = [part.box for part in labels(picture)]

    assert [] == [(one, other) for one, other in combinations(boxes, 2) if overlap(one, other)]
    assert all(0 <= box.left and 0 <= box.top for box in boxes)
    assert all(box.right <= picture.width and box.bottom <= picture.height for box in boxes)


@every_diagram
def test_every_text_fits_its_place(diagram):
    """A text is no wider than its line or its pill; other shapes have a single letter."""
    for part in labels(layout(diagram)):
        match part:
            case Words(box, role, text):
                assert width_of(text, role) <= box.width + 1e-6
            case Marble() if part.face.shape is Shape.PILL:
                assert width_of(part.text, "pill") <= part.box.width - 16 + 1e-6
            case Marble(text=letter):
                assert 1 == cells(letter)


@every_diagram
def test_the_legend_has_every_letter(diagram):
    """The legend has the value of each letter."""
    explained = [part for part in layout(diagram).parts if getattr(part, "role", "") == "legend"]
    letters = {part.title.partition(" = ")[0] for part in explained}

    assert set(diagram.bindings) == letters


@every_diagram
def test_time_goes_to_the_right(diagram):
    """A later instant is further right, and has the same place in all streams."""
    sources, result = strands(diagram)
    places = across([*sources, result], diagram.timeline)

    assert all(one[1] < other[1] for one, other in pairwise(sorted(places.items())))
    for strand in (*sources, result):
        assert set(strand.instants) <= set(places)


@every_diagram
def test_a_picture_is_a_described_image(diagram):
    """A picture is well-formed XML, and has the role, the title and the description of an image."""
    root = ElementTree.fromstring(draw(diagram))
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    named = [by_id[name] for name in root.get("aria-labelledby").split()]

    assert (f"{SVG}svg", "img") == (root.tag, root.get("role"))
    assert [f"{SVG}title", f"{SVG}desc"] == [element.tag for element in named]
    assert all(element.text for element in named)
    assert len(by_id) == len(named)


def test_a_picture_is_the_same_whenever_it_is_drawn():
    """The same diagram gives the same bytes, in another process too."""
    path = PROJECT / "marble_diagrams" / "agents" / "inner_agent.marble"
    drawn = subprocess.run(
        [sys.executable, "-m", "rxagent", "draw", path],
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert draw(read(path)) == drawn.stdout.decode()


def test_pictures_on_one_page_have_ids_of_their_own():
    """Two diagrams share no id, and prefixes distinguish the same one on a page."""

    def ids(text, prefix=None):
        root = ElementTree.fromstring(draw(parse(text), prefix))
        return {element.get("id") for element in root.iter()} - {None}

    one, other = "a: -\n> a\nout: -", "a: --\n> a\nout: -"

    assert set() == ids(one) & ids(other)
    assert set() == ids(one, "first") & ids(one, "second")


def test_a_fixed_theme_stands_on_its_own_ground():
    """Light and dark fix the colours of the picture alone, and give it a legible background."""
    drawn = {theme: draw(parse("a: -\n> a\nout: -"), theme=theme) for theme in ("light", "dark")}
    grounds = {
        theme: ElementTree.fromstring(picture).find(f"{SVG}rect").get("fill")
        for theme, picture in drawn.items()
    }

    assert {"light": "#ffffff", "dark": "#14171c"} == grounds
    assert "color:#111827;--text:#dbeafe;" in ElementTree.fromstring(drawn["light"]).get("style")
    assert "color:#e5e7eb;--text:#1e3566;" in ElementTree.fromstring(drawn["dark"]).get("style")
    assert "<rect" not in draw(parse("a: -\n> a\nout: -"))


def test_a_theme_is_one_of_three():
    """Another theme is an error that lists the three."""
    with pytest.raises(ValueError, match="theme must be 'auto', 'light' or 'dark', not 'sepia'"):
        draw(parse("a: -\n> a\nout: -"), theme="sepia")


def test_what_is_too_long_is_cut_and_has_a_title():
    """A text that is too long ends in an ellipsis, and its title is the whole."""
    long = "x" * 300
    diagram = parse(f"a:   '{long}'\n> a.pipe(rxo.start_with('{long}'))\nout: -\nb = '{long}'\n")
    cut = [part for part in labels(layout(diagram)) if part.text.endswith("…")]

    assert [f"TextDelta('{long}')", f"a.pipe(rxo.start_with('{long}'))", f"b = '{long}'"] == [
        part.title for part in cut
    ]


def test_what_has_no_subscriber_looks_different():
    """Marbles after the end of the subscription, or before a hot stream's, are drawn as unheard."""
    text = "a:   -x-y-|\na^   ^-!\nb~   -x-y-|\nb^     ^---!\n> a.pipe(rxo.merge(b))\nout: -\n"
    picture = layout(parse(f"{text}x = 1\ny = 2\n"))
    marbles = [part for part in picture.parts if isinstance(part, Marble)][:4]

    assert [True, False, False, True] == [marble.is_heard for marble in marbles]


def test_a_replayed_marble_is_heard_in_any_subscription():
    """A cold stream begins again each time, so the longest subscription hears most."""
    text = "a:   --x--y|\na^   ^-!\na^        ^----!\n> a\nout: -\nx = 1\ny = 2\n"
    picture = layout(parse(text))
    marbles = [part for part in picture.parts if isinstance(part, Marble)][:2]

    assert [True, True] == [marble.is_heard for marble in marbles]


def test_the_readme_shows_what_its_diagram_says():
    """The README's picture is drawn from its diagram; `rxagent draw` makes it again."""
    diagram = PROJECT / "marble_diagrams" / "hedge" / "hedge.marble"

    picture = PROJECT / "docs" / "_static" / "hedge.svg"

    assert draw(read(diagram)) == picture.read_text(encoding="utf-8")
