"""The style of a picture: colours for light and dark, which a page may replace."""

__all__ = ["PAPER", "STYLE", "fixed"]

_FONT = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'

_LIGHT_AND_DARK = {
    "text": ("#dbeafe", "#1e3566"),
    "text-edge": ("#1d4ed8", "#93b4ff"),
    "thought": ("#ede9fe", "#3b2a63"),
    "thought-edge": ("#6d28d9", "#c4b0ff"),
    "tool": ("#ffedd5", "#55320f"),
    "tool-edge": ("#b45309", "#fdba74"),
    "usage": ("#ccfbf1", "#12443f"),
    "usage-edge": ("#0f766e", "#5eead4"),
    "station": ("#e5e7eb", "#374151"),
    "station-edge": ("#4b5563", "#d1d5db"),
    "fault": ("#fee2e2", "#5b1f1f"),
    "fault-edge": ("#b91c1c", "#fca5a5"),
    "value": ("#fef9c3", "#45390f"),
    "value-edge": ("#854d0e", "#fde047"),
    "letter": ("#111827", "#f9fafb"),
    "quiet": ("#5f6772", "#9ca3af"),
    "box": ("#f3f4f6", "#262b33"),
    "span": ("#0e7490", "#67e8f9"),
}

_INK = ("#111827", "#e5e7eb")
_THEMES = ("light", "dark")

PAPER = dict(zip(_THEMES, ("#ffffff", "#14171c"), strict=True))
"""On which a picture stands whose theme is fixed."""


def fixed(theme: str) -> str:
    """Return the declarations by which a picture keeps its colours wherever it stands."""
    which = _THEMES.index(theme)
    return f"color:{_INK[which]};{_theme(which)}"


def _theme(which: int) -> str:
    return "".join(f"--{name}:{colours[which]};" for name, colours in _LIGHT_AND_DARK.items())


def _colour(name: str) -> str:
    return f"var(--marble-{name},var(--{name}))"


def _tone(name: str) -> str:
    return f".{name}{{fill:{_colour(name)};stroke:{_colour(name + '-edge')};stroke-width:1.5}}"


_TONES = [name for name in _LIGHT_AND_DARK if f"{name}-edge" in _LIGHT_AND_DARK]
_RULES = [
    f"text{{font:12px {_FONT};fill:currentColor;white-space:pre}}",
    f".pill{{fill:{_colour('letter')}}}",
    f".letter{{fill:{_colour('letter')};font-weight:600}}",
    ".name{font-weight:600}",
    ".legend{font-size:11px}",
    f".time{{font-size:11px;fill:{_colour('quiet')}}}",
    "path{fill:none;stroke:currentColor;stroke-linecap:round;stroke-linejoin:round}",
    ".line{stroke-width:1.5}",
    ".start{fill:currentColor}",
    ".end{stroke-width:3}",
    f".cross{{stroke:{_colour('fault-edge')};stroke-width:3}}",
    f".frame{{fill:{_colour('quiet')};fill-opacity:.15;stroke:none}}",
    f".box{{fill:{_colour('box')};stroke:{_colour('quiet')}}}",
    f".span{{fill:{_colour('span')};stroke:{_colour('span')};stroke-width:2}}",
    f".axis{{stroke:{_colour('quiet')}}}",
    f".guide{{stroke:{_colour('quiet')};stroke-dasharray:1 4;opacity:.5}}",
    *map(_tone, _TONES),
    ".cloud{stroke-dasharray:3 2.5}",
    f"path.unheard{{stroke:{_colour('quiet')};stroke-dasharray:2 3}}",
    f".unheard path{{fill:{_colour('box')};stroke:{_colour('quiet')};stroke-dasharray:2 3}}",
    f".unheard text{{fill:{_colour('quiet')}}}",
]

STYLE = "\n".join(
    [
        "",
        f".marbles,body[data-theme=light] .marbles{{{_theme(0)}}}",
        f"@media(prefers-color-scheme:dark){{.marbles{{{_theme(1)}}}svg.marbles:root{{color:{_INK[1]}}}}}",
        f"body[data-theme=dark] .marbles{{{_theme(1)}}}",
        ".marbles-figure{margin:0 0 2em}",
        # Where there is no room for legible letters, the picture scrolls within its place.
        ".marbles-scroll{overflow-x:auto}.marbles-scroll>.marbles{min-width:var(--least)}",
        *(f".marbles {rule}" for rule in _RULES),
        "",
    ]
)
"""Rules that hold for every picture on a page, so that it may hold them more than once.

A page that has set its theme, as furo does, is followed before the reader's system.
"""
