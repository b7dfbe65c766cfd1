"""The house: who may import whom. A room imports from its own floor and from those below."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "rxagent"

FLOORS = {
    0: [
        *(
            "arguments",
            "attributes",
            "call_arguments",
            "call_forms",
            "cells",
            "coalescing",
            "decisions",
            "dropped",
            "errors",
            "estimate",
            "exact_json",
            "finish_reasons",
            "frozen",
            "growing",
            "json_names",
            "json_schema",
            "json_text",
            "lazy",
            "lazy_field",
        ),
        *("messages", "events", "pickling", "price_table", "prices", "printable", "wire"),
    ],
    1: ["streams", "books", "draft", "ledger", "passages", "retelling", "shapes", "state", "steps"],
    2: ["operators"],
    2.5: ["runs"],
    3: ["models", "tools", "executors"],
    4: ["agents"],
    5: ["subscribers"],
    6: ["cli", "__main__"],
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

BESIDE = "testing"
"""Stands on floor 4 and may look down; only what shows it imports it."""
SHOW_THE_TESTING_KIT = {"rxagent.cli.demo", "rxagent.cli.draw", "rxagent.cli.draw_run"}

DOORWAY_FACTS = {"__version__"}
"""What every floor may ask the doorway; everything else there leads to a room by its own name."""


def modules(house):
    """Yield each module's full name and its file."""
    for path in sorted(house.rglob("*.py")):
        parts = path.relative_to(house.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(module, path):
    """Yield the line and full name of everything a module imports, lazily or for types too."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(source, names, level):
                base = resolve_name("." * level + (source or ""), package) if level else source
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)


def room_of(module):
    """Return the room a full name leads to; the doorway's own is the empty text."""
    return module.partition(".")[2].partition(".")[0]


def may_import(module, target):
    """Tell whether the house's rules let this module import that name."""
    room, wanted = room_of(module), room_of(target)
    if wanted in DOORWAY_FACTS or room == wanted:
        return True
    if wanted == BESIDE:
        return module in SHOW_THE_TESTING_KIT
    if wanted not in FLOOR_OF:
        return False
    return FLOOR_OF[wanted] <= (4 if room == BESIDE else FLOOR_OF[room])


def violations(house):
    """Return a sentence for each import that the house forbids."""
    return [
        f"{module}, line {line}: must not import {target}"
        for module, path in modules(house)
        if room_of(module)
        for line, target in imported(module, path)
        if target.partition(".")[0] == "rxagent" and not may_import(module, target)
    ]


def circles(house):
    """Return each circle of modules that import each other, as a sentence."""
    names = dict(modules(house))
    targets = {
        module: {name for target in imported(module, path) if (name := file_of(target[1], names))}
        for module, path in names.items()
    }
    try:
        TopologicalSorter(targets).prepare()
    except CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def file_of(target, names):
    """Return the module that an imported name is or lies in; None outside the house."""
    if target in names:
        return target
    package = target.rpartition(".")[0]
    return package if package in names and package != HOUSE.name else None


def test_imports_go_only_downwards():
    """No module imports from a floor above its own, at its top, inside a function or for types."""
    assert [] == violations(HOUSE)


def test_no_files_import_each_other():
    """The imports between files have no circle, those inside functions and for types included."""
    assert [] == circles(HOUSE)


def test_a_circle_is_found(tmp_path):
    """Also one that is closed by an import for types, or by a package's own doorway."""
    house = tmp_path / "rxagent"
    (house / "streams").mkdir(parents=True)
    (house / "streams/__init__.py").write_text("from .one import RunScheduler")
    (house / "streams/one.py").write_text("from .two import Task")
    (house / "streams/two.py").write_text("if TYPE_CHECKING:\n    from .one import RunScheduler")

    (sentence,) = circles(house)

    assert {"rxagent.streams.one", "rxagent.streams.two"} == set(sentence.split(" imports "))


def test_every_room_has_a_floor():
    """Each room is given its floor here, on purpose, and each name here is a room."""
    rooms = {room_of(module) for module, _ in modules(HOUSE)} - {""}

    assert rooms == {*FLOOR_OF, BESIDE}


def test_the_table_of_floors_is_that_of_the_test():
    """CONTRIBUTING.md lists each floor with its modules and packages."""
    page = (HOUSE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d.]+) \| (`.+`) \|$", page, re.MULTILINE)

    assert {floor: {*rooms} for floor, rooms in FLOORS.items()} == {
        float(floor): {*re.findall(r"`(\w+)`", rooms)} for floor, rooms in rows
    }


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a house of one module and returns what is wrong with it."""

    def build(file, source):
        path = tmp_path / "rxagent" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return violations(tmp_path / "rxagent")

    return build


FORBIDDEN = [
    ("events.py", "from .state import State"),
    ("events.py", "from . import state"),
    ("events.py", "import rxagent.state"),
    ("events.py", "import rxagent.agents.loop as loop"),
    ("events.py", "from rxagent.state import State"),
    ("events.py", "from rxagent import state"),
    ("events.py", "from rxagent import State"),
    ("events.py", "import rxagent"),
    ("streams/scheduler.py", "from ..operators import share"),
    ("streams/scheduler.py", "from .. import operators"),
    ("streams/__init__.py", "from ..operators.share import share"),
    ("operators/share.py", "def lazy():\n    from ..runs import Run"),
    ("state.py", "if TYPE_CHECKING:\n    from .runs import Run"),
    ("state.py", "try:\n    from .runs import Run\nexcept ImportError:\n    pass"),
    ("runs.py", "from .agents.loop import loop"),
    ("models/openai.py", "from ..agents import Agent"),
    ("agents/loop.py", "from ..subscribers import Console"),
    ("agents/loop.py", "from ..testing import scripted"),
    ("cli/main.py", "from ..testing import scripted"),
    ("testing/marbles.py", "from ..subscribers import Console"),
    ("testing/marbles.py", "from ..cli import main"),
    ("state.py", "from .attic import box"),
]


@pytest.mark.parametrize(("file", "source"), FORBIDDEN)
def test_an_upward_import_is_found(build, file, source):
    """However it is written, an import from above is reported once, with its module."""
    (found,) = build(file, source)
    module = "rxagent/" + file.removesuffix(".py").removesuffix("/__init__")

    assert [module.replace("/", "."), "must not import rxagent"] == [
        found.partition(",")[0],
        found.partition(": ")[2][:23],
    ]


ALLOWED = [
    ("state.py", "from .events import Event"),
    ("state.py", "from .streams import scheduler"),
    ("state.py", "import attrs, reactivex.operators"),
    ("events.py", "from . import messages"),
    ("streams/scheduler.py", "from . import loop\nfrom .workers import pool"),
    ("operators/share.py", "from ..streams.scheduler import RunScheduler"),
    ("models/openai.py", "from ..tools import Tool\nfrom .. import __version__"),
    ("agents/loop.py", "from ..runs import launch"),
    ("testing/marbles.py", "from ..agents import Agent\nfrom .picture import draw"),
    ("cli/demo.py", "from ..testing import scripted"),
    ("cli/main.py", "from ..subscribers import Console\nfrom rxagent.runs import Run"),
    ("__init__.py", "from .agents import Agent\nfrom . import testing"),
]


@pytest.mark.parametrize(("file", "source"), ALLOWED)
def test_a_downward_import_is_left_alone(build, file, source):
    """What lies below, in the same room or outside the house may be imported."""
    assert [] == build(file, source)


def test_no_file_is_too_long():
    """At 400 lines a file has two purposes."""
    long = {
        path.name: count
        for _, path in modules(HOUSE)
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }

    assert {} == long
