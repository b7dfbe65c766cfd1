"""Outlines: the paths of shapes, as SVG writes them."""

from collections.abc import Callable

from .faces import Shape
from .parts import Box

__all__ = ["cross", "outline", "rounded"]


def outline(shape: Shape, box: Box) -> str:
    """Return the path of a shape that fills a box."""
    return _OUTLINES[shape](box)


def rounded(box: Box, radius: float) -> str:
    """Return the path of a box with round corners."""
    r = min(radius, box.width / 2, box.height / 2)
    across, down = box.width - 2 * r, box.height - 2 * r
    return (
        f"M{box.left + r:g} {box.top:g}h{across:g}a{r:g} {r:g} 0 0 1 {r:g} {r:g}"
        f"v{down:g}a{r:g} {r:g} 0 0 1 {-r:g} {r:g}"
        f"h{-across:g}a{r:g} {r:g} 0 0 1 {-r:g} {-r:g}"
        f"v{-down:g}a{r:g} {r:g} 0 0 1 {r:g} {-r:g}z"
    )


def cross(x: float, y: float) -> str:
    """Return the path of the cross that stands for an error."""
    return f"M{x - 6:g} {y - 6:g}l12 12m0 -12l-12 12"


def _round(box: Box) -> str:
    return rounded(box, box.height / 2)


def _square(box: Box) -> str:
    return rounded(box, 4.0)


def _diamond(box: Box) -> str:
    x, y = box.centre
    return _polygon((x, box.top), (box.right, y), (x, box.bottom), (box.left, y))


def _hexagon(box: Box) -> str:
    _, y = box.centre
    left, right = box.left + box.width / 4, box.right - box.width / 4
    return _polygon(
        (box.left, y),
        (left, box.top),
        (right, box.top),
        (box.right, y),
        (right, box.bottom),
        (left, box.bottom),
    )


def _triangle(box: Box) -> str:
    x, _ = box.centre
    return _polygon((x, box.top), (box.right, box.bottom), (box.left, box.bottom))


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "z"


_OUTLINES: dict[Shape, Callable[[Box], str]] = {
    Shape.CIRCLE: _round,
    Shape.CLOUD: _round,
    Shape.DIAMOND: _diamond,
    Shape.HEXAGON: _hexagon,
    Shape.PILL: _round,
    Shape.SQUARE: _square,
    Shape.TRIANGLE: _triangle,
}
