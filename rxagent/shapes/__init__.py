"""Shapes: values of a type, read from JSON that is whole or still grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .attrs_classes import readable
    from .parts import Parts
    from .paths import Path, path_of
    from .shape import Shape

_MODULE_OF = {
    "Parts": "parts",
    "Path": "paths",
    "Shape": "shape",
    "path_of": "paths",
    "readable": "attrs_classes",
}

__all__ = ["Parts", "Path", "Shape", "path_of", "readable"]

__getattr__, __dir__ = lazily(__name__, _MODULE_OF, __all__)
