"""SVG: how the parts of a picture are written."""

from html import escape

from .faces import Shape
from .outlines import outline
from .parts import Marble, Part, Stroke, Words, width_of
from .texts import allowed

__all__ = ["element", "paint", "words"]

_LETTER = 14


def element(tag: str, *children: str, **attributes: object) -> str:
    """Return an element; the name of an attribute may end in an underscore, which is none of it."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def words(text: str) -> str:
    """Return a text as it stands in an element."""
    return escape(allowed(text), quote=False)


def paint(part: Part) -> str:
    """Return the element that shows a part."""
    match part:
        case Stroke(role, path, title):
            return element("path", _title(title), class_=role, d=path)
        case Words():
            return _words(part)
        case Marble():
            return _marble(part)


def _title(title: str) -> str:
    return element("title", words(title)) if title else ""


def _words(part: Words) -> str:
    return element(
        "text",
        _title(part.title),
        words(part.text),
        class_=part.role,
        x=part.box.left,
        y=part.box.centre[1] + 4,
        # Whatever font there is, a text is as wide as its place.
        textLength=part.box.width,
    )


def _marble(marble: Marble) -> str:
    shape = marble.face.shape
    return element(
        "g",
        _title(marble.title),
        element("path", class_=f"{marble.face.tone} {shape.value}", d=outline(shape, marble.box)),
        _text(marble) if shape is Shape.PILL else _letter(marble),
        class_=None if marble.is_heard else "unheard",
    )


def _text(marble: Marble) -> str:
    x, y = marble.box.centre
    width = width_of(marble.text, "pill")
    at = {"x": x, "y": y + 4, "text_anchor": "middle", "textLength": width}
    return element("text", words(marble.text), class_="pill", **at)


def _letter(marble: Marble) -> str:
    x, y = marble.box.centre
    size = _LETTER * marble.box.height / marble.face.shape.size[1]
    drop = 3.0 if marble.face.shape is Shape.TRIANGLE else 0.0
    at = {"x": x, "y": y + drop + 0.36 * size, "text_anchor": "middle"}
    return element("text", words(marble.text), class_="letter", style=f"font-size:{size:g}px", **at)
