"""Pictures of marble diagrams, as SVG."""

from hashlib import sha256

from ....arguments import one_of
from ..diagram import Diagram
from .description import description
from .layout import layout
from .style import PAPER, STYLE, fixed
from .svg import element, paint, words

__all__ = ["draw"]


def draw(diagram: Diagram, prefix: str | None = None, theme: str = "auto") -> str:
    """Return a diagram as an SVG picture: the same diagram is always the same text.

    It can stand in a page as well as by itself, follows the page's light or dark theme, and is
    described for those who do not see it. A page may choose other colours by CSS properties such
    as `--marble-text` and `--marble-text-edge`.

    Args:
        diagram: What is drawn, as it says; it is not performed.
        prefix: How the picture's ids begin, where one page shows the same diagram twice.
        theme: `auto`, or `light` or `dark` for a picture that keeps its colours, on a ground of
            its own.
    """
    one_of("theme", theme, ("auto", *PAPER))
    picture = layout(diagram)
    own = prefix or f"marbles-{sha256(diagram.text.encode(errors='replace')).hexdigest()[:8]}"
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    style = f"max-width:100%;height:auto;--least:{0.75 * picture.width:g}px"
    ground = ""
    if theme in PAPER:
        style = f"{style};{fixed(theme)}"
        ground = element("rect", width="100%", height="100%", fill=PAPER[theme]) + "\n"
    return (
        element(
            "svg",
            "\n",
            element("title", words(diagram.title or "A marble diagram"), id=f"{own}-title"),
            element("desc", words(description(diagram)), id=f"{own}-desc"),
            element("style", STYLE),
            "\n",
            ground,
            "\n".join(map(paint, picture.parts)),
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
        + "\n"
    )
