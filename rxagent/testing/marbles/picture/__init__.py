"""Pictures of marble diagrams, as SVG."""

from __future__ import annotations

from hashlib import sha256
from html import escape

from ....arguments import one_of
from ..diagram import Diagram
from .layout import layout
from .parts import Marble, Part, Stroke, Words, allowed, outline, width_of
from .strands import description
from .style import PAPER, STYLE, Shape, fixed

__all__ = ["draw"]

_LETTER = 14


def draw(diagram: Diagram, prefix: str | None = None, theme: str = "auto") -> str:
    """Return a diagram as an SVG picture; the same diagram always gives the same text.

    It can be embedded in a page or stand alone, follows the page's light or dark theme, and
    contains a description for screen readers. A page may choose other colours by CSS properties
    such as `--marble-text` and `--marble-text-edge`.

    Args:
        diagram: The diagram to draw; it is not performed.
        prefix: How the picture's ids begin, where one page shows the same diagram twice.
        theme: `auto`, or `light` or `dark` for fixed colours and a background.
    """
    one_of("theme", theme, ("auto", *PAPER))
    picture = layout(diagram)
    own = prefix or f"marbles-{sha256(diagram.text.encode(errors='replace')).hexdigest()[:8]}"
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    style = f"max-width:100%;height:auto;--least:{0.75 * picture.width:g}px"
    ground = ""
    if theme in PAPER:
        style = f"{style};{fixed(theme)}"
        ground = _element("rect", width="100%", height="100%", fill=PAPER[theme]) + "\n"
    svg = _element(
        "svg",
        "\n",
        _element("title", _escaped(diagram.title or "A marble diagram"), id=f"{own}-title"),
        _element("desc", _escaped(description(diagram)), id=f"{own}-desc"),
        _element("style", STYLE),
        "\n",
        ground,
        "\n".join(map(_painted, picture.parts)),
        "\n",
        xmlns="http://www.w3.org/2000/svg",
        class_="marbles",
        role="img",
        aria_labelledby=f"{own}-title {own}-desc",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        style=style,
    )
    return svg + "\n"


def _element(tag: str, *children: str, **attributes: object) -> str:
    """Return an element; a trailing underscore is not part of an attribute's name."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return escape(allowed(text), quote=False)


def _painted(part: Part) -> str:
    title = _element("title", _escaped(part.title)) if part.title else ""
    match part:
        case Stroke(role, path):
            return _element("path", title, class_=role, d=path)
        case Words(box, role, text):
            # `textLength` gives a text the width of its place in any font.
            at = {"x": box.left, "y": box.centre[1] + 4, "textLength": box.width}
            return _element("text", title, _escaped(text), class_=role, **at)
        case Marble(box, face):
            path = _element(
                "path", class_=f"{face.tone} {face.shape.value}", d=outline(face.shape, box)
            )
            unheard = None if part.is_heard else "unheard"
            return _element("g", title, path, _label(part), class_=unheard)


def _label(marble: Marble) -> str:
    shape = marble.face.shape
    x, y = marble.box.centre
    if shape is Shape.PILL:
        at = {"x": x, "y": y + 4, "text_anchor": "middle"}
        width = width_of(marble.text, "pill")
        return _element("text", _escaped(marble.text), class_="pill", **at, textLength=width)
    size = _LETTER * marble.box.height / shape.size[1]
    drop = 3.0 if shape is Shape.TRIANGLE else 0.0
    at = {"x": x, "y": y + drop + 0.36 * size, "text_anchor": "middle"}
    style = f"font-size:{size:g}px"
    return _element("text", _escaped(marble.text), class_="letter", style=style, **at)
